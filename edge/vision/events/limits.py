"""How often something may begin: so many times a minute, for each key and for all together; rare things less often."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

MINUTE_NS: Final = 60_000_000_000
RARE_NS: Final = 10 * MINUTE_NS


class OpenLimits:
    """Sliding windows over what began. Moments are monotonic nanoseconds that do not go back.

    Each key may begin `each` times in a minute, all together `together` times. Of the keys that `is_rare` names, each
    may begin `rarely` times in ten minutes besides.
    """

    def __init__(
        self, each: int, together: int, *, rarely: int = 1, is_rare: Callable[[Hashable], bool] = lambda _: False
    ) -> None:
        self._each = each
        self._together = together
        self._rarely = rarely
        self._is_rare = is_rare
        self._of: dict[Hashable, deque[int]] = {}
        self._all: deque[int] = deque()

    def note(self, key: Hashable, at_ns: int) -> None:
        """Something began."""
        self._of.setdefault(key, deque()).append(at_ns)
        self._all.append(at_ns)

    def is_full(self, key: Hashable, at_ns: int) -> bool:
        """Whether `key` has begun as often as it may up to `at_ns`."""
        began = self._of.get(key)
        if began is None:
            return False
        remembered = self._remembered(key, began, at_ns)
        return (self._is_rare(key) and remembered >= self._rarely) or _within(began, at_ns, MINUTE_NS) >= self._each

    def all_full(self, at_ns: int) -> bool:
        """Whether all together have begun as often as they may within a minute."""
        _drop(self._all, at_ns, MINUTE_NS)
        return len(self._all) >= self._together

    def forget(self, at_ns: int) -> None:
        """Drop the keys of which nothing began within what is remembered of them."""
        for key in [key for key, began in self._of.items() if self._remembered(key, began, at_ns) == 0]:
            del self._of[key]

    def _remembered(self, key: Hashable, began: deque[int], at_ns: int) -> int:
        _drop(began, at_ns, RARE_NS if self._is_rare(key) else MINUTE_NS)
        return len(began)


def _drop(began: deque[int], at_ns: int, window_ns: int) -> None:
    while began and at_ns - began[0] >= window_ns:
        began.popleft()


def _within(began: deque[int], at_ns: int, window_ns: int) -> int:
    return sum(at_ns - when < window_ns for when in began)
