"""Today's boards: rows of `millis,gsr,hr`, as samples."""

from edge.core.sample import Sample
from edge.sensing.line import LineParser, Row
from edge.sensing.node_clock import NodeClock
from edge.sensing.sensor import Diagnosis
from edge.sensing.settings import SerialSettings
from edge.sensing.units import BoardUnits


class LineDialect:
    """A `Dialect` of rows."""

    board = "board of rows"

    def __init__(self, settings: SerialSettings) -> None:
        self._id = settings.id
        self._units = BoardUnits(settings.gsr_unit, settings.gsr_calibration, settings.hr_unit)
        self._parser = LineParser()
        self._clock = NodeClock()
        self._rows = self._implausible = 0
        self._gap = False

    @property
    def heard(self) -> bool:
        """Whether a row came."""
        return self._rows > 0

    def feed(self, data: bytes, arrived_ns: int) -> list[Sample]:
        """The samples of the rows that `data` completes; a row of which nothing can be believed leaves a gap."""
        rows = self._parser.feed(data)
        self._rows += len(rows)
        elapsed = [None if row.elapsed_ms is None else row.elapsed_ms * 1000 for row in rows]
        placed = self._clock.place(elapsed, arrived_ns)
        return [s for row, (at, jumped) in zip(rows, placed, strict=True) if (s := self._sample(row, at, jumped))]

    def diagnosis(self) -> Diagnosis:
        """What could not be read or believed."""
        parser = self._parser
        return Diagnosis(
            bad_rows=parser.bad_rows,
            implausible=self._implausible,
            resets=parser.resets,
            last_bad=tuple(parser.last_bad),
            board=self.board,
            calibrated=self._units.gsr_unit != "grove_adc" or self._units.gsr_calibration > 0,
            clock=self._clock.figures(),
        )

    def _sample(self, row: Row, mono_ns: int, jumped: bool) -> Sample | None:
        values = self._units.values(row.gsr, row.hr)
        self._implausible += 2 - len(values)
        self._gap = self._gap or row.gap_before or jumped
        if not values:
            self._gap = True
            return None
        gap, self._gap = self._gap, False
        return Sample(self._id, mono_ns, values, row.millis, gap)
