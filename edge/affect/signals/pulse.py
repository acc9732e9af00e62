"""Finds the beats in an optical pulse: systolic peaks with an adaptive threshold, a refractory time and a quality.

After Elgendi et al., Systolic peak detection in acceleration photoplethysmograms, PLoS ONE 8(10): e76585, 2013: where
the mean of the squared, band-passed wave over a peak's length is above its mean over a beat's, there is a beat. Here
the band-pass is a short Hann window less the mean of the second around, so that a beat is known 1 s after it was.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.affect.signals.refractory import Refractory
from edge.affect.signals.regular import CELL_NS, RATE_HZ, EvenPiece, Floats
from edge.affect.signals.waves import WaveJudge

_SMOOTH: Final = np.hanning(9)[1:-1] / np.hanning(9).sum()
"""Half power at 6.5 Hz."""
_SECOND: Final = RATE_HZ + 1
_PEAK: Final = 7
"""Elgendi's 111 ms."""
_BEAT: Final = 43
"""Elgendi's 667 ms."""
_OFFSET: Final = 0.02
_OFFSET_OVER: Final = 10 * RATE_HZ
_SIDE_OVER: Final = 20 * RATE_HZ
_DOWN: Final = 0.08
"""By so much more of the time is the wave above its mean than below; noise, and what only drifts, stays below 0.06."""
_ROUNDED: Final = 1e-9
"""Of its level: by less a line that rests stirs, for numbers are rounded."""
_EDGE: Final = _SMOOTH.size // 2 + _SECOND // 2
_WAVE_AFTER: Final = 29
_MEMORY: Final = 4 * RATE_HZ


@dataclass(frozen=True, slots=True)
class Beat:
    """A systolic peak. `follows`: no beat can have been missed between the one before and this, for want of signal."""

    t_ns: int
    quality: float
    follows: bool


class BeatFinder:
    """Even pieces in, beats out."""

    def __init__(self) -> None:
        self._refractory = Refractory(RATE_HZ)
        self._judge = WaveJudge()
        self._above = 0.0
        self._raw: Floats
        self._wave: Floats
        self._squares: Floats
        self._restart(0)

    @property
    def points_down(self) -> bool:
        """Whether the wave rests high and its beats point down, by the last half minute or so: most of them are found
        there, too, but at what is left of their other side."""
        return self._above > _DOWN

    def add(self, piece: EvenPiece) -> list[Beat]:
        """The beats that became known with this piece."""
        if piece.cut:
            self._restart(piece.first)
        if not piece.values.size:
            return []
        self._raw = np.concatenate((self._raw, piece.values))
        if self._raw.size <= 2 * _EDGE:
            return []
        self._filter()
        return self._beats()

    def _restart(self, first: int) -> None:
        self._raw = np.empty(0)
        self._wave = np.empty(0)
        self._squares = np.empty(0)
        self._wave_at = self._square_at = first + _EDGE
        self._decided = self._square_at
        self._begun: int | None = None
        self._waiting: deque[int] = deque()
        self._last_peak: float | None = None
        self._refractory.cut()
        self._judge.cut()

    def _filter(self) -> None:
        """Band-pass what has enough around it, and keep the rest for the next time."""
        smooth = np.convolve(self._raw, _SMOOTH, "valid")
        around = _moving_mean(smooth, _SECOND)
        wave = smooth[_SECOND // 2 : smooth.size - _SECOND // 2] - around
        self._raw = self._raw[self._raw.size - 2 * _EDGE :]
        side = np.sign(np.where(np.abs(wave) > _ROUNDED * np.abs(around), wave, 0.0))
        self._above += min(1.0, wave.size / _SIDE_OVER) * (float(side.mean()) - self._above)
        self._wave = np.concatenate((self._wave, wave))
        self._squares = np.concatenate((self._squares, np.maximum(wave, 0.0) ** 2))

    def _beats(self) -> list[Beat]:
        self._search()
        found = []
        while self._waiting and self._waiting[0] + _WAVE_AFTER < self._wave_at + self._wave.size:
            found.append(self._judged(self._waiting.popleft()))
        self._trim()
        return found

    def _search(self) -> None:
        """Look where the threshold can be told now for waves that end there."""
        begin, end = self._decided, self._square_at + self._squares.size - _BEAT // 2
        if end <= begin:
            return
        sums = np.concatenate(([0.0], np.cumsum(self._squares)))
        at = np.arange(begin, end) - self._square_at
        high = _mean_around(sums, at, _PEAK) > _mean_around(sums, at, _BEAT) + _OFFSET * _mean_before(sums, at)
        edges = np.flatnonzero(np.diff(high, prepend=self._begun is not None)).tolist()
        for edge in edges:
            if self._begun is None:
                self._begun = begin + edge
            else:
                self._wave_found(self._begun, begin + edge)
                self._begun = None
        self._decided = end

    def _wave_found(self, begin: int, end: int) -> None:
        """One peak for a wave that is long enough, unless it follows the last one too soon to be a beat."""
        if end - begin < _PEAK or begin < self._wave_at:
            return
        peak = begin + int(np.argmax(self._wave[begin - self._wave_at : end - self._wave_at]))
        if self._refractory.passes(peak, float(self._wave[peak - self._wave_at])):
            self._waiting.append(peak)

    def _judged(self, peak: int) -> Beat:
        at = peak - self._wave_at
        quality = self._judge.quality(self._wave, at)
        follows, self._last_peak = self._last_peak is not None, peak
        return Beat(round((peak + 0.5 + _vertex(self._wave, at)) * CELL_NS), quality, follows)

    def _trim(self) -> None:
        """Forget what nobody will look at again."""
        spare = self._wave.size - _MEMORY
        if spare > 0:
            self._wave, self._wave_at = self._wave[spare:], self._wave_at + spare
        spare = self._squares.size - _OFFSET_OVER - _BEAT
        if spare > 0:
            self._squares, self._square_at = self._squares[spare:], self._square_at + spare


def _moving_mean(values: Floats, size: int) -> Floats:
    sums = np.cumsum(np.concatenate(([0.0], values - values[0])))
    found: Floats = (sums[size:] - sums[:-size]) / size + values[0]
    return found


def _mean_around(sums: Floats, at: Floats, size: int) -> Floats:
    low, high = np.maximum(at - size // 2, 0), at + size // 2 + 1
    found: Floats = (sums[high] - sums[low]) / size
    return found


def _mean_before(sums: Floats, at: Floats) -> Floats:
    low = np.maximum(at - _OFFSET_OVER + _BEAT, 0)
    found: Floats = (sums[at + 1] - sums[low]) / (at + 1 - low)
    return found


def _vertex(values: Floats, at: int) -> float:
    """Where, in samples from `at`, the parabola through a peak and its neighbours is highest."""
    if not 0 < at < values.size - 1:
        return 0.0
    left, top, right = float(values[at - 1]), float(values[at]), float(values[at + 1])
    bend = left - 2 * top + right
    return max(-0.5, min(0.5, (left - right) / (2 * bend))) if bend < 0 else 0.0
