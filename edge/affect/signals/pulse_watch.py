"""Tells what is wrong with an optical pulse, half second by half second."""

from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Final

import numpy as np

from contract.messages import SignalState
from edge.affect.signals.intervals import Interval
from edge.affect.signals.regular import Floats

BLOCK_NS: Final = 500_000_000
_BLOCKS: Final = 10
_CLIP_BLOCKS: Final = 4
_USUAL_BLOCKS: Final = 60
_BURST: Final = 3.0
"""How many times its usual span the pulse spans in a movement."""
_PACE: Final = 5
_SLOW_MS: Final = 1100.0
"""Of a slower heart most half seconds may have no beat: only the widest of them show what is usual."""
_LEAST_INDEX: Final = 0.6
_CLIPPED_SHARE: Final = 0.2
_LEVELS: Final = 8
_STEPS: Final = 32
"""So many steps of its converter must a wave span for its stop to be told from its rest."""


class PulseWatch:
    """Blocks, beats and intervals in; a state and an index out.

    The index is the share of the last five seconds that valid intervals cover, times the share of good beats.
    """

    def __init__(self) -> None:
        self._spans: deque[float] = deque(maxlen=_USUAL_BLOCKS)
        self._recent: deque[Floats] = deque(maxlen=_CLIP_BLOCKS)
        self._pace: deque[float] = deque(maxlen=_PACE)
        self._told: deque[tuple[int, int, float]] = deque(maxlen=_BLOCKS)
        self.cut()

    def cut(self) -> None:
        """The signal was interrupted."""
        self._recent.clear()
        self._told.clear()
        self._good = self._poor = 0
        self._covered_ms = 0.0

    def beat(self, *, good: bool) -> None:
        """A beat was found that counts, or that does not."""
        self._good, self._poor = self._good + good, self._poor + (not good)

    def intervals(self, found: Sequence[Interval]) -> None:
        """Intervals became known."""
        valid = [one.ms for one in found if one.kind == "valid"]
        self._covered_ms += sum(valid)
        self._pace.extend(valid)

    def block(self, values: Floats) -> tuple[SignalState, float]:
        """The state and the index of the half second that just ended."""
        self._recent.append(values)
        self._told.append((self._good, self._poor, self._covered_ms))
        self._good, self._poor, self._covered_ms = 0, 0, 0.0
        index = self._index()
        wrong = self._wrong(float(values.max() - values.min()))
        if wrong is not None:
            return wrong, 0.0
        return ("ok" if index >= _LEAST_INDEX else "noisy"), index

    def _index(self) -> float:
        good, poor, covered_ms = (sum(one[which] for one in self._told) for which in range(3))
        if not good:
            return 0.0
        return float(min(1.0, covered_ms * 1e6 / (_BLOCKS * BLOCK_NS)) * good / (good + poor))

    def _wrong(self, span: float) -> SignalState | None:
        usual = self._usual() if self._spans else span
        self._spans.append(span)
        if len(self._recent) == _CLIP_BLOCKS:
            lately = np.concatenate(self._recent)
            low, high = lately.min(), lately.max()
            if low == high:
                return "flat"
            if _clipped(lately, low, high):
                return "saturated"
        return "motion" if span > _BURST * usual else None

    def _usual(self) -> float:
        """The middle of the spans; of a slow heart the lowest of the widest fifth."""
        slow = bool(self._pace) and median(self._pace) > _SLOW_MS
        return sorted(self._spans)[len(self._spans) * 4 // 5 if slow else len(self._spans) // 2]


def _clipped(values: Floats, low: np.float64, high: np.float64) -> bool:
    """Whether a good part of what moves stands exactly at one end, and not because the converter has few steps."""
    levels = np.unique(values)
    if levels.size < _LEVELS or high - low < _STEPS * (levels[1:] - levels[:-1]).min():
        return False
    at_end = max(np.count_nonzero(values == low), np.count_nonzero(values == high))
    return bool(at_end >= _CLIPPED_SHARE * values.size)
