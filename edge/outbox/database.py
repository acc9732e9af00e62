"""The SQLite file itself: opened durably, migrated by numbered scripts, and put aside when it is damaged."""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import aiosqlite

from contract.codec import decode
from contract.errors import InvalidMessageError
from contract.messages import Record
from contract.times import from_wire
from edge.core.errors import StoreError

CHECK_LIMIT_BYTES: Final = 64 << 20
"""A bigger file is checked page by page only after it was caught damaged: that would hold up the start for too long."""
_CORRUPT: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SIDE_FILES: Final = ("-wal", "-shm")
_ASIDES: Final = 2
"""Damaged files that are kept to be looked at."""


class StoreDamagedError(StoreError):
    """The file is not, or no longer, a sound SQLite database."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether `error` means a damaged file rather than a full disk or a device that fails for now."""
    code: int = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF in _CORRUPT or str(error).startswith("Could not decode to UTF-8")


def is_full(error: sqlite3.Error) -> bool:
    """Whether `error` means that the disk has no room."""
    code: int = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF == sqlite3.SQLITE_FULL


async def open_writer(path: Path) -> aiosqlite.Connection:
    """The one connection that writes, at the newest schema.

    Raise `StoreDamagedError` for a damaged file, `StoreError` for one that cannot be opened now.
    """
    try:
        connection = await aiosqlite.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}: is its folder there and writable?") from error
    try:
        await _prepare(connection, path)
    except sqlite3.Error as error:
        await connection.close()
        if is_damage(error):
            raise StoreDamagedError(f"{path}: {error}") from error
        raise StoreError(f"{path}: {error}: check the disk's free space and the folder's rights") from error
    except StoreError:
        await connection.close()
        raise
    return connection


async def open_reader(path: Path) -> aiosqlite.Connection:
    """A connection for looking; it never holds up the writer (WAL)."""
    connection = await aiosqlite.connect(path, isolation_level=None)
    await connection.execute("PRAGMA query_only = ON")
    await connection.execute("PRAGMA busy_timeout = 5000")
    return connection


def put_aside(path: Path, wall_ms: int) -> Path:
    """Rename a damaged database with its side files, so that a fresh one can start; return its new place.

    The side files go first: left behind, they would be taken for those of the fresh one.
    """
    aside = aside_of(path, wall_ms)
    for suffix in (*_SIDE_FILES, ""):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(aside.with_name(aside.name + suffix))
    suspect_mark(path).unlink(missing_ok=True)
    thin_out(path, aside)
    return aside


def aside_of(path: Path, wall_ms: int) -> Path:
    """Where a damaged database goes."""
    return path.with_name(f"{path.name}.damaged-{wall_ms}")


def remove_asides(path: Path) -> int:
    """Delete every damaged database that was put aside: nothing can be erased from within those."""
    old = list(path.parent.glob(f"{path.name}.damaged-*"))
    for aside in old:
        _delete(aside)
    return len(old)


async def empty_journal(path: Path) -> None:
    """Write everything into the file itself and cut its journal to nothing: erased bytes stay in neither.

    Raise `StoreError` if somebody reads for too long, or the disk does not take it.
    """
    try:
        async with aiosqlite.connect(path, isolation_level=None) as connection:
            await connection.execute("PRAGMA busy_timeout = 5000")
            busy = await number(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}: check the disk's free space") from error
    if busy:
        raise StoreError(f"{path}: it was read for too long to be cut: try again")


def suspect_mark(path: Path) -> Path:
    """The empty file that tells the next start to check the whole database."""
    return path.with_name(f"{path.name}.suspect")


def repair_mark(path: Path) -> Path:
    """The file that is there from a repair until all that follows from it is done."""
    return path.with_name(f"{path.name}.repaired")


async def mark_suspect(connection: aiosqlite.Connection) -> None:
    """Damage showed while reading: whoever runs the store ends, and the next start looks at all of it."""
    found = await one(connection, "PRAGMA database_list")
    if found:
        with suppress(OSError):  # the disk is full: it shows again
            suspect_mark(Path(found[2])).touch()


async def rows(connection: aiosqlite.Connection, sql: str, *parameters: object) -> list[Any]:
    """Every row of a query of a connection for looking. Raise `StoreError` if the store cannot be read."""
    try:
        return list(await connection.execute_fetchall(sql, parameters))
    except sqlite3.Error as error:
        if is_damage(error):
            await mark_suspect(connection)
        raise StoreError(f"cannot read the store: {error}") from error


async def records(connection: aiosqlite.Connection, payloads: Iterable[bytes]) -> list[Record]:
    """What stands in these payloads of records. Raise `StoreError` if one of them is damaged; it shows as damage of the
    store does, for its pages are sound and nobody else would find it."""
    try:
        found = [decode(payload, Record) for payload in payloads]
        for record in found:
            from_wire(record.t)
    except InvalidMessageError as error:
        await mark_suspect(connection)
        raise StoreError(f"a record of the store is damaged: {error}") from error
    return found


async def one(connection: aiosqlite.Connection, sql: str, *parameters: object) -> sqlite3.Row | None:
    """The first row of a query."""
    async with connection.execute(sql, parameters) as cursor:
        return await cursor.fetchone()


async def number(connection: aiosqlite.Connection, sql: str, *parameters: object) -> int:
    """The one whole number that a query asks for; 0 where it is NULL."""
    row = await one(connection, sql, *parameters)
    return int(row[0] or 0) if row else 0


def thin_out(path: Path, newest: Path) -> None:
    """Delete all but the newest of what was put aside: a disk that damages files again and again is not filled."""
    old = path.parent.glob(f"{path.name}.damaged-*")
    bases = {one.with_name(one.name.removesuffix("-wal").removesuffix("-shm")) for one in old}
    for base in sorted(bases - {newest})[: -(_ASIDES - 1)]:
        for side in ("", *_SIDE_FILES):
            with suppress(OSError):  # no reason not to open: it stays, and an erasure says so
                _delete(base.with_name(base.name + side))


def _delete(aside: Path) -> None:
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside)
    else:
        aside.unlink(missing_ok=True)


async def _prepare(connection: aiosqlite.Connection, path: Path) -> None:
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "busy_timeout = 5000",
        "journal_size_limit = 16777216",
        "secure_delete = ON",
    ):
        await connection.execute(f"PRAGMA {pragma}")
    if needs_check(path):
        await _check(connection, path)
    await _migrate(connection, path)


def needs_check(path: Path) -> bool:
    """Whether the whole file is to be checked before it is used."""
    return path.exists() and (path.stat().st_size <= CHECK_LIMIT_BYTES or suspect_mark(path).exists())


async def _check(connection: aiosqlite.Connection, path: Path) -> None:
    deep = suspect_mark(path).exists()
    found = await one(connection, "PRAGMA integrity_check(1)" if deep else "PRAGMA quick_check(1)")
    if found is None or found[0] != "ok":
        raise StoreDamagedError(f"{path}: {found[0] if found else 'unreadable'}")
    suspect_mark(path).unlink(missing_ok=True)


async def _migrate(connection: aiosqlite.Connection, path: Path) -> None:
    scripts = sorted(
        entry.name for entry in files(__package__).joinpath("schema").iterdir() if entry.name.endswith(".sql")
    )
    version = await number(connection, "PRAGMA user_version")
    if version > len(scripts):
        raise StoreError(f"{path}: schema {version} is newer than this software ({len(scripts)}): install a newer one")
    for number_, script in enumerate(scripts[version:], start=version + 1):
        sql = files(__package__).joinpath("schema", script).read_text(encoding="utf-8")
        await connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number_};\nCOMMIT;")
