"""Answers the cloud that asks for what it misses: what is still here waits again, what is gone is told to be lost.

A gap that nobody can fill any more (evicted in a race, a damaged store, a run that this store never had) would keep the
cloud from ever acknowledging past it; a `Loss` that names it closes it.
"""

from collections.abc import Iterable
from typing import Final

import aiosqlite

from contract.messages import Loss
from contract.topics import leaf_of
from edge.outbox import database
from edge.outbox.boots import Boots
from edge.outbox.queue import Queue, Range
from edge.outbox.rows import rank_of
from edge.outbox.writer import Writer

REASON: Final = "the device no longer has what the cloud asked for"
_CHUNK: Final = 1000
_TOLD_LIMIT: Final = 10_000


class Recall:
    """Works for one range at a time. Raise `StoreError` if the store cannot be read or written."""

    def __init__(self, reader: aiosqlite.Connection, writer: Writer, boots: Boots, queue: Queue) -> None:
        self._reader = reader
        self._writer = writer
        self._boots = boots
        self._queue = queue
        self._told: dict[tuple[str, int], None] = {}

    async def run(self, boot: str, first: int, last: int) -> list[int]:
        """Bring back what the cloud misses of `boot`, and tell of what is gone; return the rows that wait now.

        Only what this store has used is looked at; of a long range the beginning.
        """
        if boot == self._boots.current.boot:
            last = min(last, self._writer.next_row - self._boots.current.first_row)
        last = min(last, first + _CHUNK - 1) if self._boots.rows_of(boot, first, last) else last
        if first > last:
            return []
        present = await self._present(boot, first, last)
        await self._put_back([(row, payload) for row, _, payload in present if payload is not None])
        gone = _without([(first, last)], ((seq, seq) for _, seq, _ in present))
        if gone:
            await self._tell(boot, _without(gone, await self._explained(boot)))
        return [row for row, _, _ in present]

    async def _present(self, boot: str, first: int, last: int) -> list[tuple[int, int, bytes | None]]:
        """`(row, seq, payload)` of each that is here; without the payload where it waits already."""
        rows = self._boots.rows_of(boot, first, last)
        if not rows:
            return []
        sql = (
            "SELECT r.row, CASE WHEN o.row IS NULL THEN r.payload END FROM records r LEFT JOIN outbox o USING (row)"
            " WHERE r.row BETWEEN ? AND ? ORDER BY r.row"
        )
        found = await database.rows(self._reader, sql, rows[0], rows[-1])
        return [(int(row), first + int(row) - rows[0], payload) for row, payload in found]

    async def _put_back(self, records: list[tuple[int, bytes]]) -> None:
        if not records:
            return
        found = await database.records(self._reader, (payload for _, payload in records))
        bodies = [(row, record.body) for (row, _), record in zip(records, found, strict=True)]
        added = 0

        async def work(connection: aiosqlite.Connection) -> None:
            nonlocal added
            sql = "INSERT OR IGNORE INTO outbox SELECT row, ?, ? FROM records WHERE row = ?"
            values = [(leaf_of(body), rank_of(body), row) for row, body in bodies]
            added = (await connection.executemany(sql, values)).rowcount

        def after() -> None:
            self._queue.records += added

        await self._writer.execute(work, after)

    async def _explained(self, boot: str) -> list[Range]:
        """What entries of the ledger that wait to be sent say of this run."""
        sql = "SELECT r.payload FROM outbox o JOIN records r USING (row) WHERE r.kind = 'loss'"
        rows = await database.rows(self._reader, sql)
        records = await database.records(self._reader, (payload for (payload,) in rows))
        return [
            (body.first_seq, body.last_seq)
            for body in (record.body for record in records)
            if isinstance(body, Loss) and body.boot == boot and body.first_seq and body.last_seq
        ]

    async def _tell(self, boot: str, ranges: list[Range]) -> None:
        for first, last in ranges:
            if (boot, first) in self._told or len(self._told) >= _TOLD_LIMIT:
                continue
            self._told[boot, first] = None
            count = last - first + 1
            loss = Loss(what="records", reason=REASON, count=count, boot=boot, first_seq=first, last_seq=last)
            await self._writer.append(loss)


def _without(ranges: list[Range], taken: Iterable[Range]) -> list[Range]:
    """`ranges` less every number of `taken`."""
    left = list(ranges)
    for first, last in taken:
        left = (
            [
                part
                for low, high in left
                for part in ((low, min(high, first - 1)), (max(low, last + 1), high))
                if part[0] <= part[1]
            ]
            if any(low <= last and high >= first for low, high in left)
            else left
        )
    return left
