"""Batches of records into the database, once each, and what that makes of each boot's gaps, in one transaction.

The row of a boot is locked first, in the order of names: two ingest processes that share the work never count from an
outdated gap list, and never wait for each other in a circle.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Table, and_, delete, func, insert, or_, select, tuple_, union_all, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import tables
from cloud.store.coverage import Coverage, Range, cover, merge
from cloud.store.database import Database
from cloud.store.erasing import Doomed, counted, erase, without_erased
from cloud.store.presence import keep_reported, keep_status
from cloud.store.rows import Incoming, Row
from cloud.store.times import correct_stored, corrected, fixes_of, untold
from contract.messages import Status
from contract.remote import Reported

_PAYLOAD_KEPT: Final = 4096
_BOOTS_ASKED: Final = 1000
_NEWEST_WINS: Final = {
    "events": ("device", "event_id"),
    "recordings": ("device", "recording_id"),
    "files": ("device", "file_id"),
    "sessions": ("device", "session_id"),
    "labels": ("device", "session_id", "label_id"),
    "command_states": ("device", "command_id"),
    "vitals": ("device",),
}
"""Tables with one row per thing, not per record; of two steps the later `(boot, seq)` stays."""
Boot = tuple[str, str]


class Stored(NamedTuple):
    """What one batch came to: how many records were new, and each touched boot's coverage by `(device, boot)`."""

    fresh: int
    coverage: dict[Boot, Coverage]


class Rejected(NamedTuple):
    """A message that could not be read, and why."""

    topic: str
    reason: str
    payload: bytes


