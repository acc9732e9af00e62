"""Notices a heart of a pace that the settings do not believe: no rate of it is told, and somebody should hear why."""

from collections import deque
from statistics import median
from typing import Final, Literal

Doubt = Literal["slow", "fast"]
_STEPS: Final = 6
_ALIKE: Final = 1.5
"""The longest of so many intervals is at most so many times the shortest: else it is no pace."""
_HOLDS_NS: Final = 10_000_000_000


class Pace:
    """Beats in, in order; says whether the last ones follow each other too slowly, or too fast."""

    def __init__(self, *, lowest_ms: float, highest_ms: float) -> None:
        self._bounds_ms = (lowest_ms, highest_ms)
        self._apart_ms: deque[float] = deque(maxlen=_STEPS)
        self._last_ns: int | None = None

    def cut(self) -> None:
        """The signal was interrupted, or a beat was lost."""
        self._apart_ms.clear()
        self._last_ns = None

    def beat(self, t_ns: int) -> None:
        """A good beat, with none that is poor since the one before."""
        if self._last_ns is not None:
            self._apart_ms.append((t_ns - self._last_ns) / 1e6)
        self._last_ns = t_ns

    def doubt(self, until_ns: int) -> Doubt | None:
        """What is not believed of the pace at `until_ns`."""
        apart_ms = self._apart_ms
        if len(apart_ms) < _STEPS or self._last_ns is None or until_ns - self._last_ns > _HOLDS_NS:
            return None
        if max(apart_ms) > _ALIKE * min(apart_ms):
            return None
        lowest_ms, highest_ms = self._bounds_ms
        usual_ms = median(apart_ms)
        if usual_ms > highest_ms:
            return "slow"
        return "fast" if usual_ms < lowest_ms else None
