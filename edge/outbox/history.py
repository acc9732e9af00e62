"""What was ever said, to be looked at on the LAN, until retention takes it."""

from collections.abc import Sequence
from typing import Any

import aiosqlite

from contract.messages import Record
from edge.outbox import database


class History:
    """Reads committed records over a connection for looking. All methods raise `StoreError` if it cannot be read."""

    def __init__(self, reader: aiosqlite.Connection) -> None:
        self._reader = reader

    async def history(
        self, kind: str | None = None, *, after: int | None = None, before: int | None = None, limit: int = 100
    ) -> Sequence[tuple[int, Record]]:
        """Up to `limit` committed `(row, record)`; `kind` is a body's tag (`prediction`, `event`, ...) or None for all.

        With `after`: those of a larger row, oldest first. Otherwise newest first, those of a row smaller than `before`
        where that is given. Rows are in the order of making, whatever the clock said meanwhile.
        """
        conditions, parameters = ["1"], list[Any]()
        for condition, value in (("kind = ?", kind), ("row > ?", after), ("row < ?", before)):
            if value is not None:
                conditions.append(condition)
                parameters.append(value)
        order = "DESC" if after is None else "ASC"
        sql = f"SELECT row, payload FROM records WHERE {' AND '.join(conditions)} ORDER BY row {order} LIMIT ?"  # noqa: S608
        return await self._records(sql, *parameters, limit)

    async def of_event(self, event_id: str, *, limit: int = 20) -> Sequence[tuple[int, Record]]:
        """Up to `limit` committed `(row, record)` of one event, newest first."""
        sql = "SELECT row, payload FROM records WHERE subject = ? AND kind = 'event' ORDER BY row DESC LIMIT ?"
        return await self._records(sql, event_id, limit)

    async def of_subject(
        self, subject: str, *, kind: str | None = None, after: int = 0, limit: int = 1000
    ) -> Sequence[tuple[int, Record]]:
        """Up to `limit` committed `(row, record)` of an event, recording, session or person, of rows after `after`,
        oldest first; `kind` as in `history`.
        """
        sql = "SELECT row, payload FROM records WHERE subject = ? AND row > ? AND (? IS NULL OR kind = ?)"
        return await self._records(f"{sql} ORDER BY row LIMIT ?", subject, after, kind, kind, limit)

    async def count_of_subject(self, subject: str, *, kind: str) -> int:
        """How many records of a kind there are of an event, recording, session or person."""
        sql = "SELECT COUNT(*) FROM records WHERE subject = ? AND kind = ?"
        return int((await self._read(sql, subject, kind))[0][0])

    async def _records(self, sql: str, *parameters: object) -> Sequence[tuple[int, Record]]:
        rows = await self._read(sql, *parameters)
        records = await database.records(self._reader, (payload for _, payload in rows))
        return [(int(row), record) for (row, _), record in zip(rows, records, strict=True)]

    async def _read(self, sql: str, *parameters: object) -> list[Any]:
        return await database.rows(self._reader, sql, *parameters)
