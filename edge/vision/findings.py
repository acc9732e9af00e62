"""What analysis finds: things in the picture and what goes on with them, how grave it is, and why, in plain words."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from contract.messages import Box, Severity

MOTION: Final = "motion"
SUDDEN_MOTION: Final = "sudden_motion"
UNUSUAL_ACTIVITY: Final = "unusual_activity"
LOITERING: Final = "loitering"
TAMPERED: Final = "camera_tampered"
"""Somebody, or something, keeps the camera from seeing its place."""
SEVERITIES: Final[tuple[Severity, ...]] = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
ALARM_SIGMA: Final = 2.0
"""Severity scores are on the scale of U1.2, on which an alarm begins at 2 sigma."""
BOXES: Final = 16
"""A finding shows at most so many boxes."""
_BOUNDS: Final = (2.0, 3.5, 5.0)


class Thing(Struct, frozen=True, kw_only=True):
    """A tracked thing in one frame: its box, whether it stands still, since when and for how long it has been moving,
    how long it has been in one place, and in what share of all frames something moves there.

    `box.track` is its number, `box.label` the class that a detector gave it, else `motion` or `still`. `speed` is in
    picture widths a second over the last half second, `heading_deg` clockwise from up (None while it has none), `age_s`
    counts from its first sight, when its foot (bottom centre) was at `origin`.
    """

    box: Box
    still: bool
    since_ns: int
    moving_s: float
    dwell_s: float
    habitual_share: float
    speed: float = 0.0
    heading_deg: float | None = None
    age_s: float = 0.0
    label_confidence: float = 0.0
    origin: tuple[float, float] | None = None


class Finding(Struct, frozen=True, kw_only=True):
    """Something that is going on in this frame, in a zone or line (its id) and of a track where it is of one.

    `deviation` is in sigma, None where no baseline is involved.
    """

    type: str
    since_ns: int
    severity: Severity
    confidence: float
    reasoning: tuple[str, ...]
    boxes: tuple[Box, ...]
    deviation: float | None = None
    zone: str | None = None
    track: int | None = None
    model: str = ""
    model_version: str = ""

    def signed(self, model: str, version: str) -> "Finding":
        """The same, resting on that model."""
        return replace(self, model=model, model_version=version)


def severity_of(score: float) -> Severity:
    """U1.2: above 5 CRITICAL, above 3.5 HIGH, above 2 MEDIUM, else LOW."""
    return SEVERITIES[sum(score > bound for bound in _BOUNDS)]


def confidence_of(score: float) -> float:
    """U1.2: the score against twice the sensitivity of 2 sigma, at most 1."""
    return round(min(max(score, 0.0) / (2 * ALARM_SIGMA), 1.0), 3)


def place_of(x: float, y: float) -> str:
    """Where a point of the picture is, in words: `upper left`, `centre`, `lower right`."""
    column = ("left", "", "right")[min(int(x * 3), 2)]
    row = ("upper", "", "lower")[min(int(y * 3), 2)]
    return " ".join(word for word in (row, column) if word) or "centre"
