"""How many of what anybody can bring about are noted: so many of one, and of all, within an hour."""

from typing import Final

from cloud.store.clock import Clock

_WINDOW_S: Final = 3600.0
_OF_ONE: Final = 30
_OF_ALL: Final = 300
"""An hour: the log's 100000 lines are those of two weeks at least."""


class Sampling:
    """Counts within the running hour; its table is as bounded as what it lets through."""

    def __init__(self, clock: Clock, *, of_one: int = _OF_ONE, of_all: int = _OF_ALL) -> None:
        self._clock = clock
        self._of_one = of_one
        self._of_all = of_all
        self._began_s = -_WINDOW_S
        self._of: dict[str, int] = {}
        self._all = 0
        self._passed_over = 0

    def ask(self, who: str) -> int | None:
        """How many were passed over before this one, which is to be noted; None to pass it over too."""
        now_s = self._clock.mono_s()
        if now_s - self._began_s >= _WINDOW_S:
            self._began_s, self._all = now_s, 0
            self._of.clear()
        count = self._of.get(who, 0)
        if count >= self._of_one or self._all >= self._of_all:
            self._passed_over += 1
            return None
        self._of[who] = count + 1
        self._all += 1
        passed_over, self._passed_over = self._passed_over, 0
        return passed_over
