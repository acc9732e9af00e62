"""Makes a sound store of a damaged one: whatever can still be read goes into a fresh file that then takes its place.

The fresh file is built beside the damaged one and renamed when it is whole, so that a kill at any step leaves one or
the other. A record is believed if it is what it says: its row, its run and its sequence number have to fit together.
Identities stay as they were, so the cloud sees no doubles. What is gone is told by `Loss` records of a run of their
own, which is in the file from the start. Where it is not certain what the cloud has, everything waits for it again.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.codec import decode
from contract.ids import new_boot
from contract.messages import Loss, Record
from contract.times import from_wire
from contract.topics import leaf_of
from edge.core.clock import Stamp
from edge.outbox.boots import count_boot, counted_boots
from edge.outbox.repair.gone import Found, gone_ranges, last_row, losses_of
from edge.outbox.repair.pages import Cell, Pages
from edge.outbox.repair.rows import Read, record_of, run_of, waiting_of
from edge.outbox.repair.tables import Tables
from edge.outbox.rows import TOMBSTONE, kind_of, make_row, rank_of, subject_of

_CHUNK: Final = 2000
_SLACK_ROWS: Final = 64
"""Rows that a page holds at most: by so many per page the numbering goes on behind what may be gone."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was saved. `gone` counts records that are missing; `certain` tells whether the cloud lacks just those."""

    records: int
    gone: int
    certain: bool


def salvage(damaged: Path, fresh: Path, *, aside: str, now: Stamp) -> Salvaged:
    """Fill `fresh`, an empty store of the newest schema, with what can be read of `damaged`; both are left closed.

    `aside` is what the damaged file will be called. Raise `OSError` or `sqlite3.Error` if the disk does not take it.
    """
    pages = Pages(damaged)
    with closing(pages), closing(sqlite3.connect(fresh, isolation_level=None)) as store:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "secure_delete = ON"):
            store.execute(f"PRAGMA {pragma}")
        store.execute("BEGIN")
        found = _look(pages)
        _copy(pages, store, found)
        saved = _number(store, "SELECT COUNT(*) FROM records")
        certain = pages.bad_frames == 0 and _outbox_is_sound(damaged)
        _queue(store, found, certain=certain)
        gone = gone_ranges(store, found, certain=certain)
        what = f"the store was damaged and repaired: {saved} records were saved; the old file is {aside}"
        _tell(store, damaged, found, losses_of(gone, what, certain=certain), now)
        store.execute("COMMIT")
        store.execute("PRAGMA journal_mode = WAL")
    _sync(fresh)
    return Salvaged(saved, sum(len(one.rows) for one in gone), certain)


def _look(pages: Pages) -> Found:
    """Which runs there were: what most of their records agree on; and what waited for the cloud."""
    found, votes = Found(room=_SLACK_ROWS * (pages.count + 1)), Counter[tuple[int, str, int]]()
    for cell in pages.cells(bare=False):
        if (read := record_of(cell)) is not None:
            row, number, record, _ = read
            votes[number, record.boot, row - record.seq + 1] += 1
        elif (waiting := waiting_of(cell)) is not None:
            found.waiting[waiting[0]] = waiting[1]
        elif (run := run_of(cell)) is not None:
            votes[run] += 1
        elif cell.rowid is not None and cell.values[:1] == ("records",) and isinstance(cell.values[-1], int):
            found.counted = max(found.counted, cell.values[-1])
    for (number, boot, first_row), _ in votes.most_common():
        found.runs.setdefault(number, (boot, first_row))
    return found


def _copy(pages: Pages, store: sqlite3.Connection, found: Found) -> None:
    """Every record that is what it says, and the rows of all other tables."""
    tables = Tables(store, but={"records", "outbox", "boots"})
    store.executemany(
        "INSERT OR IGNORE INTO boots (number, boot, first_row, started_ms) VALUES (?, ?, ?, ?)",
        [(number, boot, first_row, 0) for number, (boot, first_row) in found.runs.items()],
    )
    for cell in pages.cells():
        if (read := record_of(cell)) is not None:
            _keep(store, found.runs, read)
        elif cell.rowid is not None and (run := run_of(cell)) is not None:
            _complete(store, run, cell)
        else:
            tables.take(cell)
    tables.finish()


