"""Keeps the store within its bounds. Acknowledged history goes first; what the cloud lacks only by the written policy.

Eviction works in place: a run of neighbours in the outbox becomes one `Loss` that has the sequence number of the first
of them and names the others as a range that will never come. So the ledger entry stands exactly where the gap is, the
cloud can acknowledge across it in order, and evicting never makes the outbox longer. The head of the outbox is spared,
and what is under way beyond it: the cloud may already hold those records under their own meaning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiosqlite

from contract.codec import decode
from contract.messages import Loss, Record
from edge.core.clock import Clock, Stamp
from edge.outbox import database
from edge.outbox.boots import Boots
from edge.outbox.restamp import UNTRUSTED
from edge.outbox.rows import BULK, NORMAL, TOMBSTONE, make_row

SPARED_HEAD: Final = 1000
"""No publisher has more records under way than this."""
CHUNK: Final = 1000
"""Rows that one commit takes away at most, so that records never wait long for it."""
_REASON: Final = "the outbox was full: this record and those of the range gave way"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What trimming may take: rows up to `last_row`, and rows older than `oldest_ms`."""

    last_row: int
    oldest_ms: int


async def trim_history(connection: aiosqlite.Connection, bounds: Bounds) -> int:
    """Delete the oldest acknowledged records that are out of `bounds`, at most a chunk; return how many.

    A record whose clock was not trusted is as old as the next one that is to be believed, whatever it says itself.
    """
    unacked = await database.number(connection, "SELECT COALESCE(MIN(row), 1 << 62) FROM outbox")
    sql = f"SELECT row, t_ms, {UNTRUSTED} FROM records WHERE row < ? ORDER BY row LIMIT ?"  # noqa: S608
    rows = [
        (int(row), t_ms, doubted) for row, t_ms, doubted in await connection.execute_fetchall(sql, (unacked, CHUNK))
    ]
    last = max((row for row, _, _ in rows if row <= bounds.last_row), default=0)
    for row, t_ms, doubted in rows:
        if not doubted and row > last:
            if t_ms >= bounds.oldest_ms:
                break
            last = row
    else:
        if rows and last < rows[-1][0] and await _next_is_older(connection, rows[-1][0], bounds.oldest_ms):
            last = rows[-1][0]
    cursor = await connection.execute("DELETE FROM records WHERE row <= ?", (last,))
    return cursor.rowcount


async def _next_is_older(connection: aiosqlite.Connection, row: int, oldest_ms: int) -> bool:
    sql = f"SELECT t_ms FROM records WHERE row > ? AND NOT {UNTRUSTED} ORDER BY row LIMIT 1"  # noqa: S608
    following = await database.one(connection, sql, row)
    return following is not None and int(following[0]) < oldest_ms


async def used_bytes(connection: aiosqlite.Connection) -> int:
    """Bytes of the database that hold something; a page once freed is used again."""
    pages = await database.number(connection, "PRAGMA page_count")
    free = await database.number(connection, "PRAGMA freelist_count")
    return (pages - free) * await database.number(connection, "PRAGMA page_size")


