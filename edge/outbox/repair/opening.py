"""Opens the store, whatever state it is in: sound, damaged, or killed in the middle of its own repair.

A repair builds `store.db.salvaging` from the damaged file, calls it `store.db.salvaged` when it is whole and durable,
puts the damaged file aside and gives the new one its name. A start that finds a whole one goes on from there. From
before that until `repair_is_over` a mark beside the store tells that there was a repair, however often it is opened.
"""

import asyncio
import logging
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiosqlite

from contract.codec import decode
from contract.errors import InvalidMessageError
from contract.messages import Record
from contract.times import from_wire
from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.notify import sd_notify
from edge.outbox import database
from edge.outbox.boots import counted_boots
from edge.outbox.repair.pages import is_sane
from edge.outbox.repair.salvage import salvage
from edge.outbox.repair.strangers import put_strangers_aside
from edge.outbox.upload_rows import COLUMNS, upload_of

_NEWEST_SCHEMA: Final = 1000
"""No schema is newer than this: a greater number is damage."""
_TABLES: Final = ("boots", "records", "outbox", "uploads", "parts", "strays", "upload_switches")
_PATIENCE_S: Final = 20.0
"""A big store takes minutes: so long the service manager is asked to wait, again and again."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """The writing connection. `aside` is where a damaged file was put just now; `repaired` tells whether that was since
    the last `repair_is_over`. `untold` is the name of a file of which nothing was saved, and nobody has told yet.
    """

    connection: aiosqlite.Connection
    aside: Path | None = None
    repaired: bool = False
    untold: str = ""


async def open_or_repair(path: Path, clock: Clock) -> Opened:
    """Open the store at `path`, or make one; raise `StoreError` if it cannot be opened at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stranger = await asyncio.to_thread(put_strangers_aside, path, clock.now().wall_ms)
    if stranger and not _whole(path).exists():
        await asyncio.to_thread(_mark, path, stranger.name)
    await asyncio.to_thread(_go_on, path, clock.now().wall_ms)
    try:
        connection = await _open_sound(path)
        repaired, untold = database.repair_mark(path).exists(), await asyncio.to_thread(_untold, path)
        return Opened(connection, stranger, repaired, untold)
    except database.StoreDamagedError as error:
        _log.error("%s; it is repaired", error)
    wall_ms = clock.now().wall_ms
    aside, untold = database.aside_of(path, wall_ms), ""
    try:
        await _salvage(path, aside, clock)
    except (OSError, sqlite3.Error, StoreError) as error:
        _log.error("%s cannot be repaired: %s; beginning a fresh store", path, error)
        untold = aside.name
        await asyncio.to_thread(_mark, path, untold)
        await asyncio.to_thread(database.put_aside, path, wall_ms)
    finally:
        await asyncio.to_thread(_remove, _growing(path))
    await asyncio.to_thread(_go_on, path, wall_ms)
    return Opened(await database.open_writer(path), aside, repaired=True, untold=untold)


def told(path: Path) -> None:
    """The loss of a store of which nothing was saved is told."""
    _mark(path, "")


def repair_is_over(path: Path) -> None:
    """Whoever keeps files has offered them again."""
    database.repair_mark(path).unlink(missing_ok=True)


async def _open_sound(path: Path) -> aiosqlite.Connection:
    """The writing connection of a store that is as it should be; raise `StoreDamagedError` if it is not."""
    if await asyncio.to_thread(_looks_damaged, path):
        raise database.StoreDamagedError(f"{path}: its header or its log is damaged")
    whole = database.needs_check(path)
    connection = await database.open_writer(path)
    try:
        for table in _TABLES:
            await connection.execute_fetchall(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608
        if whole:
            await asyncio.to_thread(_read_all, path)
    except (sqlite3.Error, InvalidMessageError) as error:
        await connection.close()
        raise database.StoreDamagedError(f"{path}: {error}") from error
    return connection


def _looks_damaged(path: Path) -> bool:
    """What SQLite would pass over in silence, or take for something else than damage."""
    if not path.exists():
        return False
    if path.stat().st_size == 0:
        return counted_boots(path) > 0
    if not is_sane(path):
        return True
    with path.open("rb") as file:
        return int.from_bytes(file.read(64)[60:64]) > _NEWEST_SCHEMA


def _read_all(path: Path) -> None:
    """Read every row: SQLite has no checksums, and finds nothing wrong with a payload of which a bit is.

    Raise `InvalidMessageError` at one that cannot be read.
    """
    with closing(sqlite3.connect(path)) as reader:
        for payload, *_ in reader.execute("SELECT payload, kind, subject FROM records"):
            from_wire(decode(payload, Record).t)
        for row in reader.execute(f"SELECT {COLUMNS} FROM uploads"):  # noqa: S608
            upload_of(row)
        if reader.execute("SELECT 1 FROM records WHERE boot NOT IN (SELECT number FROM boots) LIMIT 1").fetchone():
            raise InvalidMessageError("a record is of a run that there never was")
        for table in ("boots", "outbox", "parts", "strays"):
            for _ in reader.execute(f"SELECT * FROM {table}"):  # noqa: S608
                pass


async def _salvage(path: Path, aside: Path, clock: Clock) -> None:
    growing = _growing(path)
    await asyncio.to_thread(_remove, growing)
    await (await database.open_writer(growing)).close()
    working = asyncio.create_task(asyncio.to_thread(salvage, path, growing, aside=aside.name, now=clock.now()))
    while not working.done():
        sd_notify("STATUS=the store is repaired", f"EXTEND_TIMEOUT_USEC={int(_PATIENCE_S * 1e6)}")
        await asyncio.wait({working}, timeout=_PATIENCE_S / 4)
    salvaged = working.result()
    await asyncio.to_thread(_mark, path, "")
    growing.rename(_whole(path))
    _log.warning("%d records of %s were saved, %d are gone", salvaged.records, path, salvaged.gone)


def _go_on(path: Path, wall_ms: int) -> None:
    """Put a store that was repaired as a whole in its place; nothing happens if there is none."""
    if _whole(path).exists():
        database.put_aside(path, wall_ms)
        _whole(path).rename(path)


def _mark(path: Path, untold: str) -> None:
    """Note the repair, for as long as it matters. A disk that is full may refuse: this run knows without."""
    mark = database.repair_mark(path)
    try:
        with mark.open("w", encoding="utf-8") as file:
            file.write(untold)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        _log.error("%s cannot be written: %s", mark, error)


def _untold(path: Path) -> str:
    try:
        return database.repair_mark(path).read_text(encoding="utf-8", errors="replace")[:200]
    except OSError:
        return ""


def _remove(path: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal", ""):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _growing(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaging")


def _whole(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaged")
