"""Skin conductance as it comes: cleaned, split into level and responses, and marked where it is no skin at all.

Cleaning: means of 1/8 s, and, where the sensor is faster than 6 Hz, a weighted mean of three of them (half power at
1.5 Hz; responses have nothing above 1 Hz). Level: a first-order low-pass of 10 s, which follows time as it was, not the
number of samples. What changes faster than skin can is marked as motion: 10 microsiemens a second either way (Kleckner
et al., IEEE Trans. Biomed. Eng. 65, 2018), or a fall by a third of the level within a second.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from contract.messages import SignalState
from edge.affect.signals.cells import Cells, Point
from edge.affect.signals.responses import ResponseFinder, SkinResponse
from edge.affect.signals.settings import SignalSettings

_TONIC_S: Final = 10.0
_FAST_NS: Final = 166_000_000
_STEEPEST_US_S: Final = 10.0
_STEEPEST_FALL: Final = 0.33
_LEAST_FALL_US_S: Final = 0.5
_MOTION_NS: Final = 2_000_000_000
_FLAT_NS: Final = 20_000_000_000
_ROUGH_S: Final = 4.0
_ROUGHEST: Final = 1.5
"""In thresholds of a response: the mean bend from point to point above which no response can be told from noise."""
_BEND_S: Final = 0.25
"""Of points that lie further apart the bend counts less, as they do: the line of a skin bends more between them."""


@dataclass(frozen=True, slots=True)
class SkinPoint:
    """One cleaned point; `tonic` and `phasic` are None where it is not skin.

    `alone`: it was cut from the point before it, and that one was too, so that no response could be seen.
    """

    t_ns: int
    state: SignalState
    tonic: float | None
    phasic: float | None
    alone: bool = False


@dataclass(slots=True)
class _Flow:
    """What one uninterrupted piece carries from point to point."""

    tonic: float
    before: Point
    last: Point
    roughness: float = 0.0
    moved_ns: int | None = None


class SkinSignal:
    """Samples of skin conductance in; `points` and `responses` are taken out by who asks."""

    def __init__(self, settings: SignalSettings) -> None:
        self._settings = settings
        self._cells = Cells(gap_ns=round(settings.gap_s * 1e9))
        self._finder = ResponseFinder(least=settings.scr_threshold_us)
        self._flow: _Flow | None = None
        self._same: tuple[float, int] = (math.nan, 0)

    def add(
        self, times: Sequence[int], values: Sequence[float], cuts: frozenset[int]
    ) -> Iterator[tuple[int, SkinPoint, SkinResponse | None]]:
        """Each point that became known with these samples, the time of the sample with which it did, and the response
        that became known with it."""
        for known_ns, point in self._cells.add(times, values, cuts):
            yield known_ns, *self._take(point)

    def _take(self, point: Point) -> tuple[SkinPoint, SkinResponse | None]:
        off = self._no_skin(point.value)
        if point.value != self._same[0]:
            self._same = (point.value, point.t_ns)
        if off is not None:
            self._flow = None
            return SkinPoint(point.t_ns, off, None, None), None
        if point.cut or self._flow is None:
            alone = self._flow is not None and self._flow.before is self._flow.last
            self._finder.cut()
            self._flow = _Flow(point.value, point, point)
            return SkinPoint(point.t_ns, "noisy" if alone else "ok", point.value, 0.0, alone), None
        return self._follow(self._flow, point)

    def _no_skin(self, value: float) -> SignalState | None:
        if value >= self._settings.saturated_us:
            return "saturated"
        return "electrode_off" if value < self._settings.electrode_off_us else None

    def _follow(self, flow: _Flow, point: Point) -> tuple[SkinPoint, SkinResponse | None]:
        """Work on the point before `point`, which alone can be cleaned now."""
        at, clean = flow.last, _clean(flow.before, flow.last, point)
        seconds = (at.t_ns - flow.before.t_ns) / 1e9
        flow.tonic += (1.0 - math.exp(-seconds / _TONIC_S)) * (clean - flow.tonic)
        _feel(flow, point)
        flow.before, flow.last = flow.last, point
        state = self._state(flow, at.t_ns)
        found = self._finder.add(at.t_ns, clean - flow.tonic)
        if found is not None and (state in ("motion", "noisy") or _shaken(flow, found)):
            found = None
        return SkinPoint(at.t_ns, state, flow.tonic, clean - flow.tonic), found

    def _state(self, flow: _Flow, t_ns: int) -> SignalState:
        if flow.moved_ns is not None and t_ns - flow.moved_ns < _MOTION_NS:
            return "motion"
        if flow.roughness > _ROUGHEST * self._settings.scr_threshold_us:
            return "noisy"
        return "flat" if t_ns - self._same[1] > _FLAT_NS else "ok"


def _clean(before: Point, at: Point, after: Point) -> float:
    if at.t_ns - before.t_ns > _FAST_NS or after.t_ns - at.t_ns > _FAST_NS:
        return at.value
    return (before.value + 2 * at.value + after.value) / 4


def _feel(flow: _Flow, point: Point) -> None:
    """Mark a change that no skin makes, and how rough the line has been of late."""
    seconds = (point.t_ns - flow.last.t_ns) / 1e9
    slope = (point.value - flow.last.value) / seconds
    steepest_fall = max(_LEAST_FALL_US_S, _STEEPEST_FALL * flow.last.value)
    if slope > _STEEPEST_US_S or slope < -min(_STEEPEST_US_S, steepest_fall):
        flow.moved_ns = point.t_ns
    bend = abs(flow.before.value - 2 * flow.last.value + point.value) if flow.before is not flow.last else 0.0
    bend *= min(1.0, _BEND_S / seconds)
    flow.roughness += (1.0 - math.exp(-seconds / _ROUGH_S)) * (bend - flow.roughness)


def _shaken(flow: _Flow, response: SkinResponse) -> bool:
    return flow.moved_ns is not None and flow.moved_ns >= response.onset_ns
