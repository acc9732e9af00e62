"""Whether the picture is fit to be judged: a camera that is covered, turned away, out of focus, blind or hung must be
told of, and must not be taken for motion or teach anything."""

from dataclasses import dataclass
from typing import Final

from edge.vision.findings import TAMPERED, Finding, confidence_of, severity_of
from edge.vision.pixels.faults import Fault, FaultFinder
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.repeats import RepeatWatch
from edge.vision.state import ConditionKind

_TAMPERING: Final[frozenset[ConditionKind]] = frozenset({"covered", "moved", "blurred"})
_SECOND: Final = 1_000_000_000
_ENTER_NS: Final[dict[ConditionKind, int]] = {
    "black": _SECOND,
    "bright": 2 * _SECOND,
    "covered": 2 * _SECOND,
    "blurred": 4 * _SECOND,
    "moved": 4 * _SECOND,
}
"""How long it must look so until it is said."""
_EARNEST_NS: Final = 60 * _SECOND
_PATIENCE: Final = 64
"""A blur, which is only likely, must last twice as long to be said again if it passed by itself within the first of
these; so many times as long at most. What comes and goes is told of less and less."""
_STEADY_NS: Final = _SECOND
"""How long it must look the same until it is called that; and how long well, until it is called well."""
_DEFOCUS_NS: Final = 200_000_000
"""Shaken pictures are blurred for moments; motion can be told in them."""
_ACCEPT_NS: Final[dict[ConditionKind, int]] = {"moved": 60 * _SECOND, "blurred": 1800 * _SECOND}
"""When a view that stays is taken for the normal one."""
_STALE_NS: Final = 600 * _SECOND
"""After so long without the view, the background is learned anew."""
_LEARN_NS, _BEGIN_NS = _SECOND, _SECOND // 4
"""Between two pictures that are learned from; and as long as there were few."""
_BUSY: Final = 0.3
"""Moving share above which nothing is learned of the view."""
_USUAL: Final = 0.1
_SUDDEN_FROM: Final = 40.0
"""Luma: what was brighter than this over the last ten seconds did not become black by nightfall."""
_SCORES: Final[dict[ConditionKind, tuple[float, float]]] = {
    "black": (3.6, 0.0),
    "bright": (2.0, 0.0),
    "covered": (3.6, 1.3),
    "moved": (3.6, 1.3),
    "blurred": (2.1, 1.3),
}
"""Scores on the scale of U1.2: the least, and how much more when it is as clear as can be. HIGH, but for a blur."""
_HANGS: Final = ("the very same picture comes again and again: the source hangs, or shows a still picture",)
_ACCEPTED: Final = ("the camera has been looking at this for long enough: the view is taken for the normal one",)


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
        self.reset()

    def reset(self) -> None:
        """Forget the view that was learned, and what is going on."""
        self._faults = FaultFinder()
        self._repeats = RepeatWatch()
        self._told: Condition | None = None
        self._suspect: ConditionKind = "ok"
        self._suspect_ns = self._bad_ns = self._learned_ns = 0
        self._usual_luma = 0.0
        self._patience = 1

    def step(self, luma: Plane, *, background: Plane | None, moving_share: float, at_ns: int) -> Condition:
        """Judge a plane before the motion detector gets it; `luma` must not change afterwards.

        `background` is the detector's as it is before this frame, None while that is still learning; `moving_share`
        that of the frame before; `at_ns` monotonic and never falling. Raise `ValueError` if `luma` is of another size.
        """
        if luma.shape != self._shape:
            raise ValueError(f"a plane of {luma.shape} where {self._shape} was expected")
        told = self._told or Condition(kind="ok", since_ns=at_ns)
        fault = self._faults.find(luma, at_ns, told.kind, moving_share=moving_share)
        self._suspect_since(fault, at_ns)
        relearn = False
        if self._is_accepted(told, fault, at_ns):
            self._faults.adopt(luma)
            told, fault, relearn = Condition(kind="ok", since_ns=at_ns, reasoning=_ACCEPTED), Fault("ok"), True
        elif self._is_due(told, fault, at_ns):
            relearn = fault.kind == "ok" and at_ns - told.since_ns > _STALE_NS
            if told.kind == "blurred" and fault.kind == "ok":
                self._be_patient(told, at_ns)
            told = self._tell(fault, at_ns)
        elif background is not None and moving_share < _BUSY and told.kind == fault.kind == "ok":
            self._learn(luma, background, at_ns)
        self._told = told
        frozen_ns = self._repeats.step(luma, at_ns)
        if told.kind != "ok":
            return told
        if frozen_ns is not None:
            fit = not self._repeats.repeats
            return Condition(kind="frozen", since_ns=frozen_ns, reasoning=_HANGS, score=2.0, judged=fit)
        starting = background is None and not self._faults.known
        return Condition(
            kind="starting" if starting else "ok",
            since_ns=told.since_ns,
            reasoning=told.reasoning,
            judged=relearn or fault.judged or self._is_let_pass(fault, at_ns),
            relearn=relearn,
        )

    def _suspect_since(self, fault: Fault, at_ns: int) -> None:
        if fault.kind == self._suspect:
            return
        if self._suspect == "ok":
            self._bad_ns = at_ns
        self._suspect, self._suspect_ns = fault.kind, at_ns

    def _is_due(self, told: Condition, fault: Fault, at_ns: int) -> bool:
        """Whether something else is to be said than before."""
        if fault.kind == told.kind or at_ns - self._suspect_ns < _STEADY_NS:
            return False
        if fault.kind == "ok":
            return True
        since_ns = self._faults.other_since_ns if fault.kind == "moved" else self._bad_ns
        return since_ns is not None and at_ns - since_ns >= self._wait_ns(fault.kind)

    def _wait_ns(self, kind: ConditionKind) -> int:
        return _ENTER_NS[kind] * (self._patience if kind == "blurred" else 1)

    def _be_patient(self, told: Condition, at_ns: int) -> None:
        said_ns = at_ns - told.since_ns - self._wait_ns("blurred")
        self._patience = 1 if said_ns >= _EARNEST_NS else min(2 * self._patience, _PATIENCE)

    def _is_let_pass(self, fault: Fault, at_ns: int) -> bool:
        """Whether a blur that is not said is no reason either not to look for motion."""
        return fault.kind == "blurred" and (self._patience > 1 or at_ns - self._bad_ns < _DEFOCUS_NS)

    def _is_accepted(self, told: Condition, fault: Fault, at_ns: int) -> bool:
        after_ns = _ACCEPT_NS.get(told.kind)
        return after_ns is not None and fault.kind == told.kind and at_ns - told.since_ns >= after_ns

    def _tell(self, fault: Fault, at_ns: int) -> Condition:
        if fault.kind == "ok":
            return Condition(kind="ok", since_ns=at_ns)
        least, more = _SCORES[fault.kind]
        return Condition(
            kind=fault.kind,
            since_ns=self._bad_ns,
            reasoning=(fault.why,),
            score=least + more * fault.clearly,
            sudden=fault.kind != "black" or self._usual_luma > _SUDDEN_FROM,
            judged=False,
        )

    def _learn(self, luma: Plane, background: Plane, at_ns: int) -> None:
        if self._faults.known and at_ns - self._learned_ns < (_LEARN_NS if self._faults.settled else _BEGIN_NS):
            return
        mean = float(luma.mean())
        self._usual_luma += (_USUAL if self._faults.known else 1.0) * (mean - self._usual_luma)
        self._faults.learn(luma, background, at_ns)
        self._learned_ns = at_ns


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
