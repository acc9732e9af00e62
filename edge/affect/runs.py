"""Which segments of which run are over: viewings and the device's own time between them, told apart after the fact.

Everything goes by stamps and nothing by when it was asked, so that a busy loop moves no boundary.
"""

from dataclasses import dataclass
from typing import Final

from edge.affect.segments import Segment, Segmenter
from edge.affect.session import Viewing, Viewings
from edge.core.clock import Stamp, wall_ms_of

_WALL_STEP_MS: Final = 1000
"""A wall clock that moved by less was disciplined, one that moved by more was set."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A segment that is over. `viewing` is None in the device's own run; `onset`: something new began with it."""

    segment: Segment
    viewing: Viewing | None
    onset: bool


class Runs:
    """The runs of one sensor from `started` on.

    When a person or NTP sets the wall clock, a viewing keeps the time it began with, so that its segments stay 5000 ms
    apart; the device's own run ends, and another begins with `index` 0 in the new time.
    """

    def __init__(self, sensor_id: str, viewings: Viewings, started: Stamp) -> None:
        self._sensor_id = sensor_id
        self._viewings = viewings
        self._seen_ns = started.mono_ns
        self._viewing = viewings.at(sensor_id, started.mono_ns)
        self._segmenter = Segmenter(started)
        self._onset = True

    @property
    def viewing(self) -> Viewing | None:
        """Whose run it is as far as it was told; None in the device's own."""
        return self._viewing

    def closed_by(self, horizon_ns: int, now: Stamp) -> list[Closed]:
        """What ended by `horizon_ns` and was not told before, in order; `now` is the present by both clocks."""
        closed: list[Closed] = []
        for moment in self._viewings.changes(self._sensor_id, self._seen_ns, horizon_ns):
            viewing = self._viewings.at(self._sensor_id, moment.mono_ns)
            if _key(viewing) != _key(self._viewing):
                closed += self._told(self._segmenter.finish(moment.mono_ns))
                self._viewing, self._segmenter, self._onset = viewing, Segmenter(moment), True
        closed += self._told(self._segmenter.due(horizon_ns))
        self._seen_ns = max(self._seen_ns, horizon_ns)
        self._follow_wall(now)
        return closed

    def next_due_ns(self) -> int:
        """The next moment at which something closes, as far as is known now."""
        coming = [one.mono_ns for one in self._viewings.changes(self._sensor_id, self._seen_ns + 1, None)]
        return min([self._segmenter.next_end_ns, *coming])

    def _told(self, segments: list[Segment]) -> list[Closed]:
        closed = []
        for segment in segments:
            closed.append(Closed(segment, self._viewing, self._onset))
            self._onset = False
        return closed

    def _follow_wall(self, now: Stamp) -> None:
        open_segment = self._segmenter.open_segment
        wall_ms = wall_ms_of(open_segment.start_ns, now)
        if self._viewing is None and abs(wall_ms - open_segment.start_ms) > _WALL_STEP_MS:
            self._segmenter = Segmenter(Stamp(open_segment.start_ns, max(0, wall_ms), now.trusted))


def _key(viewing: Viewing | None) -> tuple[str, int] | None:
    return (viewing.session_id, viewing.started.mono_ns) if viewing else None
