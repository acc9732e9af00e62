"""Time cut into segments of 5 s, by the monotonic clock alone.

A *run* is a viewing, or the device's own time between viewings. Its segments start exactly 5000 ms apart (S0.32) and
carry start and end (X.7), in wall time counted from the run's own start: whatever the wall clock does meanwhile,
segments of one run neither overlap nor tear. The last segment of a run may be shorter; its end says so.
"""

from dataclasses import dataclass
from typing import Final

from edge.core.clock import Stamp

SEGMENT_MS: Final = 5000
_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of a run, by both clocks; `index` counts from 0 within the run."""

    index: int
    start_ns: int
    end_ns: int
    start_ms: int
    end_ms: int

    @property
    def partial(self) -> bool:
        """Whether the run ended before this segment was whole."""
        return self.end_ms - self.start_ms < SEGMENT_MS


class Segmenter:
    """Cuts one run. Pure: it is told the time."""

    def __init__(self, started: Stamp) -> None:
        self.started = started
        self._next = 0

    @property
    def next_end_ns(self) -> int:
        """When the segment that is open now will be whole."""
        return self._at_ns(self._next + 1)

    @property
    def open_segment(self) -> Segment:
        """The segment that is open now, as it will be once whole."""
        return self._segment(self._next, SEGMENT_MS)

    def due(self, now_ns: int) -> list[Segment]:
        """The whole segments that ended by now and were not told before, in order, without holes."""
        count = max(0, (now_ns - self._at_ns(self._next)) // (SEGMENT_MS * _MS))
        segments = [self._segment(self._next + step, SEGMENT_MS) for step in range(count)]
        self._next += count
        return segments

    def finish(self, end_ns: int) -> list[Segment]:
        """As `due`, and what is left up to `end_ns` as a partial segment if it has at least a millisecond."""
        segments = self.due(end_ns)
        left_ms = (end_ns - self._at_ns(self._next)) // _MS
        if left_ms > 0:
            segments.append(self._segment(self._next, left_ms))
            self._next += 1
        return segments

    def _segment(self, index: int, length_ms: int) -> Segment:
        start_ns, start_ms = self._at_ns(index), self.started.wall_ms + index * SEGMENT_MS
        return Segment(index, start_ns, start_ns + length_ms * _MS, start_ms, start_ms + length_ms)

    def _at_ns(self, index: int) -> int:
        return self.started.mono_ns + index * SEGMENT_MS * _MS
