"""What of a damaged store is gone, as ranges of numbers that the cloud need not wait for."""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from contract.codec import decode
from contract.messages import Loss, Record

_MOST_LOSSES: Final = 5000
"""Ranges that are told; of what lies in others a cloud that misses them asks, and is told then."""
_FAR: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class Gone:
    """Rows of one run that are missing."""

    boot: str
    first_row: int
    rows: range


@dataclass(slots=True)
class Found:
    """What a first look over all pages told."""

    runs: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Name and first row by number."""
    waiting: dict[int, int] = field(default_factory=dict)
    """Rank by row, as the outbox had it."""
    room: int = 0
    """How many rows the file has room for."""
    counted: int = 0
    """The largest row that ever was, by SQLite's own count; 0 if that is gone."""


def gone_ranges(store: sqlite3.Connection, found: Found, *, certain: bool) -> list[Gone]:
    """What is gone and the cloud may lack, run by run, oldest first."""
    kept = _explained(store, found)
    if certain:
        rows = _runs_of(row for row in sorted(found.waiting) if not _holds(kept, row))
    else:
        rows = list(_holes(kept, _beginning(found, kept), last_row(store, found)[0]))
    runs = sorted((first_row, boot) for boot, first_row in found.runs.values())
    starts = [first_row for first_row, _ in runs]
    gone = []
    for one in rows:
        at = one.start
        while at < one.stop and (index := bisect_right(starts, at) - 1) >= 0:
            end = min([one.stop, *starts[index + 1 : index + 2]])
            gone.append(Gone(runs[index][1], starts[index], range(at, end)))
            at = end
    return gone


def last_row(store: sqlite3.Connection, found: Found) -> tuple[int, bool]:
    """The last row that was ever used, and whether that is sure: by SQLite's own count, if that is there.

    What lies further behind the newest record than the file has room for is not believed.
    """
    newest = store.execute("SELECT COALESCE(MAX(row), 0) FROM records").fetchone()[0]
    limit = (newest or _FAR) + found.room
    begun = [first_row - 1 for _, first_row in found.runs.values()]
    seen = max([newest, *(row for row in (*begun, *found.waiting) if row <= limit)])
    counted = found.counted if found.counted <= limit else 0
    return max(seen, counted), counted >= seen


def _explained(store: sqlite3.Connection, found: Found) -> list[range]:
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


def losses_of(gone: list[Gone], what: str, *, certain: bool) -> list[Loss]:
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


def _beginning(found: Found, kept: list[range]) -> int:
    """Where holes begin to count: with the run of the oldest record; what is older, history had let go of."""
    oldest = kept[0].start if kept else 1
    return max((first for _, first in found.runs.values() if first <= oldest), default=oldest)


def _holes(kept: list[range], first: int, last: int) -> Iterator[range]:
    at = first
    for one in [*kept, range(last + 1, last + 2)]:
        if at < one.start <= last + 1:
            yield range(at, one.start)
        at = max(at, one.stop)


def _holds(kept: list[range], row: int) -> bool:
    place = bisect_right(kept, row, key=lambda one: one.start) - 1
    return place >= 0 and row in kept[place]


def _runs_of(rows: Iterable[int]) -> list[range]:
    """Neighbours together."""
    runs: list[range] = []
    for row in rows:
        if runs and runs[-1].stop == row:
            runs[-1] = range(runs[-1].start, row + 1)
        else:
            runs.append(range(row, row + 1))
    return runs
