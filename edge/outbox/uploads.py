"""Files on their way to object storage: what is to be sent, what of it is there already, what became of it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

import aiosqlite
import msgspec

from contract.messages import AnyBody, File, Record, Recording
from edge.core.errors import RefusedError, StoreDelayedError, StoreError
from edge.core.growth import Growth
from edge.outbox.upload_rows import (
    ADD_STRAY,
    COLUMNS,
    WHOLE,
    Stray,
    Upload,
    id_of,
    loss_of,
    rank_of_reason,
    upload_of,
)
from edge.outbox.upload_table import UploadTable, UploadTotals
from edge.outbox.upload_work import (
    NEWEST_ROW,
    STRAY_OF_BEGUN,
    STRAY_OF_WHOLE,
    close,
    close_again,
    finished,
    set_upload,
    statement,
)
from edge.outbox.waiting import Work
from edge.outbox.writer import Writer

__all__ = ["UploadTotals", "Uploads"]
_READY: Final = "body IS NOT NULL AND NOT paused AND failed_ms IS NULL"
_HEADS: Final = (
    f"SELECT {COLUMNS} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY rank, lane ORDER BY added_row, id) AS place"  # noqa: S608
    f" FROM uploads WHERE {_READY} AND id NOT IN (SELECT value FROM json_each(?)))"
    " WHERE place = 1 ORDER BY rank, added_row, id"
)
_PAUSED: Final = "paused"


class Uploads(UploadTable):
    """The table of uploads. Every change is durable when its method returns; all raise `StoreError`."""

    def __init__(self, reader: aiosqlite.Connection, writer: Writer) -> None:
        super().__init__(reader)
        self._writer = writer
        self._changed = asyncio.Event()
        self.changes = 0
        """Grows whenever there may be something to send that there was not before."""
        self.on_closed: Callable[[str], None] | None = None
        """Called with the id of each file that is now in the table as a whole."""
        self.on_gone: Callable[[str], None] | None = None
        """Called with the id of each file that somebody else took out of the table: it must be sent no more."""
        self.under_way: Callable[[str], bool] = lambda _id: False
        """Whether something of a file is being sent; whoever sends sets it."""
        self._ending = asyncio.Lock()
        """So that nobody tells of an upload that another has just given up."""
        self._all_paused: bool | None = None
        self._delayed: set[str] = set()
        """Ids whose last or first word stands in the writer's line, and must not be said again."""

    async def add(self, recording_id: str, path: Path) -> None:
        """Queue the file of a recording whose `closed` record is in the store; does nothing if it is known already.

        What of it was sent while it grew is joined.
        """
        phases = await self.phases(recording_id)
        if phases & {"uploaded", "lost"}:
            return
        if "closed" not in phases:
            raise StoreError(f"recording {recording_id} was never announced as closed")
        body = await self._closed_body(recording_id)
        if not isinstance(body, Recording):
            raise StoreError(f"{recording_id} is no recording")
        rank = rank_of_reason(body.reason, alarm=await self._shows_an_alarm(body))
        await self._writer.execute(close(body, path, rank))
        self._closed(recording_id)

    async def offer(self, file: File, path: Path, *, rank: int = 1) -> Record:
        """Tell of a closed file and queue it, in one commit; return its record, the first one if it was offered before:
        then it is only seen to that it is in the table, from which a repair of the store may have dropped it.

        `rank`: 0 goes before events, 1 with them, 2 after. Raise `StoreDelayedError` if it waits for the disk: then it
        becomes durable by itself, and another offer changes nothing.
        """
        if known := await self._closed_record(file.file_id):
            await self._writer.execute(close_again(file, path, rank))
            self.wake()
            return known
        self._check_not_delayed([file.file_id])
        record = await self._append(file.file_id, file, close(file, path, rank))
        self._closed(file.file_id)
        return record

    async def begin_growing(self, growth: Growth) -> None:
        """A recording that is not closed yet has enough to send; does nothing if it is in the table, or was told of."""
        rank = rank_of_reason(growth.reason, alarm=growth.urgent)
        sql = (
            "INSERT OR IGNORE INTO uploads (id, kind, rank, lane, path, key, size_bytes, added_row)"  # noqa: S608
            f" SELECT ?1, 'recording', ?2, ?3, ?4, ?5, 0, {NEWEST_ROW}"
            " WHERE NOT EXISTS (SELECT 1 FROM records WHERE subject = ?1)"
        )
        values = (growth.recording_id, rank, growth.camera, str(growth.path), growth.key)
        await self._writer.execute(statement(sql, *values))

    async def wait_changed(self, seen: int) -> None:
        """Return once `changes` is no more `seen`."""
        while self.changes == seen:
            await self._changed.wait()

    def wake(self) -> None:
        """There may be something to send."""
        self.changes += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def heads(self, without: Collection[str] = ()) -> list[Upload]:
        """The oldest closed file of each rank and lane that may be sent now, by rank, without parts.

        Raise `StoreDelayedError` while the end of an upload waits for the disk: its row still stands, but to send it
        again would tell of it twice.
        """
        found = await self._uploads(await self._read(_HEADS, msgspec.json.encode(list(without)).decode()))
        self._check_not_delayed([upload.id for upload in found])
        return found

    async def begin(self, upload_id: str, name: str, part_bytes: int) -> bool:
        """The target gave this upload a name; parts of an earlier one are forgotten. Whether it is still to be sent."""
        await self._writer.execute(set_upload(upload_id, name, part_bytes))
        return await self.get(upload_id) is not None

    async def restart(self, upload_id: str) -> None:
        """The target no longer knows the upload, or it was aborted there: begin again."""
        await self._writer.execute(set_upload(upload_id, None, None))

    async def add_part(self, upload_id: str, number: int, tag: str, *, size_bytes: int = 0, md5: str = "") -> None:
        """The target confirmed a part; does nothing if the upload was forgotten meanwhile."""
        sql = "INSERT OR REPLACE INTO parts SELECT id, ?, ?, ?, ? FROM uploads WHERE id = ?"
        await self._writer.execute(statement(sql, number, tag, size_bytes, md5, upload_id))

    async def fault(self, upload_id: str, error: str, failed_ms: int | None) -> None:
        """One more attempt was in vain, by the file's own fault; with `failed_ms` it was the last by itself."""
        sql = "UPDATE uploads SET attempts = attempts + 1, last_error = ?, failed_ms = ? WHERE id = ?"
        await self._writer.execute(statement(sql, error[:500], failed_ms, upload_id))

    async def forgive(self, upload_id: str) -> None:
        """It got on: earlier attempts count no more."""
        await self._writer.execute(statement("UPDATE uploads SET attempts = 0 WHERE id = ?", upload_id))

    async def retry(self, upload_id: str | None = None) -> None:
        """Try one that failed, or all of them, as if for the first time. Raise `UnknownError`, `RefusedError`."""
        if upload_id is not None and (await self._known(upload_id)).failed_ms is None:
            raise RefusedError(f"{upload_id} has not failed: it is tried by itself")
        sql = "UPDATE uploads SET attempts = 0, failed_ms = NULL WHERE failed_ms IS NOT NULL AND id = COALESCE(?, id)"
        await self._writer.execute(statement(sql, upload_id))
        self.wake()

    async def retry_old(self, now_ms: int, after_ms: int) -> None:
        """One more attempt for each that failed `after_ms` ago, or at a time that has not come yet."""
        sql = "UPDATE uploads SET failed_ms = NULL WHERE failed_ms NOT BETWEEN ? AND ?"
        await self._writer.execute(statement(sql, now_ms - after_ms + 1, now_ms))
        self.wake()

    async def pause(self, upload_id: str, *, paused: bool) -> None:
        """Hold one back, or go on with it; kept across restarts. Raise `UnknownError`."""
        await self._known(upload_id)
        await self._writer.execute(statement("UPDATE uploads SET paused = ? WHERE id = ?", int(paused), upload_id))
        self.wake()

    async def pause_all(self, *, paused: bool) -> None:
        """Hold all back, those that come included, or go on; kept across restarts."""
        sql = (
            "INSERT OR IGNORE INTO upload_switches VALUES (?)"
            if paused
            else "DELETE FROM upload_switches WHERE name = ?"
        )
        await self._writer.execute(statement(sql, _PAUSED))
        self._all_paused = paused
        self.wake()

    async def all_paused(self) -> bool:
        """Whether all are held back."""
        if self._all_paused is None:
            self._all_paused = bool(await self._read("SELECT 1 FROM upload_switches WHERE name = ?", _PAUSED))
        return self._all_paused

    async def finish(self, body: Recording | File) -> Record | None:
        """The object is confirmed: tell the cloud and forget the upload, in one commit.

        None if somebody gave it up meanwhile: then nothing is told, and the object is to be thrown away.
        """
        upload_id = id_of(body)
        async with self._ending:
            self._check_not_delayed([upload_id])
            if await self.get(upload_id) is None:
                await self._writer.execute(statement(ADD_STRAY, body.key, WHOLE))
                return None
            uploaded = msgspec.structs.replace(body, phase="uploaded")
            return await self._append(upload_id, uploaded, finished(upload_id, body.key))

    async def give_up(self, body: Recording | File, reason: str) -> Record | None:
        """It can never be sent: write that into the ledger and forget the upload, in one commit.

        None if somebody else did so meanwhile.
        """
        upload_id = id_of(body)
        async with self._ending:
            self._check_not_delayed([upload_id])
            if await self.get(upload_id) is None:
                return None
            return await self._append(upload_id, loss_of(body, reason), self._forgetting(upload_id))

    async def forget(self, upload_id: str) -> None:
        """Someone else gave it up and told so; unknown ids are ignored. What was begun becomes a stray."""
        async with self._ending:
            try:
                await self._writer.execute(self._forgetting(upload_id))
            except StoreDelayedError:
                self._delayed.add(upload_id)
                raise
            finally:
                self._gone(upload_id)

    async def forget_all(self, unwanted: Callable[[Recording | File], bool]) -> None:
        """Forget each closed file whose announcement is `unwanted`, in one commit. Raise as `forget` does."""
        gone: list[str] = []

        async def work(connection: aiosqlite.Connection) -> None:
            gone.clear()
            for row in await connection.execute_fetchall(f"SELECT {COLUMNS} FROM uploads WHERE body IS NOT NULL"):  # noqa: S608
                upload = upload_of(row)
                if upload.body and unwanted(upload.body):
                    await self._forgetting(upload.id)(connection)
                    gone.append(upload.id)

        async with self._ending:
            await self._writer.execute(work)
            for upload_id in gone:
                self._gone(upload_id)

    async def add_stray(self, stray: Stray) -> None:
        """Something is at the target that nobody will be told of."""
        await self._writer.execute(statement(ADD_STRAY, *stray))

    async def remove_stray(self, stray: Stray) -> None:
        """It is thrown away."""
        await self._writer.execute(statement("DELETE FROM strays WHERE key = ? AND upload_id = ?", *stray))

    def _forgetting(self, upload_id: str) -> Work:
        """What was begun of it, and what of it may be completed by what is under way, becomes a stray."""

        async def work(connection: aiosqlite.Connection) -> None:
            sent = self.under_way(upload_id)
            await connection.execute(STRAY_OF_BEGUN, (upload_id,))
            await connection.execute(STRAY_OF_WHOLE, (upload_id, sent))
            await connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))

        return work

    def _gone(self, upload_id: str) -> None:
        if self.on_gone:
            self.on_gone(upload_id)
        self.wake()

    def _closed(self, upload_id: str) -> None:
        if self.on_closed:
            self.on_closed(upload_id)
        self.wake()

    async def _append(self, upload_id: str, body: AnyBody, work: Work) -> Record:
        """A word of an upload, and its row there or away, in one commit."""
        try:
            return await self._writer.append(body, work=work)
        except StoreDelayedError:
            self._delayed.add(upload_id)
            raise

    def _check_not_delayed(self, ids: Sequence[str]) -> None:
        if not len(self._writer.line):
            self._delayed.clear()
        if late := self._delayed.intersection(ids):
            raise StoreDelayedError(f"what is told of {min(late)} waits for the disk")