class Eviction:
    """One chunk of eviction within one transaction: bulk first, then normal, oldest first, the rest never."""

    def __init__(
        self, boots: Boots, clock: Clock, at_most: int, under_way: Callable[[int], bool] = lambda _row: False
    ) -> None:
        self._boots = boots
        self._at_most = at_most
        self._under_way = under_way
        self._now: Stamp = clock.now()
        self.evicted = 0
        """Records given up."""
        self.freed = 0
        """Rows less in the outbox."""

    async def run(self, connection: aiosqlite.Connection) -> None:
        """Evict up to `at_most` records of the lowest rank there is."""
        self.evicted = self.freed = 0
        head = await database.one(connection, "SELECT row FROM outbox ORDER BY row LIMIT 1 OFFSET ?", SPARED_HEAD)
        if head is None:
            return
        for rank in (BULK, NORMAL):
            victims = await connection.execute_fetchall(
                "SELECT o.row, r.boot FROM outbox o JOIN records r USING (row)"
                " WHERE o.rank = ? AND o.row >= ? ORDER BY o.row LIMIT ?",
                (rank, head[0], self._at_most + SPARED_HEAD),
            )
            idle = [(int(row), int(boot)) for row, boot in victims if not self._under_way(row)]
            for number, rows in _runs(idle[: self._at_most]):
                await self._replace(connection, number, rows, spared_before=int(head[0]))
            if idle:
                return

    async def _replace(self, connection: aiosqlite.Connection, number: int, rows: range, *, spared_before: int) -> None:
        count, merged = len(rows), rows
        before = await self._tombstone_ending_at(connection, rows.start - 1)
        if before and before[2] == number and self._may_grow(before[0], spared_before):
            count, merged = count + before[1], range(before[0].start, merged.stop)
        after = await self._tombstone(connection, rows.stop)
        if after and after[2] == number:
            count, merged = count + after[1], range(merged.start, after[0].stop)
        size = await database.number(
            connection, "SELECT SUM(LENGTH(payload)) FROM records WHERE row BETWEEN ? AND ?", rows.start, rows.stop - 1
        )
        await self._write(connection, number, merged, count=count, size=size)
        self.evicted += len(rows)

    def _may_grow(self, entry: range, spared_before: int) -> bool:
        """Whether nobody may have been told yet what this ledger entry says."""
        return entry.start >= spared_before and not self._under_way(entry.start)

    async def _write(
        self, connection: aiosqlite.Connection, number: int, rows: range, *, count: int, size: int
    ) -> None:
        boot, seq = self._boots.identity(number, rows.start)
        others = len(rows) > 1
        loss = Loss(
            what="records",
            reason=_REASON,
            count=count,
            size_bytes=size,
            boot=boot,
            first_seq=seq + 1 if others else None,
            last_seq=seq + len(rows) - 1 if others else None,
        )
        before = await database.one(connection, "SELECT payload FROM records WHERE row = ?", rows.start)
        at = self._boots.in_place_of(decode(before[0], Record), self._now) if before else self._now
        new = make_row(rows.start, boot=boot, seq=seq, at=at, body=loss)
        await connection.execute(
            "UPDATE records SET kind = 'loss', t_ms = ?, payload = ? WHERE row = ?", (new.t_ms, new.payload, new.row)
        )
        await connection.execute("UPDATE outbox SET leaf = 'ledger', rank = ? WHERE row = ?", (TOMBSTONE, new.row))
        cursor = await connection.execute("DELETE FROM outbox WHERE row > ? AND row < ?", (rows.start, rows.stop))
        self.freed += cursor.rowcount
        await connection.execute("DELETE FROM records WHERE row > ? AND row < ?", (rows.start, rows.stop))

    async def _tombstone_ending_at(self, connection: aiosqlite.Connection, row: int) -> "tuple[range, int, int] | None":
        sql = "SELECT row FROM outbox WHERE rank = ? AND row <= ? ORDER BY row DESC LIMIT 1"
        nearest = await database.one(connection, sql, TOMBSTONE, row)
        found = await self._tombstone(connection, int(nearest[0])) if nearest else None
        return found if found and found[0].stop == row + 1 else None

    async def _tombstone(self, connection: aiosqlite.Connection, row: int) -> "tuple[range, int, int] | None":
        """The rows that an earlier eviction's entry at `row` stands for, how many records that was, and their run."""
        sql = "SELECT r.payload, r.boot FROM outbox o JOIN records r USING (row) WHERE o.row = ? AND o.rank = ?"
        found = await database.one(connection, sql, row, TOMBSTONE)
        if found is None:
            return None
        record = decode(found[0], Record)
        if not isinstance(record.body, Loss):
            return None
        last_seq = record.body.last_seq or record.seq
        return range(row, row + last_seq - record.seq + 1), record.body.count, int(found[1])


def _runs(victims: list[tuple[int, int]]) -> list[tuple[int, range]]:
    """Neighbouring rows of one boot, together: `(boot number, rows)`."""
    runs: list[tuple[int, range]] = []
    for row, number in victims:
        if runs and runs[-1][0] == number and runs[-1][1].stop == row:
            runs[-1] = number, range(runs[-1][1].start, row + 1)
        else:
            runs.append((number, range(row, row + 1)))
    return runs
