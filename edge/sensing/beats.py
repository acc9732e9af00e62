"""Heart rate measurements as samples: each beat at its own time, though a strap tells of several at once, later.

The intervals from beat to beat are the strap's clock: laid onto ours like that of any board, they say when each beat
was. The rate goes with the newest beat. A measurement without skin contact is none, and leaves a gap.
"""

from edge.core.sample import Channel, Sample
from edge.sensing.heart_rate import HeartRate, parse_heart_rate
from edge.sensing.node_clock import NodeClock
from edge.sensing.sensor import ClockFigures
from edge.sensing.units import plausible

_TOO_LATE_S = 3.0
"""An interval that the radio lost makes all beats after it seem late; after so much the clock begins anew."""


class Beats:
    """Turns the notifications of one strap into samples."""

    def __init__(self, sensor_id: str) -> None:
        self.bad = 0
        """Notifications that could not be read."""
        self.implausible = 0
        """Values that no heart shows, and measurements without contact."""
        self._id = sensor_id
        self._clock = NodeClock(too_late_s=_TOO_LATE_S)
        self._fresh = True
        self._gap = False
        self._last_ns = 0

    def add(self, data: bytes, arrived_ns: int) -> list[Sample]:
        """The samples in a notification, in order of time."""
        found = parse_heart_rate(data)
        if found is None:
            self.bad += 1
            return self._nothing()
        if found.contact is False:
            self.implausible += 1
            return self._nothing()
        return [sample for sample in self._samples(found, arrived_ns) if sample]

    def figures(self) -> ClockFigures | None:
        """How the strap's beats stand to our clock."""
        return self._clock.figures()

    def _nothing(self) -> list[Sample]:
        """Beats are missing here: the next interval does not follow on the last beat that we know of."""
        self._gap = self._fresh = True
        return []

    def _samples(self, found: HeartRate, arrived_ns: int) -> list[Sample | None]:
        intervals = found.intervals_us
        if not intervals:
            self._fresh = True
            return [self._sample({Channel.HR_BPM: float(found.bpm)}, arrived_ns)]
        placed = self._clock.place([None if self._fresh else intervals[0], *intervals[1:]], arrived_ns)
        self._fresh = False
        samples = []
        for index, (interval, (moment, jumped)) in enumerate(zip(intervals, placed, strict=True)):
            self._gap |= jumped
            values = {Channel.IBI_MS: interval / 1000}
            if index == len(intervals) - 1:
                values[Channel.HR_BPM] = float(found.bpm)
            samples.append(self._sample(values, moment))
        return samples

    def _sample(self, values: dict[Channel, float], mono_ns: int) -> Sample | None:
        good = plausible(values)
        self.implausible += len(values) - len(good)
        if not good:
            self._gap = True
            return None
        self._last_ns = max(self._last_ns, mono_ns)
        gap, self._gap = self._gap, False
        return Sample(self._id, self._last_ns, good, None, gap)
