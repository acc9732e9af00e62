"""Runs of the daemon: each has a name that no other run of this device ever has, and its own range of history rows."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiosqlite

from contract.ids import new_boot
from contract.messages import Record
from contract.times import from_wire
from edge.core.clock import Stamp
from edge.outbox import database

_LAST_ROW: Final = 1 << 62
_MOST_RUNS: Final = 10**8
"""A name of a run has room for fewer."""


@dataclass(frozen=True, slots=True)
class Boot:
    """One run: its name, the history row of its first record (`seq` 1), and the boot of the host that it belongs to.

    Runs of one boot of the host share its monotonic clock; `host_boot` is empty where that is not known.
    """

    number: int
    boot: str
    first_row: int
    host_boot: str = ""


class Boots:
    """All runs that the store knows. A `(boot, seq)` is a row and the other way round, by arithmetic."""

    def __init__(self, known: list[Boot], current: Boot) -> None:
        self.current = current
        self._ordered = [*known, current]
        self._by_number = {boot.number: boot for boot in self._ordered}

    @property
    def known(self) -> tuple[Boot, ...]:
        """All runs, oldest first, the current one last."""
        return tuple(self._ordered)

    def identity(self, number: int, row: int) -> tuple[str, int]:
        """`(boot, seq)` of a row of run `number`."""
        boot = self._by_number[number]
        return boot.boot, row - boot.first_row + 1

    def sharing_a_clock(self) -> list[Boot]:
        """The runs whose monotonic times are on the clock of the current one, oldest first, itself included."""
        host = self.current.host_boot
        return [one for one in self._ordered if one is self.current or (host and one.host_boot == host)]

    def age_s(self, record: Record, now: Stamp) -> float:
        """How old a record is: by the monotonic clock where that is the same, else by the wall, which may be wrong."""
        run = self.find(record.boot)
        if run and run in self.sharing_a_clock():
            return max(0.0, (now.mono_ns // 1_000_000 - record.mono_ms) / 1000)
        return max(0.0, (now.wall_ms - from_wire(record.t)) / 1000)

    def in_place_of(self, record: Record, now: Stamp) -> Stamp:
        """The stamp of what is said `now` in the place of `record`: its monotonic time is on the clock of that run,
        by which a fix of that run may put it right.
        """
        if self.find(record.boot) in self.sharing_a_clock():
            return now
        trusted = now.trusted or record.clock != "untrusted"
        return Stamp(record.mono_ms * 1_000_000, now.wall_ms if now.trusted else from_wire(record.t), trusted)

    def find(self, boot: str) -> Boot | None:
        """A run by its name; None for one that this store never had."""
        return next((one for one in reversed(self._ordered) if one.boot == boot), None)

    def rows_of(self, boot: str, first_seq: int, last_seq: int) -> range:
        """The rows of these sequence numbers, inclusive; never those of another run, none for an unknown run."""
        for index, known in enumerate(self._ordered):
            if known.boot == boot:
                following = self._ordered[index + 1 :]
                end = min([known.first_row + last_seq, _LAST_ROW, *(later.first_row for later in following[:1])])
                return range(min(known.first_row + max(first_seq, 1) - 1, end), end)
        return range(0)


async def next_boot(connection: aiosqlite.Connection, path: Path, host_boot: str = "") -> Boots:
    """Name the run that begins now. Its row is written by the first commit that needs it.

    The counter is also kept beside the database, so that a fresh database after a damaged one goes on counting.
    """
    rows = await database.rows(connection, "SELECT number, boot, first_row, host_boot FROM boots ORDER BY number")
    known = [Boot(*row) for row in rows]
    last = await database.number(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'records'")
    number = max([counted_boots(path), *(boot.number for boot in known)]) + 1
    count_boot(path, number)
    return Boots(known, Boot(number, new_boot(number), last + 1, host_boot))


def _counter(path: Path) -> Path:
    return path.with_name(f"{path.name}.boots")


def counted_boots(path: Path) -> int:
    """How many runs there were, as it stands beside the database at `path`; 0 if that is not there."""
    try:
        number = int(_counter(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
    return number if 0 < number < _MOST_RUNS else 0


def count_boot(path: Path, number: int) -> None:
    """Best kept, not necessary: the database has the number too, and a full disk must not stop the start."""
    fresh = _counter(path).with_suffix(".tmp")
    try:
        fresh.write_text(f"{number}\n", encoding="ascii")
        fresh.replace(_counter(path))
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
