"""What is to be sent to devices now: taken by one sender at a time, and due again until it is known to be of no use.

Taking something moves its `due_ms` by a lease: whoever else looks passes it over, and should the sender die, it is due
once more. Nothing is marked as sent before the broker has it. So a message may go twice, and never not at all; devices
do a command once and take a version once.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Select, Table, and_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import fleet_tables, tables
from cloud.store.commands import ENDS
from cloud.store.database import Database
from cloud.store.desired import readable
from contract.remote import Command, Desired
from contract.times import to_wire

LEASE_MS: Final = 30_000
AWAY_MS: Final = 3_600_000
"""What was sent to a device that is away waits at the broker; its birth makes it due, and this does in doubt."""
_commands, _told = fleet_tables.commands, fleet_tables.command_states
_heads, _desired, _reported = fleet_tables.desired_heads, fleet_tables.desired, fleet_tables.reported
_KEYS: Final = {"commands": ("device", "command_id"), "desired_heads": ("device",)}


class Outgoing(NamedTuple):
    """One message to `device`, or None: nothing is to be retained for it. `due_ms` is until when it is the taker's."""

    device: str
    message: Command | Desired | None
    due_ms: int
    expires_ms: int | None = None


class Post:
    """Every method raises `StoreUnavailableError` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, now_ms: int, most: int) -> list[Outgoing]:
        """Up to `most` commands and as many desired states that are to be sent now, the longest due first."""
        async with self._database.read() as link:
            if not await _is_any_due(link, now_ms):
                return []
        async with self._database.write() as link:
            return [*await _take_commands(link, now_ms, most), *await _take_desired(link, now_ms, most)]

    async def sent(self, ones: Sequence[Outgoing], now_ms: int, *, again_ms: int) -> None:
        """The broker has these. Each goes once more at `again_ms`, unless it became due since."""
        async with self._database.write() as link:
            for one in sorted(ones, key=lambda one: one.device):
                await _mark_sent(link, one, now_ms, again_ms)


async def make_due(link: AsyncConnection, device: str, now_ms: int) -> None:
    """The device came: whatever may be of use to it is to be sent."""
    waiting = _commands.c.state.in_(("queued", "sent"))
    await link.execute(update(_commands).where(_commands.c.device == device, waiting).values(due_ms=now_ms))
    await link.execute(update(_heads).where(_heads.c.device == device, _heads.c.version > 0).values(due_ms=now_ms))


async def clear_retained(link: AsyncConnection, insert: Any, device: str, now_ms: int) -> None:
    """Nothing shall be retained for the device: version 0 of its desired state is due, which says so."""
    values = {"version": 0, "sent_version": -1, "due_ms": now_ms}
    insertion = insert(_heads).values(device=device, **values)
    await link.execute(insertion.on_conflict_do_update(index_elements=["device"], set_=values))


async def _is_any_due(link: AsyncConnection, now_ms: int) -> bool:
    for table in (_commands, _heads):
        if (await link.execute(select(table.c.device).where(table.c.due_ms <= now_ms).limit(1))).first():
            return True
    return False


async def _take_commands(link: AsyncConnection, now_ms: int, most: int) -> list[Outgoing]:
    on = and_(_told.c.device == _commands.c.device, _told.c.command_id == _commands.c.command_id)
    query = select(_commands, _told.c.state.label("told"), tables.devices.c.state.label("presence"))
    query = query.join(_told, on, isouter=True)
    taken: list[Outgoing] = []
    for row in await _due(link, query, _commands, now_ms, most):
        ended = row["told"] in ENDS or row["state"] not in {"queued", "sent"} or row["expires_ms"] <= now_ms
        away = row["presence"] == "offline" and row["sends"] > 0
        if not ended and not away:
            taken.append(Outgoing(row["device"], _command_of(row), now_ms + LEASE_MS, row["expires_ms"]))
        await _move(link, _commands, row, _next_due(now_ms, of_no_use=ended, away=away))
    return taken


async def _take_desired(link: AsyncConnection, now_ms: int, most: int) -> list[Outgoing]:
    body = and_(_desired.c.device == _heads.c.device, _desired.c.version == _heads.c.version)
    columns = (_desired.c.set_ms, _desired.c.by, _desired.c.body, _reported.c.seen)
    query = select(_heads, *columns, tables.devices.c.state.label("presence")).join(_desired, body, isouter=True)
    query = query.join(_reported, _reported.c.device == _heads.c.device, isouter=True)
    taken: list[Outgoing] = []
    for row in await _due(link, query, _heads, now_ms, most):
        is_sent = row["sent_version"] == row["version"]
        message = readable(row) if row["body"] else None
        is_lost = message is None and row["body"] is not None
        of_no_use = is_lost or (is_sent and (row["seen"] or 0) >= row["version"])
        away = is_sent and row["presence"] == "offline"
        if not of_no_use and not away:
            taken.append(Outgoing(row["device"], message, now_ms + LEASE_MS))
        await _move(link, _heads, row, _next_due(now_ms, of_no_use=of_no_use, away=away))
    return taken


async def _due(link: AsyncConnection, query: Select[Any], table: Table, now_ms: int, most: int) -> list[dict[str, Any]]:
    """Rows of `table` that are due, each locked; what another sender has locked is passed over."""
    query = query.join(tables.devices, tables.devices.c.device == table.c.device, isouter=True)
    query = query.where(table.c.due_ms <= now_ms).order_by(table.c.due_ms).limit(most)
    found = await link.execute(query.with_for_update(of=table, skip_locked=True))
    return [{str(name): value for name, value in row.items()} for row in found.mappings().all()]


def _next_due(now_ms: int, *, of_no_use: bool, away: bool) -> int | None:
    if of_no_use:
        return None
    return now_ms + (AWAY_MS if away else LEASE_MS)


async def _move(link: AsyncConnection, table: Table, row: dict[str, Any], due_ms: int | None) -> None:
    key = _KEYS[table.name]
    mine = tuple_(*(table.c[name] for name in key)) == tuple_(*(row[name] for name in key))
    await link.execute(update(table).where(mine).values(due_ms=due_ms))


async def _mark_sent(link: AsyncConnection, one: Outgoing, now_ms: int, again_ms: int) -> None:
    table, mine = _place(one)
    values: dict[str, Any] = {"sent_ms": now_ms}
    if not isinstance(one.message, Command):
        values["sent_version"] = one.message.version if one.message else 0
    else:
        values["sends"] = table.c.sends + 1
        queued = and_(mine, table.c.state == "queued")
        await link.execute(update(table).where(queued).values(state="sent", state_ms=now_ms))
    await link.execute(update(table).where(mine).values(values))
    await link.execute(update(table).where(mine, table.c.due_ms == one.due_ms).values(due_ms=again_ms))


def _place(one: Outgoing) -> tuple[Table, Any]:
    if not isinstance(one.message, Command):
        return _heads, _heads.c.device == one.device
    return _commands, and_(_commands.c.device == one.device, _commands.c.command_id == one.message.command_id)


def _command_of(row: dict[str, Any]) -> Command:
    return Command(
        command_id=row["command_id"],
        name=row["name"],
        arguments=msgspec.json.decode(row["arguments"]),
        issued=to_wire(row["asked_ms"]),
        expires=to_wire(row["expires_ms"]),
        by=row["by"][:200],
    )