class Intake:
    """The writing side of the database."""

    def __init__(self, database: Database, *, rejected_limit: int = 1000) -> None:
        self._database = database
        self._rejected_limit = rejected_limit
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert

    async def add(self, batch: Sequence[Incoming], now_ms: int) -> Stored:
        """Store `batch`; return once it is durable. A record that is there already changes nothing.

        Raise `StoreUnavailableError` (nothing was stored, try again) or `UnstorableError` (one of them never can be).
        """
        touched = _ranges(batch)
        async with self._database.write() as link:
            await self._touch_devices(link, {device for device, _ in touched}, now_ms)
            before = await self._lock_boots(link, touched, now_ms)
            batch = await self._put_right(link, await self._without_erased(link, batch, now_ms))
            told = await untold(link, batch)
            fresh = await self._insert_records(link, batch)
            await self._insert_typed(link, batch)
            await self._insert_personal(link, batch)
            for run, fixes in (await fixes_of(link, told)).items():
                await correct_stored(link, run, fixes, told[run])
            await self._doom(link, await erase(link, batch), now_ms)
            after = {boot: cover(before[boot], ranges) for boot, ranges in touched.items()}
            await self._keep_coverage(link, before, after, now_ms)
        return Stored(fresh, after)

    async def set_status(self, status: Status, now_ms: int) -> bool:
        """Remember a device's birth or will; return whether it said something new. A birth makes what waits for the
        device due."""
        async with self._database.write() as link:
            return await keep_status(link, self._insert, status, now_ms)

    async def set_reported(self, reported: Reported, now_ms: int) -> None:
        """Remember what a device says it is; what it should have and has not is sent again."""
        async with self._database.write() as link:
            await keep_reported(link, self._insert, reported, now_ms)

    async def reject(self, messages: Sequence[Rejected], now_ms: int) -> None:
        """Keep the beginnings of the newest unreadable messages, up to the limit."""
        rows = [
            {
                "received_ms": now_ms,
                "topic": message.topic.replace("\0", "")[:200],
                "reason": message.reason.replace("\0", "")[:500],
                "payload": message.payload[:_PAYLOAD_KEPT],
            }
            for message in messages[-self._rejected_limit :]
        ]
        newest = select(func.max(tables.rejected.c.id)).scalar_subquery()
        async with self._database.write() as link:
            await link.execute(insert(tables.rejected), rows)
            await link.execute(delete(tables.rejected).where(tables.rejected.c.id <= newest - self._rejected_limit))

    async def coverage(self, boot: Boot) -> Coverage:
        """What of one boot is here."""
        async with self._database.read() as link:
            return (await _coverages(link, [boot], lock=False)).get(boot, Coverage())

    async def tells_of_object(self, device: str, key: str) -> bool:
        """Whether a recording or file of a device is told to be whole in object storage under this key."""
        query = union_all(
            *(
                select(table.c.key).where(table.c.device == device, table.c.key == key, table.c.phase == "uploaded")
                for table in (tables.recordings, tables.files)
            )
        )
        async with self._database.read() as link:
            return (await link.execute(query)).first() is not None

    async def with_gaps(self) -> dict[Boot, Coverage]:
        """The boots of which something is missing, of newest runs first if there are more than `_BOOTS_ASKED`."""
        gaps = tables.gaps.c
        query = select(gaps.device, gaps.boot).distinct().order_by(gaps.boot.desc()).limit(_BOOTS_ASKED)
        async with self._database.read() as link:
            found = [(device, boot) for device, boot in await link.execute(query)]
            return await _coverages(link, found, lock=False) if found else {}

    async def _touch_devices(self, link: AsyncConnection, names: Iterable[str], now_ms: int) -> None:
        rows = [{"device": name, "first_seen_ms": now_ms, "last_seen_ms": now_ms} for name in sorted(names)]
        insertion = self._insert(tables.devices)
        seen = {"last_seen_ms": insertion.excluded.last_seen_ms}
        await link.execute(insertion.on_conflict_do_update(index_elements=["device"], set_=seen), rows)

    async def _lock_boots(self, link: AsyncConnection, boots: Iterable[Boot], now_ms: int) -> dict[Boot, Coverage]:
        ordered = sorted(boots)
        rows = [
            {"device": device, "boot": boot, "highest": 0, "first_seen_ms": now_ms, "last_seen_ms": now_ms}
            for device, boot in ordered
        ]
        await link.execute(self._insert(tables.boots).on_conflict_do_nothing(), rows)
        return await _coverages(link, ordered, lock=True)

    async def _without_erased(self, link: AsyncConnection, batch: Sequence[Incoming], now_ms: int) -> list[Incoming]:
        kept, doomed = await without_erased(link, batch)
        await self._doom(link, doomed, now_ms)
        return kept

    async def _doom(self, link: AsyncConnection, objects: Sequence[Doomed], now_ms: int) -> None:
        """Note what is to be deleted from object storage, and say so on its erasure."""
        due = {"due_ms": now_ms, "done_ms": None}
        for one in objects:
            insertion = self._insert(tables.doomed).values(**one._asdict(), **due, since_ms=now_ms, tries=0)
            await link.execute(insertion.on_conflict_do_update(index_elements=["device", "key"], set_=due))
        for at in sorted({(one.device, one.boot, one.seq) for one in objects}):
            await link.execute(counted(*at))

    async def _put_right(self, link: AsyncConnection, batch: Sequence[Incoming]) -> list[Incoming]:
        """The batch with the times of those whose clock could not be trusted as fixes that came before have them."""
        known = await fixes_of(link, {one.at[:2] for one in batch if one.row["clock"] == "untrusted"})
        return [corrected(one, known.get(one.at[:2], ())) for one in batch]

    async def _insert_records(self, link: AsyncConnection, batch: Sequence[Incoming]) -> int:
        rows = list({incoming.at: incoming.row for incoming in batch}.values())
        insertion = self._insert(tables.records).on_conflict_do_nothing().returning(tables.records.c.seq)
        return len((await link.execute(insertion, rows)).all())

    async def _insert_typed(self, link: AsyncConnection, batch: Sequence[Incoming]) -> None:
        rows: dict[str, dict[Any, Row]] = defaultdict(dict)
        for incoming in sorted(batch):
            if incoming.table and incoming.typed:
                key = tuple(
                    incoming.typed[name] for name in _NEWEST_WINS.get(incoming.table, ("device", "boot", "seq"))
                )
                rows[incoming.table][key] = incoming.typed
        for name in sorted(rows):
            await link.execute(self._upsert(tables.metadata.tables[name]), list(rows[name].values()))

    async def _insert_personal(self, link: AsyncConnection, batch: Sequence[Incoming]) -> None:
        """Predictions are found by columns of their own."""
        rows = {
            one.at: {**one.at._asdict(), **one.about._asdict()}
            for one in batch
            if one.about and one.table != "predictions"
        }
        if rows:
            insertion = self._insert(tables.personal).on_conflict_do_nothing()
            await link.execute(insertion, [rows[at] for at in sorted(rows)])

    def _upsert(self, table: Table) -> Any:
        insertion = self._insert(table)
        keys = _NEWEST_WINS.get(table.name)
        if not keys:
            return insertion.on_conflict_do_nothing()
        later = _later(table, insertion.excluded)
        changed = {column.name: insertion.excluded[column.name] for column in table.c if column.name not in keys}
        return insertion.on_conflict_do_update(index_elements=keys, set_=changed, where=later)

    async def _keep_coverage(
        self, link: AsyncConnection, before: dict[Boot, Coverage], after: dict[Boot, Coverage], now_ms: int
    ) -> None:
        for boot in sorted(after):
            at = and_(tables.boots.c.device == boot[0], tables.boots.c.boot == boot[1])
            seen = {"highest": after[boot].highest, "last_seen_ms": now_ms}
            await link.execute(update(tables.boots).where(at).values(seen))
            await _keep_gaps(link, boot, (set(before[boot].gaps), set(after[boot].gaps)), now_ms)


