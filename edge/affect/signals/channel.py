"""The samples of one channel that wait to be worked on: in order, without what is no number."""

from typing import Final

_ABSURD: Final = 1e8
"""Six times what a converter of 24 bits can say."""
_MOST: Final = 600_000
"""Twenty minutes at 500 Hz: nobody asked for so long that the oldest go."""


class Pending:
    """A line of samples. One that is not later than the one before it is left out."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[float] = []
        self.cuts: set[int] = set()
        self.last_ns: int | None = None
        self._cut = False

    def cut(self) -> None:
        """Samples are known to be missing before the next one."""
        self._cut = True

    def add(self, t_ns: int, value: float) -> None:
        """Take one in. What is no number counts as missing."""
        if self.last_ns is not None and t_ns <= self.last_ns:
            return
        if not -_ABSURD <= value <= _ABSURD:
            return
        if self._cut:
            self.cuts.add(t_ns)
            self._cut = False
        self.times.append(t_ns)
        self.values.append(value)
        self.last_ns = t_ns
        if len(self.times) > _MOST:
            self._drop(_MOST // 2)

    def take(self, count: int) -> tuple[list[int], list[float], frozenset[int]]:
        """The oldest `count`, with those times among them that nothing before belongs to."""
        times, values = self.times[:count], self.values[:count]
        del self.times[:count], self.values[:count]
        cuts = frozenset(self.cuts)
        if cuts and times:
            self.cuts = {one for one in cuts if one > times[-1]}
        return times, values, cuts

    def _drop(self, count: int) -> None:
        del self.times[:count], self.values[:count]
        self.cuts = {one for one in self.cuts if one >= self.times[0]} | {self.times[0]}
