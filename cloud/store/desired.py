"""What each device shall be: one document with a version that only ever grows, and every one that there was.

Who changes it names the version that they saw; two who saw the same cannot both have their way.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import fleet_tables
from cloud.store.audit import Deed, note_within
from cloud.store.database import Database
from cloud.store.errors import StoreError
from contract.remote import Desired
from contract.times import to_wire

_log = logging.getLogger(__name__)
MOST_KEPT: Final = 200
"""Versions kept of each device; older ones go."""
ANY: Final = -1
"""Expected version of somebody who wants to overwrite whatever is there."""


class VersionConflictError(StoreError):
    """Somebody else changed it since; `version` is the one that is there."""

    def __init__(self, version: int) -> None:
        super().__init__(f"it is at version {version}")
        self.version = version


Check = Callable[[Desired | None], None]
"""Sees the desired state that there is, or None, before it is changed."""


class Wish(NamedTuple):
    """A desired state without its version: JSON values as they go into `contract.remote.Desired`."""

    settings: dict[str, Any]
    plans: dict[str, Any]
    models: list[Any]

    @property
    def body(self) -> str:
        """As it is kept."""
        return msgspec.json.encode(self._asdict(), order="sorted").decode()


class DesiredStates:
    """Every method raises `StoreUnavailableError` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert

    async def set(
        self, device: str, wish: Wish, deed: Deed, *, expected: int, now_ms: int, check: Check | None = None
    ) -> Desired:
        """Make `wish` the newest of `device`, and have it sent; the same as the newest is no new version.

        `expected` is the version that the caller saw, 0 for none, or `ANY`; `check` sees what it would take the place
        of, and may raise. Raise `VersionConflictError`.
        """
        async with self._database.write() as link:
            version = await self._lock(link, device)
            if expected not in {ANY, version}:
                raise VersionConflictError(version)
            there = await _one(link, device, version)
            if there and there["body"] == wish.body:
                return desired_of(there)
            if check:
                check(readable(there) if there else None)
            seen = fleet_tables.reported.c
            told = (await link.execute(select(seen.seen).where(seen.device == device))).scalar_one_or_none() or 0
            row = {"device": device, "version": max(version, told) + 1, "set_ms": now_ms, "by": deed.actor}
            await put_newest(link, row | {"body": wish.body}, now_ms)
            await note_within(link, deed._replace(detail=f"version {row['version']}"), now_ms)
        return desired_of(row | {"body": wish.body})

    async def newest(self, device: str) -> Desired | None:
        """The one that is meant now; None also where it cannot be read any more."""
        head = fleet_tables.desired_heads.c
        async with self._database.read() as link:
            version = (await link.execute(select(head.version).where(head.device == device))).scalar_one_or_none()
            row = await _one(link, device, version) if version else None
        return readable(row) if row else None

    async def history(self, device: str, *, limit: int, before: int | None = None) -> list[Desired]:
        """Those that are kept, newest first, of versions below `before`."""
        table = fleet_tables.desired
        query = select(table).where(table.c.device == device).order_by(table.c.version.desc()).limit(limit)
        if before is not None:
            query = query.where(table.c.version < before)
        async with self._database.read() as link:
            found = [readable(dict(row)) for row in (await link.execute(query)).mappings()]
        return [one for one in found if one]

    async def _lock(self, link: AsyncConnection, device: str) -> int:
        """The version of `device`, 0 for none; whoever else would change it waits."""
        table = fleet_tables.desired_heads
        await link.execute(self._insert(table).values(device=device, version=0).on_conflict_do_nothing())
        query = select(table.c.version).where(table.c.device == device).with_for_update()
        return int((await link.execute(query)).scalar_one())


async def put_newest(link: AsyncConnection, row: dict[str, Any], now_ms: int) -> None:
    """Keep `row` of `desired` as the newest of its device, whose head is locked, and have it sent."""
    device, version = row["device"], row["version"]
    table, heads = fleet_tables.desired, fleet_tables.desired_heads
    await link.execute(insert(table), row)
    await link.execute(update(heads).where(heads.c.device == device).values(version=version, due_ms=now_ms))
    kept = select(table.c.version).where(table.c.device == device).order_by(table.c.version.desc())
    oldest = kept.offset(MOST_KEPT - 1).limit(1).scalar_subquery()
    await link.execute(delete(table).where(table.c.device == device, table.c.version < oldest))


async def _one(link: AsyncConnection, device: str, version: int) -> dict[str, Any] | None:
    table = fleet_tables.desired
    query = select(table).where(table.c.device == device, table.c.version == version)
    row = (await link.execute(query)).mappings().first()
    return dict(row) if row else None


def readable(row: dict[str, Any]) -> Desired | None:
    """The same, or None for what another release kept and this one does not take: somebody has to say it anew."""
    try:
        return desired_of(row)
    except msgspec.MsgspecError as error:
        _log.error("version %d of what %s shall be cannot be read: %s", row["version"], row["device"], error)
        return None


def desired_of(row: dict[str, Any]) -> Desired:
    """A row of `desired` as it is sent."""
    body = msgspec.json.decode(row["body"])
    plain = {"version": row["version"], "set_at": to_wire(row["set_ms"]), "by": row["by"][:200], **body}
    return msgspec.convert(plain, Desired)
