"""What devices say of themselves outside of records: birth, will, and what they report to be.

A device that comes, or that turns out not to have what it should, makes what is meant for it due again.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import fleet_tables, tables
from cloud.store.desired import put_newest
from cloud.store.outgoing import make_due
from contract.codec import encode
from contract.messages import Status
from contract.remote import Reported
from contract.times import from_wire

Insert = Callable[[Any], Any]
"""The `insert` of the database's dialect."""
_OVERTAKEN_MS: Final = 10_000
"""Two ingest processes may read two reports of one device in the wrong order, but not far apart."""


async def keep_status(link: AsyncConnection, insert: Insert, status: Status, now_ms: int) -> bool:
    """Remember a birth or will; return whether it says something new. One that was heard before changes nothing."""
    table = tables.devices
    row = {
        "state": status.state,
        "boot": status.boot,
        "software": _storable(status.software),
        "clock": status.clock,
        "status_ms": from_wire(status.t),
    }
    insertion = insert(table).values(device=status.device, **row, first_seen_ms=now_ms, last_seen_ms=now_ms)
    differs = or_(*(table.c[name].is_distinct_from(insertion.excluded[name]) for name in row))
    upsert = insertion.on_conflict_do_update(index_elements=["device"], set_=row, where=differs)
    changed = (await link.execute(upsert.returning(table.c.device))).first() is not None
    if changed and status.state == "online":
        await make_due(link, status.device, now_ms)
    return changed


async def keep_reported(link: AsyncConnection, insert: Insert, reported: Reported, now_ms: int) -> None:
    """Remember what a device is; what it should have by now and has not is sent again.

    A device that has seen a version that we never gave (our database was lost) gets ours under a higher one.
    """
    table, device, t_ms = fleet_tables.reported, reported.device, from_wire(reported.t)
    there = (await link.execute(select(table).where(table.c.device == device).with_for_update())).first()
    if there and there.boot == reported.boot and t_ms < there.t_ms and now_ms - there.received_ms < _OVERTAKEN_MS:
        return
    row = {
        "boot": reported.boot,
        "t_ms": t_ms,
        "received_ms": now_ms,
        "version": reported.version,
        "seen": reported.seen,
        "state": reported.state,
        "release": _storable(reported.release),
        "certificate_expires": _storable(reported.certificate_expires),
        "body": encode(reported).decode(),
    }
    insertion = insert(table).values(device=device, **row)
    await link.execute(insertion.on_conflict_do_update(index_elements=["device"], set_=row))
    await _compare(link, reported, there.seen if there else 0, now_ms)


async def _compare(link: AsyncConnection, reported: Reported, saw: int, now_ms: int) -> None:
    """`saw`: the version that it had seen before. What it had and lost is due at once, whenever it else would be."""
    heads = fleet_tables.desired_heads
    mine = heads.c.device == reported.device
    head = (await link.execute(select(heads).where(mine, heads.c.version > 0).with_for_update())).first()
    if head is None:
        return
    if reported.seen > head.version:
        await _renumber(link, reported.device, head.version, reported.seen + 1, now_ms)
    elif reported.seen == head.version == head.sent_version:
        await link.execute(update(heads).where(mine).values(due_ms=None))
    elif reported.seen < head.version and (head.due_ms is None or saw >= head.version):
        await link.execute(update(heads).where(mine).values(due_ms=now_ms))


async def _renumber(link: AsyncConnection, device: str, version: int, higher: int, now_ms: int) -> None:
    table = fleet_tables.desired
    query = select(table).where(table.c.device == device, table.c.version == version)
    row = (await link.execute(query)).mappings().one()
    await put_newest(link, {**row, "version": higher, "set_ms": now_ms}, now_ms)


def _storable(text: str) -> str:
    return text.replace("\0", "")[:200]
