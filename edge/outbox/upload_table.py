"""What the table of uploads holds, for whoever sends, shows or decides: it is only read here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import aiosqlite

from contract.errors import InvalidMessageError
from contract.messages import AnyBody, Event, Record, Recording, priority_of
from edge.core.errors import StoreError, UnknownError
from edge.outbox import database
from edge.outbox.upload_rows import COLUMNS, Part, Phase, Stray, Upload, phase_of, upload_of


@dataclass(frozen=True, slots=True)
class UploadTotals:
    """How many there are and of how many bytes; what grows counts no bytes yet."""

    count: int
    size_bytes: int
    sent_bytes: int
    failed: int
    paused: int


class UploadTable:
    """The reading side of `Uploads`. All methods raise `StoreError`."""

    def __init__(self, reader: aiosqlite.Connection) -> None:
        self._reader = reader

    async def get(self, upload_id: str) -> Upload | None:
        """One of them with its parts; None if it is sent, given up or unknown."""
        rows = await self._read(f"SELECT {COLUMNS} FROM uploads WHERE id = ?", upload_id)  # noqa: S608
        if not rows:
            return None
        sql = "SELECT number, etag, size_bytes, md5 FROM parts WHERE id = ? ORDER BY number"
        parts = {int(number): Part(*part) for number, *part in await self._read(sql, upload_id)}
        return replace((await self._uploads(rows))[0], parts=parts)

    async def listing(self, limit: int) -> list[tuple[Upload, int]]:
        """Up to `limit` of them with how many bytes are sent, in the order of ranks and age, failed ones first."""
        sql = (
            f"SELECT {COLUMNS}, (SELECT COALESCE(SUM(size_bytes), 0) FROM parts WHERE parts.id = uploads.id)"  # noqa: S608
            " FROM uploads ORDER BY failed_ms IS NULL, rank, added_row, id LIMIT ?"
        )
        rows = await self._read(sql, limit)
        found = await self._uploads([row[:-1] for row in rows])
        return [(upload, int(row[-1])) for upload, row in zip(found, rows, strict=True)]

    async def totals(self) -> UploadTotals:
        """All of them together."""
        sql = (
            "SELECT COUNT(*), COALESCE(SUM(size_bytes), 0), (SELECT COALESCE(SUM(size_bytes), 0) FROM parts),"
            " COUNT(failed_ms), COALESCE(SUM(paused), 0) FROM uploads"
        )
        return UploadTotals(*(await self._read(sql))[0])

    async def strays(self, after: Stray = Stray("", "")) -> list[Stray]:  # noqa: B008 - immutable
        """What is to be thrown away at the target, behind `after` in the order of keys; at most 100.

        What lies under a key that waits to be sent again is none.
        """
        sql = (
            "SELECT key, upload_id FROM strays WHERE (key, upload_id) > (?, ?)"
            " AND (upload_id != '' OR key NOT IN (SELECT key FROM uploads)) ORDER BY key, upload_id LIMIT 100"
        )
        return [Stray(*row) for row in await self._read(sql, *after)]

    async def begun(self) -> frozenset[str]:
        """The target's names of all uploads that are to go on."""
        rows = await self._read("SELECT upload_id FROM uploads WHERE upload_id IS NOT NULL")
        return frozenset(str(row[0]) for row in rows)

    async def growing(self) -> list[Upload]:
        """Those that are not closed, without parts."""
        return await self._uploads(await self._read(f"SELECT {COLUMNS} FROM uploads WHERE body IS NULL"))  # noqa: S608

    async def pending(self) -> int:
        """How many closed ones are not sent yet."""
        return int((await self._read("SELECT COUNT(*) FROM uploads WHERE body IS NOT NULL"))[0][0])

    async def phases(self, upload_id: str) -> frozenset[Phase]:
        """What the store has told of a recording or file. Kept as long as the history is."""
        sql = "SELECT payload FROM records WHERE subject = ? ORDER BY row"
        return frozenset(phase_of(record.body) for record in await self._records(sql, upload_id))

    async def _uploads(self, rows: Iterable[Any]) -> list[Upload]:
        """What stands in these rows. Raise `StoreError` if one is damaged, which shows as damage of the store does."""
        try:
            return [upload_of(row) for row in rows]
        except InvalidMessageError as error:
            await database.mark_suspect(self._reader)
            raise StoreError(str(error)) from error

    async def _known(self, upload_id: str) -> Upload:
        upload = await self.get(upload_id)
        if upload is None:
            raise UnknownError(f"no upload {upload_id} waits: it is sent, was given up, or never was")
        return upload

    async def _closed_record(self, upload_id: str) -> Record | None:
        sql = "SELECT payload FROM records WHERE subject = ? AND kind IN ('recording', 'file') ORDER BY row LIMIT 1"
        return next(iter(await self._records(sql, upload_id)), None)

    async def _closed_body(self, upload_id: str) -> AnyBody:
        record = await self._closed_record(upload_id)
        if record is None:
            raise StoreError(f"the announcement of recording {upload_id} is gone from the history")
        return record.body

    async def _shows_an_alarm(self, body: Recording) -> bool:
        if body.event_id is None:
            return False
        sql = "SELECT payload FROM records WHERE subject = ? AND kind = 'event' ORDER BY row DESC LIMIT 20"
        events = [record.body for record in await self._records(sql, body.event_id)]
        return any(isinstance(event, Event) and priority_of(event) == "alarm" for event in events)

    async def _records(self, sql: str, *parameters: object) -> list[Record]:
        rows = await self._read(sql, *parameters)
        return await database.records(self._reader, (payload for (payload,) in rows))

    async def _read(self, sql: str, *parameters: object) -> list[Any]:
        return await database.rows(self._reader, sql, *parameters)
