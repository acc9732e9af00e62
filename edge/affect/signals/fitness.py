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
        self._marks: deque[tuple[int, SignalState]] = deque(maxlen=_MARKS)

    def mark(self, t_ns: int, state: SignalState) -> None:
        """What the channel was at `t_ns`, later than the mark before."""
        self._marks.append((t_ns, state))

    def between(self, start_ns: int, end_ns: int) -> tuple[SignalState, float]:
        """The state of a stretch and its fit share, 0 to 1: `ok` if four fifths are, else what else it mostly was."""
        states: list[SignalState] = []
        for t_ns, state in reversed(self._marks):
            if t_ns < start_ns:
                break
            if t_ns < end_ns:
                states.append(state)
        if not states:
            return "absent", 0.0
        share = states.count("ok") / len(states)
        if share >= _FIT:
            return "ok", share
        unfit = Counter(state for state in reversed(states) if state != "ok")
        return unfit.most_common(1)[0][0], share

    @property
    def last_ns(self) -> int | None:
        """When the last mark was."""
        return self._marks[-1][0] if self._marks else None
