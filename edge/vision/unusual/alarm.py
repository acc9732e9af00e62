"""From readings to a finding: when the unusual begins, when it is over, and what it is."""

from collections.abc import Sequence

from contract.messages import Box
from edge.vision.findings import (
    ALARM_SIGMA,
    BOXES,
    SUDDEN_MOTION,
    UNUSUAL_ACTIVITY,
    Finding,
    Thing,
    confidence_of,
    severity_of,
)
from edge.vision.unusual.reading import Cell, Reading
from edge.vision.unusual.scores import RELEASE
from edge.vision.unusual.words import reasons

TYPES = (SUDDEN_MOTION, UNUSUAL_ACTIVITY)
"""What an anomaly may be called."""


class AnomalyAlarm:
    """Turns readings into one finding as long as it is unusual: so many frames in a row to begin, hysteresis to end."""

    def __init__(self, consecutive: int) -> None:
        self._consecutive = consecutive
        self._row: list[Reading] = []
        self._began_ns = 0
        self._type: str | None = None
        self._finding: Finding | None = None

    def step(
        self, reading: Reading, things: Sequence[Thing], at_ns: int, *, score_bonus: float = 0.0
    ) -> Finding | None:
        """The anomaly that goes on in this frame, if one does. `score_bonus` sigma are added to its severity (U1.1)."""
        if self._type is None:
            self._gather(reading, at_ns)
        elif reading.score < reading.threshold * RELEASE:
            self.reset()
        if self._type is not None and reading.cells:
            self._finding = _anomaly(self._type, self._began_ns, reading, things, score_bonus)
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


def _anomaly(kind: str, began_ns: int, reading: Reading, things: Sequence[Thing], score_bonus: float) -> Finding:
    score = ALARM_SIGMA * reading.score / reading.threshold
    inside = [thing.box for thing in things if any(_touch(thing.box, cell) for cell in reading.cells)]
    cells = [Box(x=cell.x, y=cell.y, w=cell.w, h=cell.h, label=kind) for cell in reading.cells]
    return Finding(
        type=kind,
        since_ns=began_ns,
        severity=severity_of(score + score_bonus),
        confidence=confidence_of(score),
        deviation=round(reading.score, 2),
        reasoning=reasons(reading, score_bonus),
        boxes=tuple(inside[:BOXES] or cells),
    )


def _touch(box: Box, cell: Cell) -> bool:
    across = min(box.x + box.w, cell.x + cell.w) > max(box.x, cell.x)
    return across and min(box.y + box.h, cell.y + cell.h) > max(box.y, cell.y)
