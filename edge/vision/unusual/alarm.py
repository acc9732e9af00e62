"""From readings to a finding: when the unusual begins, when it is over, and what it is."""

from collections.abc import Sequence
from typing import Final

from contract.messages import Box
from edge.vision.findings import (
    ALARM_SIGMA,
    BOXES,
    SUDDEN_MOTION,
    UNUSUAL_ACTIVITY,
    Finding,
    Thing,
    confidence_of,
    place_of,
    severity_of,
)
from edge.vision.unusual.anomaly import Cell, Reading

_RELEASE: Final = 0.8
"""An alarm goes on until the score is below this share of the threshold."""


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
        boxes=tuple(inside[:BOXES] or cells),
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
