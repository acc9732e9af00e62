"""The last seconds as they were compressed, by groups of pictures: what is taken from it begins with a key."""

from collections import deque

from edge.core.access_unit import AccessUnit


class UnitRing:
    """Keeps what reaches back `seconds`, from the key at or before that moment on; at most `max_bytes` of it."""

    def __init__(self, *, seconds: float, max_bytes: int) -> None:
        self._span_ns = round(seconds * 1e9)
        self._max_bytes = max_bytes
        self._groups: deque[list[AccessUnit]] = deque()
        self.size_bytes = 0

    def append(self, unit: AccessUnit) -> None:
        """Keep a unit; one that nothing kept leads up to is passed over."""
        if unit.key:
            self._groups.append([])
        elif not self._groups:
            return
        self._groups[-1].append(unit)
        self.size_bytes += len(unit.data)
        oldest_ns = unit.mono_ns - self._span_ns
        while len(self._groups) > 1 and self._is_passed(oldest_ns):
            self._drop()
        while self._groups and self.size_bytes > self._max_bytes:
            self._drop()

    def since(self, from_ns: int) -> list[AccessUnit]:
        """All from the last key at or before `from_ns` on, or from the first that is kept."""
        first = 0
        for index, group in enumerate(self._groups):
            if group[0].mono_ns <= from_ns:
                first = index
        return [unit for index, group in enumerate(self._groups) if index >= first for unit in group]

    def clear(self) -> None:
        """Keep nothing."""
        self._groups.clear()
        self.size_bytes = 0

    def _is_passed(self, oldest_ns: int) -> bool:
        """Whether the oldest group is not needed for that moment, or ends before it: the camera was away."""
        return self._groups[1][0].mono_ns <= oldest_ns or self._groups[0][-1].mono_ns < oldest_ns

    def _drop(self) -> None:
        self.size_bytes -= sum(len(unit.data) for unit in self._groups.popleft())
