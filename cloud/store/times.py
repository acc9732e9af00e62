"""Times of records that were made while their device's clock could not be trusted, put right by a `ClockFix`.

A record of a run is put right by the first fix of that run that was made after it, as the device itself does it: the
moment `at_mono_ms` was `wall_ms`, so the record was made at `wall_ms - at_mono_ms + mono_ms`. Its typed row moves by as
much as the record does. What a device put right before it sent it is left as it is. A fix may come before or after the
records, twice, or after a later one: since the rule names one fix for each record, and what a record was moved by is
kept, the order never matters.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Table, and_, case, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import tables
from cloud.store.rows import Incoming, Position, Row

MS_COLUMNS: Final = {
    "predictions": ("start_ms", "end_ms"),
    "events": ("start_ms", "end_ms"),
    "recordings": ("start_ms", "end_ms"),
    "files": ("start_ms", "end_ms"),
    "sessions": ("start_ms", "end_ms"),
    "labels": ("at_ms", "asked_ms"),
    "ledger": ("t_ms",),
}
"""The columns of the typed tables that a device's wall clock made."""
_MOVABLE: Final = 2**62
"""Beyond it no moment can be meant, and moving it might leave 64 bits."""
Run = tuple[str, str]


class Fix(NamedTuple):
    """One moment of a run by both clocks, in the order of moments."""

    at_mono_ms: int
    wall_ms: int

    def time_of(self, mono_ms: int) -> int:
        """When it was, in milliseconds since the epoch."""
        return self.wall_ms - self.at_mono_ms + mono_ms


async def fixes_of(link: AsyncConnection, runs: Iterable[Run]) -> dict[Run, list[Fix]]:
    """What is known of the clocks of these runs, by `(device, boot)`; runs without any are absent."""
    wanted, held = sorted(set(runs)), tables.clock_fixes.c
    found: dict[Run, list[Fix]] = defaultdict(list)
    if wanted:
        query = select(held.device, held.of_boot, held.at_mono_ms, held.wall_ms)
        query = query.where(tuple_(held.device, held.of_boot).in_(wanted))
        for device, boot, at_mono_ms, wall_ms in await link.execute(
            query.order_by(held.at_mono_ms, held.boot, held.seq)
        ):
            found[device, boot].append(Fix(at_mono_ms, wall_ms))
    return {run: _one_each(fixes) for run, fixes in found.items()}


def corrected(one: Incoming, fixes: Sequence[Fix]) -> Incoming:
    """The record with its times put right, if it needs that and one of the fixes was made after it."""
    fix = next((fix for fix in fixes if fix.at_mono_ms >= one.row["mono_ms"]), None)
    if fix is None or one.row["clock"] != "untrusted":
        return one
    now = fix.time_of(one.row["mono_ms"])
    shift = now - one.row["t_ms"]
    row = {**one.row, "t_ms": now, "clock": "corrected", "shift_ms": shift}
    return one._replace(row=row, typed=_moved(one.table, one.typed, shift))


async def untold(link: AsyncConnection, batch: Iterable[Incoming]) -> dict[Run, set[int]]:
    """The moments of clock fixes that a batch tells for the first time, by run; asked before it is stored."""
    told = {one.at: one.typed for one in batch if one.table == "clock_fixes" and one.typed}
    if not told:
        return {}
    held = tables.clock_fixes.c
    query = select(held.device, held.boot, held.seq).where(tuple_(held.device, held.boot, held.seq).in_(sorted(told)))
    known = {Position(*row) for row in await link.execute(query)}
    found: dict[Run, set[int]] = defaultdict(set)
    for at in told.keys() - known:
        found[at.device, told[at]["of_boot"]].add(told[at]["at_mono_ms"])
    return found


async def correct_stored(link: AsyncConnection, run: Run, fixes: Sequence[Fix], moments: set[int]) -> None:
    """Put right what of a run is stored and lies between one of these moments and the fix before it."""
    since = Fix(-1, 0)
    for before, fix in pairwise([since, *fixes]):
        if fix.at_mono_ms not in moments:
            continue
        concerned = _concerned(run, before, fix)
        for name, columns in MS_COLUMNS.items():
            await _move(link, tables.metadata.tables[name], columns, (run, concerned, fix))
        held = tables.records.c
        offset = fix.wall_ms - fix.at_mono_ms
        values = {
            "shift_ms": case((held.shift_ms.is_(None), 0), else_=held.shift_ms) + held.mono_ms + offset - held.t_ms,
            "t_ms": held.mono_ms + offset,
            "clock": "corrected",
        }
        await link.execute(update(tables.records).where(concerned).values(values))


def _one_each(fixes: list[Fix]) -> list[Fix]:
    """Of several for one moment the first that the device told."""
    return list({fix.at_mono_ms: fix for fix in reversed(fixes)}.values())[::-1]


def _concerned(run: Run, before: Fix, fix: Fix) -> ColumnElement[bool]:
    """Records that this fix is for and that do not have its time yet."""
    held = tables.records.c
    ours = or_(held.clock == "untrusted", held.shift_ms.is_not(None))
    between = and_(held.mono_ms > before.at_mono_ms, held.mono_ms <= fix.at_mono_ms)
    late = or_(held.clock == "untrusted", held.t_ms != held.mono_ms + fix.wall_ms - fix.at_mono_ms)
    indexed = text("records.clock <> 'trusted'")  # in the words of the index, and never a parameter
    return and_(held.device == run[0], held.boot == run[1], indexed, ours, between, late)


async def _move(
    link: AsyncConnection, table: Table, columns: Sequence[str], what: tuple[Run, ColumnElement[bool], Fix]
) -> None:
    (device, boot), concerned, fix = what
    held = tables.records.c
    shift = select(held.mono_ms + (fix.wall_ms - fix.at_mono_ms) - held.t_ms)
    same = and_(held.device == table.c.device, held.boot == table.c.boot, held.seq == table.c.seq)
    by = shift.where(same).correlate(table).scalar_subquery()
    values: dict[str, Any] = {
        name: case((table.c[name].between(-_MOVABLE, _MOVABLE), table.c[name] + by), else_=table.c[name])
        for name in columns
    }
    mine = and_(table.c.device == device, table.c.boot == boot, table.c.seq.in_(select(held.seq).where(concerned)))
    await link.execute(update(table).where(mine).values(values))


def _moved(table: str | None, typed: Row | None, shift: int) -> Row | None:
    if not table or typed is None:
        return typed
    columns = MS_COLUMNS.get(table, ())
    moved = {name: typed[name] + shift for name in columns if _movable(typed[name])}
    return {**typed, **moved}


def _movable(value: int | None) -> bool:
    return value is not None and -_MOVABLE <= value <= _MOVABLE
