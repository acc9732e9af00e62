"""How fast the disk fills, of late, and so how long it lasts."""

from collections.abc import Mapping
from typing import Final

_MEMORY_S: Final = 6 * 3600.0
TOTAL: Final = ""


class Pace:
    """Bytes that come in an hour, by class and in all (`TOTAL`); what is older than some hours hardly counts."""

    def __init__(self) -> None:
        self._before: dict[str, int] | None = None
        self._gone: dict[str, int] = {}
        self._sums: dict[str, float] = {}
        self._weight_s = 0.0

    def gone(self, kind: str, size_bytes: int) -> None:
        """So much was deleted since the last look."""
        for name in (kind, TOTAL):
            self._gone[name] = self._gone.get(name, 0) + size_bytes

    def look(self, sizes: Mapping[str, int], passed_s: float) -> None:
        """The disk holds so much of each class, and of all, after `passed_s` seconds."""
        before, self._before = self._before, dict(sizes)
        gone, self._gone = self._gone, {}
        if before is None:
            return
        kept = _MEMORY_S / (_MEMORY_S + passed_s)
        self._weight_s = self._weight_s * kept + passed_s
        for name in {*sizes, *self._sums}:
            came = max(0, sizes.get(name, 0) - before.get(name, 0) + gone.get(name, 0))
            self._sums[name] = self._sums.get(name, 0.0) * kept + came

    def per_hour(self, kind: str = TOTAL) -> float:
        """Bytes an hour."""
        return self._sums.get(kind, 0.0) / self._weight_s * 3600 if self._weight_s else 0.0

    def lasts_s(self, size_bytes: int, kind: str = TOTAL) -> float | None:
        """Seconds in which so many bytes come; None while nothing comes."""
        pace = self.per_hour(kind)
        return round(max(0, size_bytes) / pace * 3600, 1) if pace > 0 else None
