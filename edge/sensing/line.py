"""The line protocol of today's boards: rows of `millis,gsr,hr`, three integers and a newline. Bytes in, rows out."""

import re
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Final

MILLIS_WRAP: Final = 2**32
"""The board's clock is an unsigned 32-bit count of milliseconds: it wraps after 49.7 days."""
_ROW: Final = re.compile(rb"\s*(\d{1,10})\s*,\s*(-?\d{1,7})\s*,\s*(-?\d{1,7})\s*")
_LONGEST_ROW: Final = 64
_KEPT_BAD: Final = 5
_SHOWN_BAD: Final = 40
_WRAP_LIMIT_MS: Final = 60_000
_STEPS_KEPT: Final = 15
_STEPS_NEEDED: Final = 4
_MISSING_FROM: Final = 1.75
"""A step this many times the usual one skips a row."""
_SETTLED: Final = 3
"""So many long steps of one length, one after the other, are a slower rate and no rows that lack."""
_ALIKE: Final = 1.25


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `elapsed_ms` is the board's time since the row before it, None at the start and after a reset."""

    millis: int
    gsr: int
    hr: int
    elapsed_ms: int | None
    gap_before: bool


class LineParser:
    """Turns the bytes of one connection into rows.

    What stands before the first newline is the torn end of a row that began before we listened: it is dropped and not
    an error. A row that cannot be read is counted in `bad_rows`, and `last_bad` keeps the newest five, shortened.
    """

    def __init__(self) -> None:
        self.bad_rows = 0
        self.resets = 0
        self.last_bad: deque[str] = deque(maxlen=_KEPT_BAD)
        self._rest = b""
        self._skipping = True
        self._gap = False
        self._millis: int | None = None
        self._steps: deque[int] = deque(maxlen=_STEPS_KEPT)
        self._long: list[int] = []
        """The last steps, as far as they were too long."""

    def feed(self, data: bytes) -> list[Row]:
        """The rows that `data` completes. Any bytes are welcome, in pieces of any size."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = b""
        rows = [row for line in lines if (row := self._line(line))]
        self._keep(rest)
        return rows

    def _keep(self, rest: bytes) -> None:
        """Hold the unfinished line, unless it is already too long to become a row."""
        if self._skipping:
            return
        if len(rest) > _LONGEST_ROW:
            self._bad(rest)
            self._skipping = True
        else:
            self._rest = rest

    def _line(self, line: bytes) -> Row | None:
        if self._skipping:
            self._skipping = False
            return None
        if not line.strip():
            return None
        found = _ROW.fullmatch(line) if len(line) <= _LONGEST_ROW else None
        if not found or int(found[1]) >= MILLIS_WRAP:
            self._bad(line)
            return None
        return self._row(int(found[1]), int(found[2]), int(found[3]))

    def _bad(self, line: bytes) -> None:
        self.bad_rows += 1
        self._gap = True
        self.last_bad.append(line[:_SHOWN_BAD].decode("ascii", "backslashreplace"))

    def _row(self, millis: int, gsr: int, hr: int) -> Row:
        elapsed = self._elapsed(millis)
        gap = self._gap or (elapsed is None and self._millis is not None) or self._skips(elapsed)
        self._gap = False
        self._millis = millis
        return Row(millis, gsr, hr, elapsed, gap)

    def _elapsed(self, millis: int) -> int | None:
        """Milliseconds since the row before; None after none, and after a reset, which is counted."""
        if self._millis is None:
            return None
        if millis >= self._millis:
            return millis - self._millis
        wrapped = millis + MILLIS_WRAP - self._millis
        if wrapped <= _WRAP_LIMIT_MS:
            return wrapped
        self.resets += 1
        self._steps.clear()
        self._long.clear()
        return None

    def _skips(self, elapsed: int | None) -> bool:
        """Whether a step in the board's time is too long for neighbours."""
        if elapsed is None:
            return False
        usual = median(self._steps) if len(self._steps) >= _STEPS_NEEDED else None
        self._steps.append(elapsed)
        if usual is None or elapsed <= usual * _MISSING_FROM + 1:
            self._long.clear()
            return False
        self._long.append(elapsed)
        return not self._is_slower()

    def _is_slower(self) -> bool:
        """Whether the board goes at another rate from now on, which is then the usual one."""
        if len(self._long) < _SETTLED or max(self._long) > min(self._long) * _ALIKE:
            self._long = self._long[-_SETTLED:]
            return False
        self._steps.clear()
        self._steps.extend(self._long)
        self._long.clear()
        return True
