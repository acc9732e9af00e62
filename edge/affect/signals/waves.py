"""Tells a pulse wave from a movement: how like those before it a wave is, in shape and in size.

Shape by correlation with the mean of the waves that counted, as Orphanidou et al., IEEE J. Biomed. Health Inform. 19,
2015, do in windows; size against the median of the last waves.
"""

from collections import deque
from statistics import median
from typing import Final

import numpy as np

from edge.affect.signals.regular import Floats

_BEFORE, _AFTER = 16, 29
"""A quarter of a second before the peak and 0.45 s after it."""
_SHARE: Final = 0.1
_GOOD: Final = 0.7
_STUBBORN: Final = 6
_LARGEST, _SMALLEST = 2.5, 0.3
_SIZES: Final = 15


class WaveJudge:
    """Knows the waves before. What no longer looks like them for six beats, but like itself, is the new normal."""

    def __init__(self) -> None:
        self._template: Floats | None = None
        self._sizes: deque[float] = deque(maxlen=_SIZES)
        self.cut()

    def cut(self) -> None:
        """The signal was interrupted: what waves look like is still known, the last one is not."""
        self._last: Floats | None = None
        self._refused = 0

    def quality(self, wave: Floats, peak: int) -> float:
        """From 0 to 1, of the wave whose peak is at index `peak`."""
        around = wave[max(0, peak - _BEFORE) : peak + _AFTER]
        size = float(wave[peak] - around[: min(peak, _BEFORE) + 1].min())
        likeness = self._likeness(around) if around.size == _BEFORE + _AFTER else 0.0
        if self._sizes:
            usual = median(self._sizes)
            likeness *= 1.0 if _SMALLEST * usual <= size <= _LARGEST * usual else 0.5
        self._sizes.append(size)
        return likeness

    def _likeness(self, around: Floats) -> float:
        shape = around - around.mean()
        length = float(np.sqrt(shape @ shape))
        if length <= 0:
            return 0.0
        shape /= length
        last, self._last = self._last, shape
        of_last = float(shape @ last) if last is not None else 0.0
        if self._template is None:
            self._template = shape if of_last >= _GOOD else None
            return max(0.0, of_last)
        likeness = float(shape @ self._template) / float(np.sqrt(self._template @ self._template))
        self._learn(shape, likeness, of_last)
        return max(0.0, likeness)

    def _learn(self, shape: Floats, likeness: float, of_last: float) -> None:
        assert self._template is not None  # noqa: S101 (only asked with a template)
        if likeness >= _GOOD:
            self._refused = 0
            self._template = (1 - _SHARE) * self._template + _SHARE * shape
        else:
            self._refused = self._refused + 1 if of_last >= _GOOD else 0
            if self._refused >= _STUBBORN:
                self._template, self._refused = shape, 0
