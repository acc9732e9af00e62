"""Makes a sound store of a damaged one: whatever can still be read goes into a fresh file that then takes its place.

The fresh file is built beside the damaged one and renamed when it is whole, so that a kill at any step leaves one or
the other. A record is believed if it is what it says: its row, its run and its sequence number have to fit together.
Identities stay as they were, so the cloud sees no doubles. What is gone is told by `Loss` records of a run of their
own, which is in the file from the start. Where it is not certain what the cloud has, everything waits for it again.
"""

import os
import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contract.codec import decode
from contract.errors import InvalidIdError, InvalidMessageError
from contract.ids import check_boot, new_boot
from contract.messages import Loss, Record
from contract.times import from_wire
from contract.topics import leaf_of
from edge.core.clock import Stamp
from edge.outbox.boots import count_boot, counted_boots
from edge.outbox.pages import PAGE_BYTES, Cell, Pages
from edge.outbox.rows import TOMBSTONE, kind_of, make_row, rank_of, subject_of
from edge.outbox.salvage_tables import Tables

_MOST_LOSSES: Final = 5000
_CHUNK: Final = 2000
_RECORD_COLUMNS: Final = 6
_OUTBOX_COLUMNS: Final = 3
_SLACK_ROWS: Final = 64
"""Rows that a page holds at most: by so many per page the numbering goes on behind what may be gone."""
_Read = tuple[int, int, Record, bytes]
"""Row, number of the run, record and payload."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was saved. `gone` counts records that are missing; `certain` tells whether the cloud lacks just those."""

    records: int
    gone: int
    certain: bool


@dataclass(frozen=True, slots=True)
class _Gone:
    """Rows of one run that are missing."""

    boot: str
    first_row: int
    rows: range


@dataclass(slots=True)
class _Found:
    """What a first look over all pages told."""

    runs: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Name and first row by number."""
    waiting: dict[int, int] = field(default_factory=dict)
    """Rank by row, as the outbox had it."""
    last: int = 0
    """The largest row of a record that was seen."""
    counted: int = 0
    """The largest row that ever was, by SQLite's own count; 0 if that is gone."""


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
        gone = _gone_ranges(store, found, certain=certain)
        what = f"the store was damaged and repaired: {saved} records were saved; the old file is {aside}"
        _tell(store, damaged, found, _losses(gone, what, certain=certain), now)
        store.execute("COMMIT")
        store.execute("PRAGMA journal_mode = WAL")
    _sync(fresh)
    return Salvaged(saved, sum(len(one.rows) for one in gone), certain)


def _look(pages: Pages) -> _Found:
    """Which runs there were: what most of their records agree on; and what waited for the cloud."""
    found, votes = _Found(), Counter[tuple[int, str, int]]()
    for cell in pages.cells():
        if (read := _record_of(cell)) is not None:
            row, number, record, _ = read
            votes[number, record.boot, row - record.seq + 1] += 1
            found.last = max(found.last, row)
        elif (waiting := _waiting_of(cell)) is not None:
            found.waiting[waiting[0]] = waiting[1]
        elif (run := _run_of(cell)) is not None:
            votes[run] += 1
        elif cell.rowid is not None and cell.values[:1] == ("records",) and isinstance(cell.values[-1], int):
            found.counted = max(found.counted, cell.values[-1])
    for (number, boot, first_row), _ in votes.most_common():
        found.runs.setdefault(number, (boot, first_row))
    return found


def _copy(pages: Pages, store: sqlite3.Connection, found: _Found) -> None:
    """Every record that is what it says, and the rows of all other tables."""
    tables = Tables(store, but={"records", "outbox", "boots"})
    store.executemany(
        "INSERT OR IGNORE INTO boots (number, boot, first_row, started_ms) VALUES (?, ?, ?, ?)",
        [(number, boot, first_row, 0) for number, (boot, first_row) in found.runs.items()],
    )
    for cell in pages.cells():
        if (read := _record_of(cell)) is not None:
            _keep(store, found.runs, read)
        elif cell.rowid is not None and (run := _run_of(cell)) is not None:
            _complete(store, run, cell)
        else:
            tables.take(cell)
    tables.finish()


def _keep(store: sqlite3.Connection, runs: Mapping[int, tuple[str, int]], read: _Read) -> None:
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


def _queue(store: sqlite3.Connection, found: _Found, *, certain: bool) -> None:
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


def _gone_ranges(store: sqlite3.Connection, found: _Found, *, certain: bool) -> list[_Gone]:
    """What is gone and the cloud may lack, run by run, oldest first."""
    kept = _explained(store, found)
    if certain:
        missing = _holes(kept, 1, max(found.waiting, default=0))
        rows = [part for hole in missing for part in _runs_of(row for row in hole if row in found.waiting)]
    else:
        rows = list(_holes(kept, _beginning(found, kept), _last_row(found)[0]))
    runs = sorted((first_row, boot) for boot, first_row in found.runs.values())
    starts = [first_row for first_row, _ in runs]
    gone = []
    for one in rows:
        at = one.start
        while at < one.stop and (index := bisect_right(starts, at) - 1) >= 0:
            end = min([one.stop, *starts[index + 1 : index + 2]])
            gone.append(_Gone(runs[index][1], starts[index], range(at, end)))
            at = end
    return gone


