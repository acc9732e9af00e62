"""How often something may begin: so many times in any minute, for each key and for all together."""

from collections import deque
from collections.abc import Hashable
from typing import Final

MINUTE_NS: Final = 60_000_000_000


class OpenLimits:
    """Sliding windows of a minute over what began. Moments are monotonic nanoseconds that do not go back."""

    def __init__(self, each: int, together: int) -> None:
        self._each = each
        self._together = together
        self._of: dict[Hashable, deque[int]] = {}
        self._all: deque[int] = deque()

    def note(self, key: Hashable, at_ns: int) -> None:
        """Something began."""
        self._of.setdefault(key, deque()).append(at_ns)
        self._all.append(at_ns)

    def is_full(self, key: Hashable, at_ns: int) -> bool:
        """Whether `key` has begun as often as it may within the minute up to `at_ns`."""
        began = self._of.get(key)
        return began is not None and _within(began, at_ns) >= self._each

    def all_full(self, at_ns: int) -> bool:
        """Whether all together have."""
        return _within(self._all, at_ns) >= self._together

    def forget(self, at_ns: int) -> None:
        """Drop the keys of which nothing began within the last minute."""
        for key in [key for key, began in self._of.items() if _within(began, at_ns) == 0]:
            del self._of[key]


def _within(began: deque[int], at_ns: int) -> int:
    """How many are younger than a minute; older ones are dropped."""
    while began and at_ns - began[0] >= MINUTE_NS:
        began.popleft()
    return len(began)
