"""What of object storage is to be deleted because somebody was erased, until it is."""

from typing import NamedTuple

from sqlalchemy import Update, select, update

from cloud.store import tables
from cloud.store.database import Database
from cloud.store.erasing import counted


class DoomedObject(NamedTuple):
    """One object that must go, and how often that was tried."""

    device: str
    key: str
    boot: str
    seq: int
    tries: int


class DoomedObjects:
    """The table `doomed`. Every method raises `StoreUnavailableError` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now_ms: int, limit: int) -> list[DoomedObject]:
        """Those that are to be tried now, the longest due first."""
        held = tables.doomed.c
        query = select(held.device, held.key, held.boot, held.seq, held.tries)
        query = query.where(held.done_ms.is_(None), held.due_ms <= now_ms).order_by(held.due_ms).limit(limit)
        async with self._database.read() as link:
            return [DoomedObject(*row) for row in await link.execute(query)]

    async def done(self, one: DoomedObject, now_ms: int) -> None:
        """It is gone; its erasure says so from now on."""
        async with self._database.write() as link:
            await link.execute(_of(one).values(done_ms=now_ms))
            await link.execute(counted(one.device, one.boot, one.seq))

    async def again(self, one: DoomedObject, due_ms: int) -> None:
        """It could not be deleted: try again then."""
        async with self._database.write() as link:
            await link.execute(_of(one).values(due_ms=due_ms, tries=one.tries + 1))


def _of(one: DoomedObject) -> Update:
    held = tables.doomed.c
    return update(tables.doomed).where(held.device == one.device, held.key == one.key)
