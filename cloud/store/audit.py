"""Who asked for what, and what came of it: kept in the database, the newest up to a bound."""

from typing import Any, Final, NamedTuple

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import fleet_tables
from cloud.store.database import Database

MOST_ENTRIES: Final = 100_000
_TRIM_EVERY: Final = 100
"""Old entries go when an id divides by this, so that noting something is one insertion."""


class Deed(NamedTuple):
    """Something that was asked for. `actor` is a user, `device:NAME` or `cli:ACCOUNT`; no secrets in `detail`."""

    actor: str
    action: str
    """Such as `command.ask`, `desired.set`, `device.invite`."""
    target: str
    """The device, user or thing that it was about."""
    outcome: str = "done"
    """`done`, or `refused`."""
    detail: str = ""
    address: str = ""
    """Where the actor called from; empty for the command line."""


class Audit:
    """The table `audit`. Every method raises `StoreUnavailableError` when the database is away."""

    def __init__(self, database: Database, *, most: int = MOST_ENTRIES) -> None:
        self._database = database
        self._most = most

    async def note(self, deed: Deed, now_ms: int) -> None:
        """Keep `deed`, in a transaction of its own."""
        async with self._database.write() as link:
            await note_within(link, deed, now_ms, most=self._most)

    async def page(self, *, limit: int, before: int | None = None, target: str | None = None) -> list[dict[str, Any]]:
        """Up to `limit` entries, newest first, of those with an id below `before`."""
        table = fleet_tables.audit
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(table.c.id < before)
        if target is not None:
            query = query.where(table.c.target == target)
        async with self._database.read() as link:
            return [{str(name): value for name, value in row.items()} for row in (await link.execute(query)).mappings()]


async def note_within(link: AsyncConnection, deed: Deed, now_ms: int, *, most: int = MOST_ENTRIES) -> None:
    """Keep `deed` in the transaction that does it: no deed without its entry, nor the other way round."""
    row = {name: _storable(value) for name, value in deed._asdict().items()}
    table = fleet_tables.audit
    number = (await link.execute(insert(table).values(at_ms=now_ms, **row).returning(table.c.id))).scalar_one()
    if number % _TRIM_EVERY == 0:
        newest = select(func.max(table.c.id)).scalar_subquery()
        await link.execute(delete(table).where(table.c.id <= newest - most))


def _storable(text: str) -> str:
    return text.replace("\0", "")[:1000]
