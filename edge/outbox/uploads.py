"""Recordings on their way to object storage: what is to be sent, what of it is there already, what became of it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import aiosqlite
import msgspec

from contract.codec import decode
from contract.messages import AnyBody, Loss, Record, Recording
from edge.core.errors import StoreDelayedError, StoreError
from edge.outbox import database
from edge.outbox.waiting import Work
from edge.outbox.writer import Writer

Phase = Literal["closed", "uploaded", "lost"]
_RANKS: Final = {"event": 0, "manual": 0, "continuous": 1}
_COLUMNS: Final = "recording_id, path, body, upload_id, part_bytes"


@dataclass(frozen=True, slots=True)
class Upload:
    """A whole file to be sent. `parts`: those that the target confirmed under `upload_id`, number from 1 to its tag."""

    recording: Recording
    path: Path
    upload_id: str | None
    part_bytes: int | None
    parts: dict[int, str]


class Uploads:
    """The table of uploads. Every change is durable when its method returns; all raise `StoreError`."""

    def __init__(self, reader: aiosqlite.Connection, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer
        self._changed = asyncio.Event()
        self._ending: str | None = None

    async def add(self, recording_id: str, path: Path) -> None:
        """Queue the file of a recording whose `closed` record is in the store; does nothing if it is known already."""
        phases = await self.phases(recording_id)
        if phases & {"uploaded", "lost"}:
            return
        if "closed" not in phases:
            raise StoreError(f"recording {recording_id} was never announced as closed")
        body = await self._closed_body(recording_id)
        sql = (
            "INSERT OR IGNORE INTO uploads (recording_id, rank, added_row, path, body)"
            " SELECT ?, ?, COALESCE(MAX(row), 0), ?, ? FROM records"
        )
        await self._writer.execute(
            _statement(sql, recording_id, _RANKS[body.reason], str(path), msgspec.json.encode(body))
        )
        self._changed.set()

    async def wait_added(self) -> None:
        """Return when something was added since the last return."""
        await self._changed.wait()
        self._changed.clear()

    async def next(self) -> Upload | None:
        """What to send now: recordings of events and by hand first, then the oldest; None if all is sent.

        Raise `StoreDelayedError` while the end of the last one waits for the disk: its row still stands, but to send it
        again would tell of it twice.
        """
        upload = await self._first("ORDER BY rank, added_row, recording_id LIMIT 1")
        if upload and upload.recording.recording_id == self._ending and len(self._writer.line):
            raise StoreDelayedError(f"the end of the upload of {self._ending} waits for the disk")
        return upload

    async def get(self, recording_id: str) -> Upload | None:
        """One of them; None if it is sent, given up or unknown."""
        return await self._first("WHERE recording_id = ?", recording_id)

    async def begin(self, recording_id: str, upload_id: str, part_bytes: int) -> None:
        """The target gave this upload a name; parts of an earlier one are forgotten."""
        await self._writer.execute(_set_upload(recording_id, upload_id, part_bytes))

    async def restart(self, recording_id: str) -> None:
        """The target no longer knows the upload: begin again."""
        await self._writer.execute(_set_upload(recording_id, None, None))

    async def add_part(self, recording_id: str, number: int, etag: str) -> None:
        """The target confirmed a part; does nothing if the upload was forgotten meanwhile."""
        sql = "INSERT OR REPLACE INTO parts SELECT recording_id, ?, ? FROM uploads WHERE recording_id = ?"
        await self._writer.execute(_statement(sql, number, etag, recording_id))

    async def finish(self, recording: Recording) -> Record:
        """The object is confirmed: tell the cloud and forget the upload, in one commit."""
        return await self._end(recording.recording_id, msgspec.structs.replace(recording, phase="uploaded"))

    async def give_up(self, recording: Recording, reason: str) -> Record:
        """It can never be sent: write that into the ledger and forget the upload, in one commit."""
        loss = Loss(
            what="recording",
            reason=reason,
            count=1,
            size_bytes=recording.size_bytes,
            recording_id=recording.recording_id,
        )
        return await self._end(recording.recording_id, loss)

    async def forget(self, recording_id: str) -> None:
        """Someone else gave it up and told so; unknown ids are ignored."""
        await self._writer.execute(_forget(recording_id))

    async def pending(self) -> int:
        """How many are not sent yet."""
        return int((await self._read("SELECT COUNT(*) FROM uploads"))[0][0])

    async def phases(self, recording_id: str) -> frozenset[Phase]:
        """What the store has told of a recording. Kept as long as the history is."""
        sql = "SELECT payload FROM records WHERE subject = ? ORDER BY row"
        rows = await self._read(sql, recording_id)
        return frozenset(_phase_of(decode(row[0], Record).body) for row in rows)

    async def _first(self, which: str, *parameters: object) -> Upload | None:
        rows = await self._read(f"SELECT {_COLUMNS} FROM uploads {which}", *parameters)  # noqa: S608
        if not rows:
            return None
        recording_id, path, body, upload_id, part_bytes = rows[0]
        parts = await self._read("SELECT number, etag FROM parts WHERE recording_id = ? ORDER BY number", recording_id)
        recording = msgspec.json.decode(body, type=Recording)
        return Upload(recording, Path(path), upload_id, part_bytes, {int(part[0]): str(part[1]) for part in parts})

    async def _closed_body(self, recording_id: str) -> Recording:
        sql = "SELECT payload FROM records WHERE subject = ? AND kind = 'recording' ORDER BY row LIMIT 1"
        rows = await self._read(sql, recording_id)
        body = decode(rows[0][0], Record).body if rows else None
        if not isinstance(body, Recording):
            raise StoreError(f"the announcement of recording {recording_id} is gone from the history")
        return body

    async def _end(self, recording_id: str, body: AnyBody) -> Record:
        """The last word on an upload, and its row away, in one commit."""
        try:
            return await self._writer.append(body, work=_forget(recording_id))
        except StoreDelayedError:
            self._ending = recording_id
            raise

    async def _read(self, sql: str, *parameters: object) -> list[Any]:
        return await database.rows(self._reader, sql, *parameters)


def _phase_of(body: AnyBody) -> Phase:
    return body.phase if isinstance(body, Recording) else "lost"


def _statement(sql: str, *parameters: object) -> Work:
    async def work(connection: aiosqlite.Connection) -> None:
        await connection.execute(sql, parameters)

    return work


def _forget(recording_id: str) -> Work:
    return _statement("DELETE FROM uploads WHERE recording_id = ?", recording_id)


def _set_upload(recording_id: str, upload_id: str | None, part_bytes: int | None) -> Work:
    async def work(connection: aiosqlite.Connection) -> None:
        await connection.execute("DELETE FROM parts WHERE recording_id = ?", (recording_id,))
        sql = "UPDATE uploads SET upload_id = ?, part_bytes = ? WHERE recording_id = ?"
        await connection.execute(sql, (upload_id, part_bytes, recording_id))

    return work
