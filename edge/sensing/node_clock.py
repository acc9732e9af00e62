"""When a sample was really measured: the board's clock, laid onto ours.

Samples arrive late and in bunches, never early; the board's own time has no such noise. So the lateness of arrivals,
drawn over the board's time, has a sharp lower edge: its slope is the drift between the two crystals, its height the
offset. Each second of board time keeps its quickest arrival, for two minutes; of all lines that no arrival lies below,
the one is taken that lies closest to all of them. It is the edge of the lower convex hull over the middle of the
window (the least-squares line would follow every stall of the host instead). See Moon, Skelly and Towsley, "Estimation
and removal of clock skew from network delay measurements", INFOCOM 1999.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

from edge.sensing.lower_edge import Line, lower_edge
from edge.sensing.sensor import ClockFigures

STEEPEST: Final = 0.01
"""10000 ppm: twice what the ceramic resonator of an Arduino may be off."""
_BUCKET_NS: Final = 1_000_000_000
_BUCKETS: Final = 120
_BUCKETS_FOR_DRIFT: Final = 6
_SLEW: Final = 0.02
_SLEW_AT_FIRST: Final = 0.25
_AT_FIRST_NS: Final = 3_000_000_000
"""The moments follow a better estimate by this much of the time that passes, so that no step tears the signal."""
_TOO_EARLY_NS: Final = 500_000_000
_LASTING: Final = 10
"""So many buckets in a row that are all late: the board's clock stood still, the path did not get longer."""
_LASTING_NS: Final = 250_000_000
_SOFTEN: Final = 1 / 64
"""Weight of the newest arrival in the jitter."""


class NodeClock:
    """Maps the time of one board to ours. Arrivals more than `too_late_s` late tell that the clocks no longer fit."""

    def __init__(self, *, too_late_s: float = 10.0) -> None:
        self._too_late_ns = round(too_late_s * 1e9)
        self._last_ns: int | None = None
        self._mapping: _Mapping | None = None

    def place(self, elapsed_us: Sequence[int | None], arrived_ns: int) -> list[tuple[int, bool]]:
        """The moments of samples that were read together at `arrived_ns`.

        `elapsed_us` is the board's time of each since the one before, None for the first ever and the first after a
        reset. The flag of a moment tells that the two clocks no longer fit there (the board or the host slept, the
        board's clock jumped) and began anew. Moments never go back, and never lie after `arrived_ns`.
        """
        moments: list[tuple[int, bool]] = []
        for node_ns, mapping, jump in self._observe(elapsed_us, arrived_ns):
            latest = arrived_ns - (mapping.node_ns - node_ns)
            moment = min(mapping.moment(node_ns), latest)
            self._last_ns = moment if self._last_ns is None else max(self._last_ns, moment)
            moments.append((self._last_ns, jump))
        return moments

    def figures(self) -> ClockFigures | None:
        """How the clocks stand to each other since the board's last start; None before the first sample."""
        return self._mapping.figures() if self._mapping else None

    def _observe(self, elapsed_us: Sequence[int | None], arrived_ns: int) -> "list[tuple[int, _Mapping, bool]]":
        """Learn from all arrivals before any is placed: of samples read together, the last was late the least."""
        seen = []
        for elapsed, came_ns in zip(elapsed_us, _latest(elapsed_us, arrived_ns), strict=True):
            jump = False
            if elapsed is None or self._mapping is None:
                self._mapping = _Mapping(came_ns)
            elif not self._mapping.fits(elapsed * 1000, came_ns, self._too_late_ns):
                self._mapping, jump = _Mapping(came_ns), True
            else:
                self._mapping.learn(elapsed * 1000, came_ns)
            seen.append((self._mapping.node_ns, self._mapping, jump))
        return seen


def _latest(elapsed_us: Sequence[int | None], arrived_ns: int) -> list[int]:
    """When each of the samples that were read together was made at the latest: as long before the next as it says."""
    came = []
    for elapsed in reversed(elapsed_us):
        came.append(arrived_ns)
        arrived_ns -= (elapsed or 0) * 1000
    return came[::-1]


class _Mapping:
    """One stretch without a jump: from the board's time since its first sample to ours."""

    def __init__(self, arrived_ns: int) -> None:
        self.node_ns = 0
        self._began_ns = arrived_ns
        self._quickest: deque[tuple[float, float]] = deque([(0.0, 0.0)], maxlen=_BUCKETS)
        self._line = Line(0.0, 0.0)
        self._applied_ns = 0.0
        self._applied_at_ns: int | None = None
        self._late_ns = self._spread_ns2 = 0.0

    def fits(self, elapsed_ns: int, arrived_ns: int, too_late_ns: int) -> bool:
        """Whether an arrival can belong to this stretch."""
        node_ns = self.node_ns + elapsed_ns
        late_ns = arrived_ns - self._began_ns - node_ns - self._line.at(node_ns)
        return -_TOO_EARLY_NS - STEEPEST * elapsed_ns <= late_ns <= too_late_ns and not self._stood_still(late_ns)

    def learn(self, elapsed_ns: int, arrived_ns: int) -> None:
        """Take one arrival in."""
        self.node_ns += elapsed_ns
        delay_ns = float(arrived_ns - self._began_ns - self.node_ns)
        if self.node_ns - self._bucket_start() >= _BUCKET_NS:
            self._quickest.append((float(self.node_ns), delay_ns))
            self._line = self._fit()
        elif delay_ns < self._quickest[-1][1]:
            self._quickest[-1] = (float(self.node_ns), delay_ns)
        self._line = self._line.lowered_to(self.node_ns, delay_ns)
        self._note_lateness(delay_ns - self._line.at(self.node_ns))

    def moment(self, node_ns: int) -> int:
        """Our time of the board's, drawing near to the newest estimate without a step."""
        wanted = self._line.at(node_ns)
        if self._applied_at_ns is None:
            self._applied_ns = wanted
        else:
            slew = _SLEW_AT_FIRST if node_ns < _AT_FIRST_NS else _SLEW
            most = slew * max(0, node_ns - self._applied_at_ns)
            self._applied_ns += min(max(wanted - self._applied_ns, -most), most)
        self._applied_at_ns = node_ns
        return self._began_ns + node_ns + round(self._applied_ns)

    def figures(self) -> ClockFigures:
        return ClockFigures(
            offset_ms=round(self._line.at(self.node_ns) / 1e6, 3),
            drift_ppm=round(self._line.slope * 1e6, 1),
            jitter_ms=round(math.sqrt(self._spread_ns2) / 1e6, 3),
        )

    def _bucket_start(self) -> float:
        return self._quickest[-1][0] // _BUCKET_NS * _BUCKET_NS

    def _fit(self) -> Line:
        """The line below all quickest arrivals; flat until there are enough for a slope."""
        done = list(self._quickest)[:-1]
        if len(done) < _BUCKETS_FOR_DRIFT:
            return Line(0.0, min(delay for _, delay in self._quickest))
        return lower_edge(done, STEEPEST)

    def _stood_still(self, late_ns: float) -> bool:
        if late_ns <= _LASTING_NS:
            return False
        newest = list(self._quickest)[-_LASTING:]
        return len(newest) == _LASTING and all(delay - self._line.at(x) > _LASTING_NS for x, delay in newest)

    def _note_lateness(self, late_ns: float) -> None:
        away = late_ns - self._late_ns
        self._late_ns += _SOFTEN * away
        self._spread_ns2 = (1 - _SOFTEN) * (self._spread_ns2 + _SOFTEN * away * away)
