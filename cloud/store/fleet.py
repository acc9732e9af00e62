"""How devices are as things to look after: what they should be against what they are, and what waits for somebody."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import fleet_tables, tables
from cloud.store.attention import GRAVE
from cloud.store.audit import Deed, note_within
from cloud.store.commands import ENDS, ON, STATE
from cloud.store.database import Database
from cloud.store.outgoing import clear_retained

_REMOVED: Final = "the device was taken off the list"


class Counts(NamedTuple):
    """How many devices are in each state, how many are not what they should be, and how many commands go on."""

    devices: dict[str, int]
    behind: int
    refused: int
    commands_open: int


class Fleet:
    """Every method raises `StoreUnavailableError` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert

    async def about(self, devices: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What is known of each of `devices` beside its records; nothing of those that nobody knows."""
        async with self._database.read() as link:
            found = await _standings(link, devices)
            for name, counts in {
                "open_alarms": await _open_alarms(link, devices),
                "commands_open": await _open_commands(link, devices),
                "certificate_expires_ms": await _certificates(link, devices),
            }.items():
                for device, row in found.items():
                    row[name] = counts.get(device, None if name == "certificate_expires_ms" else 0)
        return found

    async def known(self, devices: Sequence[str]) -> set[str]:
        """Those of `devices` that have ever spoken."""
        query = select(tables.devices.c.device).where(tables.devices.c.device.in_(devices))
        async with self._database.read() as link:
            return set((await link.execute(query)).scalars())

    async def said(self, device: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The newest report and the newest telemetry of a device, as they came."""
        async with self._database.read() as link:
            bodies = [
                (await link.execute(select(table.c.body).where(table.c.device == device))).scalar_one_or_none()
                for table in (fleet_tables.reported, fleet_tables.vitals)
            ]
        reported, vitals = (msgspec.json.decode(body) if body else None for body in bodies)
        return reported, vitals

    async def remove(self, device: str, deed: Deed, *, now_ms: int) -> None:
        """Take a device off the list: its commands end, and what is retained for it is taken from the broker.

        What it delivered stays. It is on the list again as soon as it speaks: end its certificates first.
        """
        async with self._database.write() as link:
            for table in (fleet_tables.desired, fleet_tables.reported, fleet_tables.vitals, tables.devices):
                await link.execute(delete(table).where(table.c.device == device))
            waiting = fleet_tables.commands.c.state.in_(("queued", "sent"))
            ended = {"state": "cancelled", "reason": _REMOVED, "state_ms": now_ms, "due_ms": None}
            mine = fleet_tables.commands.c.device == device
            await link.execute(update(fleet_tables.commands).where(mine, waiting).values(ended))
            await clear_retained(link, self._insert, device, now_ms)
            await note_within(link, deed, now_ms)

    async def counts(self) -> Counts:
        """Over all devices."""
        heads, reported = fleet_tables.desired_heads.c, fleet_tables.reported.c
        states = select(tables.devices.c.state, func.count()).group_by(tables.devices.c.state)
        on = reported.device == heads.device
        behind = select(func.count()).select_from(fleet_tables.desired_heads)
        behind = behind.join(fleet_tables.reported, on, isouter=True)
        behind = behind.where(func.coalesce(reported.version, 0) < heads.version)
        refused = select(func.count()).select_from(fleet_tables.reported).where(reported.state == "refused")
        async with self._database.read() as link:
            devices = _by_first(await link.execute(states))
            return Counts(
                devices,
                (await link.execute(behind)).scalar_one(),
                (await link.execute(refused)).scalar_one(),
                sum((await _open_commands(link, None)).values()),
            )


async def _standings(link: AsyncConnection, devices: Sequence[str]) -> dict[str, dict[str, Any]]:
    known, heads = tables.devices, fleet_tables.desired_heads
    reported, vitals = fleet_tables.reported, fleet_tables.vitals
    query = select(
        known.c.device,
        func.coalesce(heads.c.version, 0).label("desired_version"),
        func.coalesce(heads.c.sent_version, 0).label("sent_version"),
        func.coalesce(reported.c.version, 0).label("reported_version"),
        func.coalesce(reported.c.seen, 0).label("seen_version"),
        func.coalesce(reported.c.state, "").label("desired_state"),
        func.coalesce(reported.c.release, "").label("release"),
        reported.c.received_ms.label("reported_ms"),
        func.coalesce(vitals.c.uploads_pending, 0).label("uploads_pending"),
        func.coalesce(vitals.c.outbox_records, 0).label("outbox_records"),
    ).where(known.c.device.in_(devices))
    for table in (heads, reported, vitals):
        query = query.join(table, table.c.device == known.c.device, isouter=True)
    rows = (await link.execute(query)).mappings()
    return {row["device"]: {str(name): value for name, value in row.items()} for row in rows}


async def _open_alarms(link: AsyncConnection, devices: Sequence[str]) -> dict[str, int]:
    events = tables.events.c
    query = select(events.device, func.count()).group_by(events.device)
    query = query.where(events.device.in_(devices), events.phase != "close", events.severity.in_(GRAVE))
    return _by_first(await link.execute(query))


async def _open_commands(link: AsyncConnection, devices: Sequence[str] | None) -> dict[str, int]:
    held = fleet_tables.commands.c
    query = select(held.device, func.count()).join(fleet_tables.command_states, ON, isouter=True)
    query = query.where(STATE.not_in(ENDS)).group_by(held.device)
    if devices is not None:
        query = query.where(held.device.in_(devices))
    return _by_first(await link.execute(query))


async def _certificates(link: AsyncConnection, devices: Sequence[str]) -> dict[str, int]:
    """Until when the newest certificate holds that was not revoked."""
    held = tables.certificates.c
    query = select(held.name, func.max(held.expires_ms)).group_by(held.name)
    query = query.where(held.name.in_(devices), held.kind == "device", held.revoked_ms.is_(None))
    return _by_first(await link.execute(query))


def _by_first(rows: Iterable[Any]) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in rows}
