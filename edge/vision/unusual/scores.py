"""The last hour's scores, in a form that tells for any sensitivity when an alarm would have gone on."""

from collections import deque
from typing import Final

SECONDS: Final = 3600
RELEASE: Final = 0.8
"""An alarm goes on until the score is below this share of the threshold."""


class Sustained:
    """The highest threshold at which the alarm would be on in a frame: it takes `consecutive` scores above it to begin,
    and one below `RELEASE` of it to end. An alarm that is on at one threshold is on at any lower one."""

    def __init__(self, consecutive: int) -> None:
        self._row: deque[float] = deque(maxlen=consecutive)
        self._on = 0.0

    def step(self, score: float) -> float:
        """The threshold for this frame, sigma; 0 if none is low enough."""
        self._row.append(score)
        begins = min(self._row) if len(self._row) == self._row.maxlen else 0.0
        self._on = max(begins, min(self._on, score / RELEASE))
        return self._on

    def reset(self) -> None:
        """Nothing goes on."""
        self._row.clear()
        self._on = 0.0


class LastHour:
    """One entry for each second with movement: [t_ms of its start, highest sustained score in it]."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, float]] = deque(maxlen=SECONDS)

    def add(self, t_ms: int, sustained: float) -> None:
        """A frame with movement at wall time `t_ms`; what a clock set back has made future is forgotten."""
        second = t_ms // 1000 * 1000
        while self._entries and self._entries[-1][0] > second:
            self._entries.pop()
        if self._entries and self._entries[-1][0] == second:
            sustained = max(sustained, self._entries.pop()[1])
        self._entries.append((second, sustained))

    def until(self, t_ms: int) -> tuple[tuple[int, float], ...]:
        """The entries of the hour before `t_ms`, oldest first."""
        while self._entries and self._entries[0][0] <= t_ms - SECONDS * 1000:
            self._entries.popleft()
        return tuple(self._entries)
