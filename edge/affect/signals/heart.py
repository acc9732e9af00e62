"""The heart of one sensor, from the best that it has: its own optical pulse, intervals that it tells, or a rate."""

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.affect.signals.fitness import Fitness
from edge.affect.signals.intervals import Interval, IntervalCorrector
from edge.affect.signals.pace import Pace
from edge.affect.signals.pulse import Beat, BeatFinder
from edge.affect.signals.pulse_watch import PulseWatch
from edge.affect.signals.regular import EvenGrid
from edge.affect.signals.settings import SignalSettings
from edge.affect.signals.variability import rate_bpm, within

_LEAST_BEATS: Final = 3
_JOIN_MS: Final = 150.0


class Intervals:
    """Beats become intervals, corrected and kept as long as the longest window wants."""

    def __init__(self, settings: SignalSettings) -> None:
        self._settings = settings
        self._lowest_ms = 60_000.0 / settings.heart_highest_bpm
        self._highest_ms = 60_000.0 / settings.heart_lowest_bpm
        self.pace = Pace(lowest_ms=self._lowest_ms, highest_ms=self._highest_ms)
        self._corrector = IntervalCorrector(lowest_ms=self._lowest_ms, highest_ms=self._highest_ms)
        longest_s = max(settings.sdnn_window_s, settings.rmssd_window_s, settings.heart_window_s) + 180
        self.kept: deque[Interval] = deque(maxlen=round(longest_s * settings.heart_highest_bpm / 60))
        self._last_ns: int | None = None

    def beat(self, beat: Beat) -> list[Interval]:
        """A beat that was found; one of poor quality neither begins nor ends an interval."""
        if beat.quality < self._settings.beat_quality:
            self.pace.cut()
            return []
        self.pace.beat(beat.t_ns)
        last, self._last_ns = self._last_ns, beat.t_ns
        if last is None or (beat.t_ns - last) / 1e6 > 2.2 * self._highest_ms:
            return self._keep(self._corrector.cut())
        return self._keep(self._corrector.add(beat.t_ns, (beat.t_ns - last) / 1e6))

    def told(self, t_ns: int, ms: float) -> list[Interval]:
        """An interval that the sensor told, by the beat that ends it."""
        self.pace.beat(t_ns)
        last, self._last_ns = self._last_ns, t_ns
        joins = last is not None and abs((t_ns - last) / 1e6 - ms) <= max(_JOIN_MS, ms / 4)
        before = [] if joins else self._corrector.cut()
        return self._keep(before + self._corrector.add(t_ns, ms))

    def cut(self) -> list[Interval]:
        """The signal was interrupted."""
        self._last_ns = None
        self.pace.cut()
        return self._keep(self._corrector.cut())

    def rate(self, until_ns: int) -> float | None:
        """Beats a minute at `until_ns`."""
        return rate_bpm(within(self.kept, until_ns, self._settings.heart_window_s), least=_LEAST_BEATS)

    def _keep(self, found: list[Interval]) -> list[Interval]:
        self.kept.extend(found)
        return found


class PulseSignal:
    """Samples of an optical pulse in; beats and intervals out, worked on by half seconds of the samples' own time."""

    def __init__(self, settings: SignalSettings) -> None:
        self.intervals = Intervals(settings)
        self.fitness = Fitness()
        self._settings = settings
        self._grid = EvenGrid(gap_ns=round(settings.pulse_gap_s * 1e9))
        self._finder = BeatFinder()
        self._watch = PulseWatch()

    @property
    def points_down(self) -> bool:
        """Whether its beats point down."""
        return self._finder.points_down

    def block(
        self, times: Sequence[int], values: Sequence[float], cuts: frozenset[int]
    ) -> tuple[list[Beat], list[Interval]]:
        """What became known with the samples of one block."""
        numbers = np.array(values)
        beats: list[Beat] = []
        intervals: list[Interval] = []
        for piece in self._grid.pieces(np.array(times), numbers, cuts):
            if piece.cut:
                intervals += self.intervals.cut()
                self._watch.cut()
            for beat in self._finder.add(piece):
                beats.append(beat)
                intervals += self.intervals.beat(beat)
                self._watch.beat(good=beat.quality >= self._settings.beat_quality)
        self._watch.intervals(intervals)
        self.fitness.mark(times[-1], *self._watch.block(numbers))
        return beats, intervals