def _keep(store: sqlite3.Connection, runs: Mapping[int, tuple[str, int]], read: Read) -> None:
    """Of two versions of a row the `Loss` stands: what was evicted or erased does not come back."""
    row, number, record, payload = read
    boot, first_row = runs[number]
    if (record.boot, record.seq) != (boot, row - first_row + 1):
        return
    body = record.body
    store.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (row) DO UPDATE SET kind = excluded.kind,"
        " subject = excluded.subject, t_ms = excluded.t_ms, payload = excluded.payload WHERE excluded.kind = 'loss'",
        (row, number, kind_of(body), subject_of(body), from_wire(record.t), payload),
    )


def _complete(store: sqlite3.Connection, run: tuple[int, str, int], cell: Cell) -> None:
    number, boot, first_row = run
    started_ms, *rest = cell.values[3:]
    if isinstance(started_ms, int):
        store.execute(
            "UPDATE boots SET started_ms = ? WHERE (number, boot, first_row) = (?, ?, ?)",
            (started_ms, number, boot, first_row),
        )
    if rest and isinstance(rest[0], str):
        store.execute("UPDATE boots SET host_boot = ? WHERE (number, boot) = (?, ?)", (rest[0], number, boot))


def _queue(store: sqlite3.Connection, found: Found, *, certain: bool) -> None:
    """Put into the outbox what was in it; where that is not certain, everything."""
    after = 0
    sql = "SELECT row, payload FROM records WHERE row > ? ORDER BY row LIMIT ?"
    while rows := store.execute(sql, (after, _CHUNK)).fetchall():
        after = rows[-1][0]
        for row, payload in rows:
            if not certain or row in found.waiting:
                body = decode(payload, Record).body
                buried = found.waiting.get(row) == TOMBSTONE and isinstance(body, Loss)
                rank, leaf = (TOMBSTONE, "ledger") if buried else (rank_of(body), leaf_of(body))
                store.execute("INSERT INTO outbox (row, leaf, rank) VALUES (?, ?, ?)", (row, leaf, rank))


def _tell(store: sqlite3.Connection, damaged: Path, found: Found, losses: list[Loss], now: Stamp) -> None:
    """Write a run of its own that tells what is gone, behind every row that there ever was."""
    number = max([counted_boots(damaged), *found.runs]) + 1
    count_boot(damaged, number)
    last, sure = last_row(store, found)
    first = last + 1 + (0 if sure else found.room)
    boot = new_boot(number)
    sql = "INSERT INTO boots (number, boot, first_row, started_ms) VALUES (?, ?, ?, ?)"
    store.execute(sql, (number, boot, first, now.wall_ms))
    for row, body in enumerate(losses, start=first):
        new = make_row(row, boot=boot, seq=row - first + 1, at=now, body=body)
        kept = (row, number, kind_of(body), subject_of(body), new.t_ms, new.payload)
        store.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", kept)
        store.execute("INSERT INTO outbox (row, leaf, rank) VALUES (?, ?, ?)", (row, leaf_of(body), rank_of(body)))


def _outbox_is_sound(damaged: Path) -> bool:
    """Whether SQLite itself finds nothing wrong with the outbox of the damaged file."""
    try:
        with closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)) as old:
            return bool(old.execute("PRAGMA integrity_check(outbox)").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def _number(store: sqlite3.Connection, sql: str) -> int:
    return int(store.execute(sql).fetchone()[0] or 0)


def _sync(path: Path) -> None:
    for one, flags in ((path, os.O_RDWR), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        handle = os.open(one, flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
