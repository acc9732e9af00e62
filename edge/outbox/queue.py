"""What waits for the cloud: read in lanes, and forgotten when the cloud proves to have it."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import aiosqlite

from edge.core.errors import StoreError
from edge.outbox import database
from edge.outbox.boots import Boots
from edge.outbox.rows import ALARM, Pending
from edge.outbox.writer import Writer

Which = Literal["all", "alarms", "others"]
Range = tuple[int, int]
"""Closed: both ends belong to it."""
_WHICH: Final[dict[Which, str]] = {"all": "", "alarms": f" AND o.rank = {ALARM}", "others": f" AND +o.rank <> {ALARM}"}
_PENDING: Final = (
    "SELECT o.row, r.boot, o.leaf, r.kind, r.t_ms, r.payload, o.rank FROM outbox o JOIN records r USING (row)"
)
_LAST_ROW: Final = 1 << 62


class Queue:
    """The table `outbox`. Every change is durable when its method returns; all raise `StoreError`."""

    def __init__(self, reader: aiosqlite.Connection, writer: Writer, boots: Boots) -> None:
        self._reader = reader
        self._writer = writer
        self._boots = boots
        self.records = 0
        """How many records wait."""
        self.acknowledged_total = 0
        self.last_alarm = 0
        """The largest row of an alarm that waits, or did in this run."""

    async def load(self) -> None:
        """Count what earlier runs left."""
        self.records = await database.number(self._reader, "SELECT COUNT(*) FROM outbox")
        sql = "SELECT MAX(row) FROM outbox WHERE rank = ?"
        self.last_alarm = int((await database.rows(self._reader, sql, ALARM))[0][0] or 0)

    async def pending(self, first: int, last: int = _LAST_ROW, *, limit: int, which: Which = "all") -> list[Pending]:
        """Up to `limit` of those that wait, of rows from `first` to `last`, in order."""
        sql = f"{_PENDING} WHERE o.row BETWEEN ? AND ?{_WHICH[which]} ORDER BY o.row LIMIT ?"
        return await self._pending(sql, first, last, limit)

    async def pending_range(self, boot: str, first_seq: int, last_seq: int, limit: int) -> list[Pending]:
        """Those of one run and these sequence numbers, inclusive, that wait, in order."""
        rows = self._boots.rows_of(boot, first_seq, last_seq)
        return await self.pending(rows.start, rows.stop - 1, limit=limit) if rows else []

    async def pending_rows(self, rows: Sequence[int]) -> list[Pending]:
        """Those of these rows that still wait, in order."""
        marks = ",".join("?" * len(rows))
        return await self._pending(f"{_PENDING} WHERE o.row IN ({marks}) ORDER BY o.row", *rows) if rows else []

    async def acknowledge(self, boot: str, ranges: Iterable[Range]) -> int:
        """The cloud has these sequence numbers of `boot`: they wait no longer; return how many did."""
        found = (self._boots.rows_of(boot, first, last) for first, last in ranges)
        return await self._forget([(rows[0], rows[-1]) for rows in found if rows])

    async def forget_rows(self, rows: Iterable[int]) -> int:
        """These rows wait no longer; return how many did."""
        return await self._forget([(row, row) for row in rows])

    async def _forget(self, ranges: Sequence[Range]) -> int:
        if not ranges:
            return 0
        deleted = 0

        async def work(connection: aiosqlite.Connection) -> None:
            nonlocal deleted
            cursor = await connection.executemany("DELETE FROM outbox WHERE row BETWEEN ? AND ?", ranges)
            deleted = cursor.rowcount

        def after() -> None:
            self.records -= deleted
            self.acknowledged_total += deleted

        await self._writer.execute(work, after)
        return deleted

    async def _pending(self, sql: str, *parameters: object) -> list[Pending]:
        rows = await database.rows(self._reader, sql, *parameters)
        try:
            return [Pending(row, *self._boots.identity(number, row), *rest) for row, number, *rest in rows]
        except KeyError as error:
            await database.mark_suspect(self._reader)
            raise StoreError(
                f"a record of the store is damaged: it is of a run {error} that there never was"
            ) from error
