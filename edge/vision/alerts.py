"""From readings and tracks to findings: what is going on, how grave it is, and why, in words a person can check."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contract.messages import Box, Severity
from edge.vision.anomaly import Cell, Reading

MOTION: Final = "motion"
SUDDEN_MOTION: Final = "sudden_motion"
UNUSUAL_ACTIVITY: Final = "unusual_activity"
LOITERING: Final = "loitering"
SEVERITIES: Final[tuple[Severity, ...]] = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
ALARM_SIGMA: Final = 2.0
"""Severity scores are on the scale of U1.2, on which an alarm begins at 2 sigma."""
_BOUNDS: Final = (2.0, 3.5, 5.0)
_RELEASE: Final = 0.8
"""An alarm goes on until the score is below this share of the threshold."""
_HABITUAL: Final = 0.2
"""Where something moves in more than this share of all frames, staying is no loitering: trees, flags, a till."""
_LOITERING_WORST: Final = 5.0
_BOXES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A tracked thing in one frame: its box, whether it stands still, since when and for how long it has been moving,
    how long it has been in one place, and in what share of all frames something moves there."""

    box: Box
    still: bool
    since_ns: int
    moving_s: float
    dwell_s: float
    habitual_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is going on in this frame. `deviation` is in sigma, None where no baseline is involved."""

    type: str
    since_ns: int
    severity: Severity
    confidence: float
    reasoning: tuple[str, ...]
    boxes: tuple[Box, ...]
    deviation: float | None = None
    model: str = ""
    model_version: str = ""


def severity_of(score: float) -> Severity:
    """U1.2: above 5 CRITICAL, above 3.5 HIGH, above 2 MEDIUM, else LOW."""
    return SEVERITIES[sum(score > bound for bound in _BOUNDS)]


def confidence_of(score: float) -> float:
    """U1.2: the score against twice the sensitivity of 2 sigma, at most 1."""
    return round(min(max(score, 0.0) / (2 * ALARM_SIGMA), 1.0), 3)


def find_motion(things: Sequence[Thing], min_motion_s: float) -> Finding | None:
    """That something has been moving for `min_motion_s` or longer."""
    lasting = [thing for thing in things if not thing.still and thing.moving_s >= min_motion_s]
    if not lasting:
        return None
    longest = max(lasting, key=lambda thing: thing.moving_s)
    words = f"{_counted(len(lasting), 'thing')} moving, the longest for {longest.moving_s:.1f} s"
    return Finding(
        type=MOTION,
        since_ns=longest.since_ns,
        severity="LOW",
        confidence=round(min(longest.moving_s / (4 * min_motion_s), 1.0), 3),
        reasoning=(words,),
        boxes=tuple(thing.box for thing in lasting[:_BOXES]),
    )


def find_loitering(things: Sequence[Thing], loitering_s: float) -> Finding | None:
    """That something stays in one place for `loitering_s` or longer, where movement is not the habit."""
    staying = [thing for thing in things if thing.dwell_s >= loitering_s and thing.habitual_share <= _HABITUAL]
    if not loitering_s or not staying:
        return None
    longest = max(staying, key=lambda thing: thing.dwell_s)
    score = min(ALARM_SIGMA * longest.dwell_s / loitering_s + 0.01, _LOITERING_WORST)
    place = place_of(longest.box.x + longest.box.w / 2, longest.box.y + longest.box.h / 2)
    return Finding(
        type=LOITERING,
        since_ns=longest.since_ns,
        severity=severity_of(score),
        confidence=confidence_of(score),
        reasoning=(
            f"something stays in the {place} for {longest.dwell_s:.0f} s; {loitering_s:.0f} s is the limit",
            f"movement there is seen in {longest.habitual_share:.1%} of all frames",
        ),
        boxes=tuple(thing.box for thing in staying[:_BOXES]),
    )


class AnomalyAlarm:
    """Turns readings into one finding as long as it is unusual: so many frames in a row to begin, hysteresis to end."""

    def __init__(self, consecutive: int) -> None:
        self._consecutive = consecutive
        self._row: list[Reading] = []
        self._began_ns = 0
        self._type: str | None = None
        self._finding: Finding | None = None

    def step(self, reading: Reading, things: Sequence[Thing], at_ns: int) -> Finding | None:
        """The anomaly that goes on in this frame, if one does."""
        if self._type is None:
            self._gather(reading, at_ns)
        elif reading.score < reading.threshold * _RELEASE:
            self.reset()
        if self._type is not None and reading.cells:
            self._finding = _anomaly(self._type, self._began_ns, reading, things)
        return self._finding

    def reset(self) -> None:
        """Nothing unusual goes on."""
        self._row.clear()
        self._type = self._finding = None

    def _gather(self, reading: Reading, at_ns: int) -> None:
        if not reading.over:
            self._row.clear()
            return
        if not self._row:
            self._began_ns = at_ns
        self._row.append(reading)
        if len(self._row) >= self._consecutive:
            self._type = _type_of([cell for one in self._row for cell in one.cells])
            self._row.clear()


def place_of(x: float, y: float) -> str:
    """Where a point of the picture is, in words: `upper left`, `centre`, `lower right`."""
    column = ("left", "", "right")[min(int(x * 3), 2)]
    row = ("upper", "", "lower")[min(int(y * 3), 2)]
    return " ".join(word for word in (row, column) if word) or "centre"


def _type_of(cells: Sequence[Cell]) -> str:
    """`sudden_motion` where speed alone is unusual, for what is quick also changes much; else `unusual_activity`."""
    speeds = [cell.speed_sigma for cell in cells]
    return SUDDEN_MOTION if sum(speeds) > ALARM_SIGMA * len(speeds) else UNUSUAL_ACTIVITY


def _anomaly(kind: str, began_ns: int, reading: Reading, things: Sequence[Thing]) -> Finding:
    score = ALARM_SIGMA * reading.score / reading.threshold
    inside = [thing.box for thing in things if any(_touch(thing.box, cell) for cell in reading.cells)]
    cells = [Box(x=cell.x, y=cell.y, w=cell.w, h=cell.h, label=kind) for cell in reading.cells]
    summary = f"{reading.score:.1f} sigma from what was learned here; the alarm begins at {reading.threshold:.1f}"
    return Finding(
        type=kind,
        since_ns=began_ns,
        severity=severity_of(score),
        confidence=confidence_of(score),
        deviation=round(reading.score, 2),
        reasoning=(summary, *(_explain(cell) for cell in reading.cells)),
        boxes=tuple(inside[:_BOXES] or cells),
    )


def _explain(cell: Cell) -> str:
    place = f"{place_of(cell.x + cell.w / 2, cell.y + cell.h / 2)}, cell {_at(cell.x, cell.w)}/{_at(cell.y, cell.h)}"
    if cell.speed_sigma >= cell.change_sigma:
        words = f"speed {cell.speed:.1f} px a frame is {cell.speed_sigma:.1f} sigma"
    else:
        words = f"change of brightness {cell.change:.0f} is {cell.change_sigma:.1f} sigma"
    return f"{place}: {words} above its normal"


def _at(start: float, size: float) -> int:
    return round(start / size) + 1


def _touch(box: Box, cell: Cell) -> bool:
    across = min(box.x + box.w, cell.x + cell.w) > max(box.x, cell.x)
    return across and min(box.y + box.h, cell.y + cell.h) > max(box.y, cell.y)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
