"""How far devices have been delivered: their newest run, and what is missing of all, for a page by four queries."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Select, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import tables

_GAPS_SHOWN: Final = 20


async def deliveries(link: AsyncConnection, devices: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of each of `devices` its newest run up to which number it is whole, how many records are missing of all runs, and
    the newest gaps."""
    newest = {row.device: row for row in await link.execute(_newest_runs(devices))}
    missing = {device: int(count) for device, count in await link.execute(_missing(devices))}
    firsts = {(row.device, row.boot): row.first for row in await link.execute(_first_gaps(devices))}
    shown: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for device, *gap in await link.execute(_newest_gaps(devices)):
        shown[device].append(dict(zip(("boot", "first_seq", "last_seq", "since_ms"), gap, strict=True)))
    found = {}
    for device in devices:
        run = newest.get(device)
        boot, highest = (run.boot, run.highest) if run else (None, 0)
        first_gap = firsts.get((device, str(boot)))
        found[device] = {
            "delivering_boot": boot,
            "highest": highest,
            "contiguous": first_gap - 1 if first_gap else highest,
            "missing": missing.get(device, 0),
            "gaps": shown[device],
        }
    return found


def _newest_runs(devices: Sequence[str]) -> Select[Any]:
    held = tables.boots.c
    ranked = select(held.device, held.boot, held.highest, _rank(held.device, held.last_seen_ms, held.boot))
    found = ranked.where(held.device.in_(devices)).subquery()
    return select(found.c.device, found.c.boot, found.c.highest).where(found.c.rank == 1)


def _missing(devices: Sequence[str]) -> Select[Any]:
    held = tables.gaps.c
    # As a float: SQLite gives up on a sum beyond 64 bits, which a device could provoke with two numbers.
    size = func.sum(cast(held.last_seq - held.first_seq + 1, Float))
    return select(held.device, size).where(held.device.in_(devices)).group_by(held.device)


def _first_gaps(devices: Sequence[str]) -> Select[Any]:
    held = tables.gaps.c
    first = select(held.device, held.boot, func.min(held.first_seq).label("first"))
    return first.where(held.device.in_(devices)).group_by(held.device, held.boot)


def _newest_gaps(devices: Sequence[str]) -> Select[Any]:
    held = tables.gaps.c
    shown = (held.device, held.boot, held.first_seq, held.last_seq, held.since_ms)
    found = select(*shown, _rank(held.device, held.boot, held.first_seq)).where(held.device.in_(devices)).subquery()
    newest = select(*(found.c[column.name] for column in shown)).where(found.c.rank <= _GAPS_SHOWN)
    return newest.order_by(found.c.device, found.c.rank)


def _rank(device: ColumnElement[str], *newest: ColumnElement[Any]) -> ColumnElement[int]:
    order = [column.desc() for column in newest]
    return func.row_number().over(partition_by=device, order_by=order).label("rank")
