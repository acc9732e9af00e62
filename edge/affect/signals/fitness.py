"""How fit a channel is: marks by time, and what they say together of a stretch."""

from collections import Counter, deque
from typing import Final

from contract.messages import SignalState

_MARKS: Final = 2048
_FIT: Final = 0.8
"""Least share of fit marks for a stretch to be so."""


class Fitness:
    """The marks of one channel, of the last minutes."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, SignalState, float]] = deque(maxlen=_MARKS)

    def mark(self, t_ns: int, state: SignalState, index: float | None = None) -> None:
        """What the channel was at `t_ns`, later than the mark before; `index`, by default 1 where it is `ok`."""
        self._marks.append((t_ns, state, float(state == "ok") if index is None else index))

    def between(self, start_ns: int, end_ns: int) -> tuple[SignalState, float]:
        """The state of a stretch, and its mean index: `ok` if four fifths of it are, else what else it mostly was."""
        marks = []
        for mark in reversed(self._marks):
            if mark[0] < start_ns:
                break
            if mark[0] < end_ns:
                marks.append(mark)
        if not marks:
            return "absent", 0.0
        unfit = Counter(state for _, state, _ in marks if state != "ok")
        fit = unfit.total() <= (1 - _FIT) * len(marks)
        index = sum(mark[2] for mark in marks) / len(marks)
        return ("ok" if fit else unfit.most_common(1)[0][0]), index

    def newest(self, until_ns: int) -> int | None:
        """When the last mark before `until_ns` was."""
        return next((mark[0] for mark in reversed(self._marks) if mark[0] < until_ns), None)

    @property
    def last_ns(self) -> int | None:
        """When the last mark was."""
        return self._marks[-1][0] if self._marks else None
