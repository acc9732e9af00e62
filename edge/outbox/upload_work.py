"""What is done to the table of uploads, as the statements of one commit each."""

from pathlib import Path
from typing import Final

import aiosqlite
import msgspec

from contract.messages import File, Recording
from edge.outbox.upload_rows import WHOLE, id_of, lane_of
from edge.outbox.waiting import Work

NEWEST_ROW: Final = "(SELECT COALESCE(MAX(row), 0) FROM records)"
_INSERT: Final = (
    "INSERT INTO uploads (id, kind, rank, lane, path, key, size_bytes, body, added_row)"  # noqa: S608
    f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, {NEWEST_ROW})"
)
_CLOSE: Final = (
    f"{_INSERT} ON CONFLICT (id) DO UPDATE SET rank = MIN(rank, excluded.rank), path = excluded.path,"
    " size_bytes = excluded.size_bytes, body = excluded.body WHERE body IS NULL"
)
STRAY_OF_BEGUN: Final = (
    "INSERT OR IGNORE INTO strays SELECT key, upload_id FROM uploads WHERE id = ? AND upload_id IS NOT NULL"
)
STRAY_OF_WHOLE: Final = (
    "INSERT OR IGNORE INTO strays SELECT key, '' FROM uploads"
    " WHERE id = ? AND body IS NOT NULL AND (upload_id IS NOT NULL OR ?)"
)


def statement(sql: str, *parameters: object) -> Work:
    """One statement as the work of a commit."""

    async def work(connection: aiosqlite.Connection) -> None:
        await connection.execute(sql, parameters)

    return work


def close(body: Recording | File, path: Path, rank: int) -> Work:
    """The file is whole: it is in the table as such from now on."""
    kind = "recording" if isinstance(body, Recording) else "file"
    encoded = msgspec.json.encode(body)
    return statement(_CLOSE, id_of(body), kind, rank, lane_of(body), str(path), body.key, body.size_bytes, encoded)


def close_again(body: File, path: Path, rank: int) -> Work:
    """Unless more was told of it than that it is closed: then it has arrived, or was given up."""
    adding = close(body, path, rank)

    async def work(connection: aiosqlite.Connection) -> None:
        told = list(await connection.execute_fetchall("SELECT 1 FROM records WHERE subject = ?", (body.file_id,)))
        if len(told) == 1:
            await adding(connection)

    return work


def finished(upload_id: str, key: str) -> Work:
    """What was given up under this key before, and begun again, is not to be thrown away any more."""

    async def work(connection: aiosqlite.Connection) -> None:
        await connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
        await connection.execute("DELETE FROM strays WHERE key = ? AND upload_id = ?", (key, WHOLE))

    return work


def set_upload(upload_id: str, name: str | None, part_bytes: int | None) -> Work:
    """The target gave the upload this name, or none; parts of an earlier one are forgotten."""

    async def work(connection: aiosqlite.Connection) -> None:
        await connection.execute("DELETE FROM parts WHERE id = ?", (upload_id,))
        sql = "UPDATE uploads SET upload_id = ?, part_bytes = ? WHERE id = ?"
        await connection.execute(sql, (name, part_bytes, upload_id))
        await connection.execute("DELETE FROM strays WHERE upload_id = ?", (name,))

    return work