def _explained(store: sqlite3.Connection, found: _Found) -> list[range]:
    """Rows that are there, and those of which an earlier `Loss` tells already, as they follow each other."""
    told = []
    first_rows = dict(found.runs.values())
    for (payload,) in store.execute("SELECT payload FROM records WHERE kind = 'loss'"):
        body = decode(payload, Record).body
        if isinstance(body, Loss) and body.first_seq and body.last_seq and body.boot in first_rows:
            first_row = first_rows[body.boot]
            told.append(range(first_row + body.first_seq - 1, first_row + body.last_seq))
    kept = _runs_of(row for (row,) in store.execute("SELECT row FROM records ORDER BY row"))
    return sorted([*told, *kept], key=lambda one: one.start)


def _losses(gone: list[_Gone], what: str, *, certain: bool) -> list[Loss]:
    """What is told: the damage itself, and each range that will never come."""
    ranges = [
        Loss(
            what="records",
            reason="the store was damaged: these records were in its broken pages",
            count=len(one.rows) if certain else 0,
            boot=one.boot,
            first_seq=one.rows.start - one.first_row + 1,
            last_seq=one.rows.stop - one.first_row,
        )
        for one in gone[:_MOST_LOSSES]
    ]
    return [Loss(what="records", reason=what, count=0), *ranges]


def _tell(store: sqlite3.Connection, damaged: Path, found: _Found, losses: list[Loss], now: Stamp) -> None:
    """Write a run of its own that tells what is gone, behind every row that there ever was."""
    number = max([counted_boots(damaged), *found.runs]) + 1
    count_boot(damaged, number)
    last, sure = _last_row(found)
    first = last + 1 + (0 if sure else _SLACK_ROWS * (damaged.stat().st_size // PAGE_BYTES + 1))
    boot = new_boot(number)
    sql = "INSERT INTO boots (number, boot, first_row, started_ms) VALUES (?, ?, ?, ?)"
    store.execute(sql, (number, boot, first, now.wall_ms))
    for row, body in enumerate(losses, start=first):
        new = make_row(row, boot=boot, seq=row - first + 1, at=now, body=body)
        kept = (row, number, kind_of(body), subject_of(body), new.t_ms, new.payload)
        store.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", kept)
        store.execute("INSERT INTO outbox (row, leaf, rank) VALUES (?, ?, ?)", (row, leaf_of(body), rank_of(body)))


def _last_row(found: _Found) -> tuple[int, bool]:
    """The last row that was ever used, and whether that is sure: by SQLite's own count, if that is there."""
    begun = max((first_row for _, first_row in found.runs.values()), default=1) - 1
    seen = max([found.last, begun, *found.waiting])
    return max(seen, found.counted), found.counted >= seen


def _beginning(found: _Found, kept: list[range]) -> int:
    """Where holes begin to count: with the run of the oldest record; what is older, history had let go of."""
    oldest = kept[0].start if kept else 1
    return max((first for _, first in found.runs.values() if first <= oldest), default=oldest)


def _holes(kept: list[range], first: int, last: int) -> Iterator[range]:
    at = first
    for one in [*kept, range(last + 1, last + 2)]:
        if at < one.start <= last + 1:
            yield range(at, one.start)
        at = max(at, one.stop)


def _runs_of(rows: Iterable[int]) -> list[range]:
    """Neighbours together."""
    runs: list[range] = []
    for row in rows:
        if runs and runs[-1].stop == row:
            runs[-1] = range(runs[-1].start, row + 1)
        else:
            runs.append(range(row, row + 1))
    return runs


def _record_of(cell: Cell) -> _Read | None:
    """`(row, number of the run, record, payload)` if the cell is a record that is what it says."""
    if cell.rowid is None or cell.rowid < 1 or len(cell.values) != _RECORD_COLUMNS:
        return None
    _, number, kind, _, _, payload = cell.values
    if not isinstance(number, int) or not isinstance(payload, bytes):
        return None
    try:
        record = decode(payload, Record)
        from_wire(record.t)
    except InvalidMessageError:
        return None
    named = record.boot.startswith(f"{number:08d}-") and record.id == f"{record.boot}:{record.seq}"
    return (cell.rowid, number, record, payload) if named and kind == kind_of(record.body) else None


def _waiting_of(cell: Cell) -> tuple[int, int] | None:
    """`(row, rank)` if the cell is one of the outbox."""
    if cell.rowid is None or cell.rowid < 1 or len(cell.values) != _OUTBOX_COLUMNS:
        return None
    alias, leaf, rank = cell.values
    return (cell.rowid, rank) if alias is None and isinstance(leaf, str) and isinstance(rank, int) else None


def _run_of(cell: Cell) -> tuple[int, str, int] | None:
    """`(number, name, first row)` if the cell is a run."""
    alias, boot, first_row, *rest = (*cell.values, None, None, None)
    if cell.rowid is None or alias is not None or not isinstance(boot, str) or not isinstance(first_row, int):
        return None
    with suppress(InvalidIdError):
        if int(check_boot(boot)[:8]) == cell.rowid and first_row >= 1 and isinstance(rest[0], int):
            return cell.rowid, boot, first_row
    return None


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