def _later(table: Table, new: Any) -> ColumnElement[bool]:
    """Whether a row is newer than what is there. Vitals outlive a device's store, which begins its runs anew."""
    in_order = tuple_(table.c.boot, table.c.seq) < tuple_(new.boot, new.seq)
    if table.name != "vitals":
        return in_order
    return or_(table.c.t_ms < new.t_ms, and_(table.c.boot == new.boot, table.c.seq < new.seq))


def _ranges(batch: Iterable[Incoming]) -> dict[Boot, list[Range]]:
    """The numbers that a batch covers, by `(device, boot)`: its records, and what its losses give up."""
    found: dict[Boot, list[Range]] = defaultdict(list)
    for incoming in batch:
        device, boot, seq = incoming.at
        found[device, boot].append((seq, seq))
        if incoming.given_up:
            lost_boot, first, last = incoming.given_up
            found[device, lost_boot].append((first, last))
    return {boot: merge(ranges) for boot, ranges in found.items()}


async def _coverages(link: AsyncConnection, boots: Sequence[Boot], *, lock: bool) -> dict[Boot, Coverage]:
    held, missing = tables.boots.c, tables.gaps.c
    query = select(held.device, held.boot, held.highest).where(tuple_(held.device, held.boot).in_(boots))
    query = query.order_by(held.device, held.boot)
    highest = {
        (device, boot): seq for device, boot, seq in await link.execute(query.with_for_update() if lock else query)
    }
    gaps: dict[Boot, list[Range]] = defaultdict(list)
    ranges = select(missing.device, missing.boot, missing.first_seq, missing.last_seq)
    ranges = ranges.where(tuple_(missing.device, missing.boot).in_(boots)).order_by(missing.first_seq)
    for device, boot, first, last in await link.execute(ranges):
        gaps[device, boot].append((first, last))
    return {boot: Coverage(seq, tuple(gaps[boot])) for boot, seq in highest.items()}


async def _keep_gaps(link: AsyncConnection, boot: Boot, change: tuple[set[Range], set[Range]], now_ms: int) -> None:
    """Delete the gaps that are no longer as they were, insert those that are new."""
    before, after = change
    mine = and_(tables.gaps.c.device == boot[0], tables.gaps.c.boot == boot[1])
    if closed := [first for first, _ in before - after]:
        await link.execute(delete(tables.gaps).where(mine, tables.gaps.c.first_seq.in_(closed)))
    if opened := sorted(after - before):
        rows = [
            {"device": boot[0], "boot": boot[1], "first_seq": first, "last_seq": last, "since_ms": now_ms}
            for first, last in opened
        ]
        await link.execute(insert(tables.gaps), rows)
