"""Erasing a participant of one device: what is here loses its content, and so does what comes late.

The row of each record stays, as `erased` and without a word of its content, so that its number is still accounted for
and a second copy of it changes nothing. Whoever takes part again later is a new person under an old pseudonym: what is
newer than the erasure stays. Their files in object storage are noted in `doomed`, and deleted until none is left.

Every batch begins by updating the rows of its devices, and so takes turns with every other batch of the same device:
none can slip in between a look at the erasures and its own commit.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Table,
    Text,
    Update,
    and_,
    any_,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import tables
from cloud.store.rows import Incoming

ERASED: Final = "erased"
_BLANK: Final = {"kind": ERASED, "body": f'{{"kind":"{ERASED}"}}'}


_WITH_OBJECTS: Final = {"recordings": tables.recordings, "files": tables.files}


class _Erased(NamedTuple):
    boot: str
    seq: int
    participant: str
    sessions: frozenset[str]

    def takes(self, one: Incoming) -> bool:
        """Whether it erases a record that was made before it."""
        if one.about is None or (one.at.boot, one.at.seq) >= (self.boot, self.seq):
            return False
        return one.about.participant == self.participant or one.about.session_id in self.sessions


class Doomed(NamedTuple):
    """An object that must go, and the record of the erasure that says so."""

    device: str
    key: str
    boot: str
    seq: int


def counted(device: str, boot: str, seq: int) -> Update:
    """What tells an erasure how many objects there are to it, and how many of them are gone."""
    held, doomed = tables.erasures.c, tables.doomed.c
    every = select(func.count()).where(doomed.device == device, doomed.boot == boot, doomed.seq == seq)
    values = {
        "objects": every.scalar_subquery(),
        "objects_deleted": every.where(doomed.done_ms.is_not(None)).scalar_subquery(),
    }
    mine = and_(held.device == device, held.boot == boot, held.seq == seq)
    return update(tables.erasures).where(mine).values(values)


async def without_erased(link: AsyncConnection, batch: Sequence[Incoming]) -> tuple[list[Incoming], list[Doomed]]:
    """The batch, in which records of those who were erased before are without content, and their objects."""
    known = await _known(link, {one.at.device for one in batch if one.about})
    by = {one.at: next((gone for gone in known[one.at.device] if gone.takes(one)), None) for one in batch}
    doomed = [
        Doomed(one.at.device, one.typed["key"], gone.boot, gone.seq)
        for one in batch
        if one.table in _WITH_OBJECTS and one.typed and (gone := by[one.at])
    ]
    return [_blank(one) if by[one.at] else one for one in batch], doomed


async def erase(link: AsyncConnection, batch: Sequence[Incoming]) -> list[Doomed]:
    """Carry out the erasures of a batch on all that is stored; return which objects must go too."""
    doomed: list[Doomed] = []
    for one in sorted({one.at: one for one in batch if one.table == "erasures"}.items()):
        at, typed = one[0], one[1].typed or {}
        gone = _Erased(at.boot, at.seq, typed["participant"], frozenset(json.loads(typed["sessions"])))
        gone = await _completed(link, at.device, gone)
        await _blank_stored(link, at.device, gone, tables.personal, "participant")
        await _blank_stored(link, at.device, gone, tables.predictions, "user_id")
        doomed += [Doomed(at.device, key, gone.boot, gone.seq) for key in await _objects(link, at.device, gone)]
        for table in (tables.labels, tables.sessions, *_WITH_OBJECTS.values()):
            await link.execute(delete(table).where(_of(link, table, at.device, gone, "participant")))
        tied = tables.ties.c
        await link.execute(delete(tables.ties).where(tied.device == at.device, tied.person == gone.participant))
    return doomed


async def _known(link: AsyncConnection, devices: set[str]) -> dict[str, list[_Erased]]:
    found: dict[str, list[_Erased]] = defaultdict(list)
    if not devices:
        return found
    held = tables.erasures.c
    query = select(held.device, held.boot, held.seq, held.participant, held.sessions)
    for device, boot, seq, participant, sessions in await link.execute(query.where(held.device.in_(sorted(devices)))):
        found[device].append(_Erased(boot, seq, participant, frozenset(json.loads(sessions))))
    return found


async def _completed(link: AsyncConnection, device: str, gone: _Erased) -> _Erased:
    """With the sessions that only the records here remember: their markers name nobody, and may come late too."""
    session_id = tables.personal.c.session_id
    query = select(session_id).where(_of(link, tables.personal, device, gone, "participant"), session_id.is_not(None))
    found = set((await link.execute(query.distinct())).scalars())
    held = tables.erasures.c
    mine = and_(held.device == device, held.boot == gone.boot, held.seq == gone.seq)
    for (listed,) in (await link.execute(select(held.sessions).where(mine))).all():
        found |= set(json.loads(listed))
    whole = gone._replace(sessions=gone.sessions | found)
    await link.execute(update(tables.erasures).where(mine).values(sessions=json.dumps(sorted(whole.sessions))))
    return whole


async def _objects(link: AsyncConnection, device: str, gone: _Erased) -> list[str]:
    """The keys of their recordings and files."""
    found: list[str] = []
    for table in _WITH_OBJECTS.values():
        found += (
            await link.execute(select(table.c.key).where(_of(link, table, device, gone, "participant")))
        ).scalars()
    return found


async def _blank_stored(link: AsyncConnection, device: str, gone: _Erased, table: Table, person: str) -> None:
    """Take the content from the records that `table` says are theirs, and its own rows of them."""
    theirs = _of(link, table, device, gone, person)
    held, place = tables.records.c, select(table.c.boot, table.c.seq).where(theirs)
    records = update(tables.records).where(held.device == device, tuple_(held.boot, held.seq).in_(place))
    await link.execute(records.values(**_BLANK))
    await link.execute(delete(table).where(theirs))


def _of(link: AsyncConnection, table: Table, device: str, gone: _Erased, person: str) -> ColumnElement[bool]:
    earlier = tuple_(table.c.boot, table.c.seq) < tuple_(gone.boot, gone.seq)
    whose: list[Any] = [table.c[person] == gone.participant]
    if gone.sessions:
        whose.append(_one_of(link, table.c.session_id, sorted(gone.sessions)))
    return and_(table.c.device == device, earlier, or_(*whose))


def _one_of(link: AsyncConnection, column: ColumnElement[str], names: Sequence[str]) -> ColumnElement[bool]:
    """As one parameter, however many: a statement may have 32,767 of them."""
    if link.dialect.name == "sqlite":
        return column.in_(select(func.json_each(json.dumps(names)).table_valued("value").c.value))
    return column == any_(literal(names, ARRAY(Text)))


def _blank(one: Incoming) -> Incoming:
    return one._replace(row={**one.row, **_BLANK}, table=None, typed=None, about=None)
