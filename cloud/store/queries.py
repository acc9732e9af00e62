"""The asking side of the database: pages of what devices said, newest first, and how each device is.

Pages are told apart by the key of the last row, never by counting: a page stays right while new rows come in.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Table, and_, func, select, tuple_

from cloud.store import tables
from cloud.store.attention import wants_somebody
from cloud.store.database import Database
from cloud.store.delivery import deliveries
from cloud.store.ties import held_by

Key = tuple[int | str, ...]
_ORDER: Final[dict[str, tuple[str, ...]]] = {
    "predictions": ("start_ms", "device", "boot", "seq"),
    "events": ("start_ms", "device", "event_id"),
    "recordings": ("start_ms", "device", "recording_id"),
    "files": ("start_ms", "device", "file_id"),
    "ledger": ("t_ms", "device", "boot", "seq"),
}
_PERSON: Final = {"predictions": "user_id", "recordings": "participant", "files": "participant"}
"""Which column says of whom a row is."""


class Slice(NamedTuple):
    """Which rows of a table: of one device, from a moment up to but without another, after a cursor."""

    device: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    limit: int = 100
    after: str | None = None
    session: str | None = None
    state: str | None = None
    """Of devices: `online`, `offline` or `unknown`."""
    person: str | None = None
    """Only what is of the persons that this account is tied to: of predictions, recordings and files."""
    name: str | None = None
    """Of devices: a part of the name, in small or capital letters."""
    wanting_ms: int | None = None
    """Of devices: those that somebody should look at, at this moment."""


class Page(NamedTuple):
    """Rows by column name, and the cursor of the next page; None on the last."""

    items: list[dict[str, Any]]
    after: str | None


class CursorError(ValueError):
    """A cursor is not one that we gave out."""


class Queries:
    """Everything that can be asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, name: str, wanted: Slice) -> Page:
        """A page of `predictions`, `events`, `recordings`, `files` or `ledger`, newest first. Raise `CursorError`."""
        table = tables.metadata.tables[name]
        order = [table.c[column] for column in _ORDER[name]]
        query = select(table).where(*_conditions(table, order, wanted))
        query = query.order_by(*(column.desc() for column in order)).limit(wanted.limit + 1)
        async with self._database.read() as link:
            rows = (await link.execute(query)).mappings().all()
        return _page(rows, wanted.limit, _ORDER[name])

    async def gaps(self, device: str, wanted: Slice) -> Page:
        """A page of the ranges missing of a device, newest boot first."""
        table, columns = tables.gaps, ("boot", "first_seq")
        order = [table.c.boot, table.c.first_seq]
        query = select(table).where(table.c.device == device)
        if wanted.after:
            query = query.where(tuple_(*order) < tuple_(*_decode_cursor(wanted.after, table, columns)))
        query = query.order_by(*(column.desc() for column in order)).limit(wanted.limit + 1)
        async with self._database.read() as link:
            rows = (await link.execute(query)).mappings().all()
        return _page(rows, wanted.limit, columns)

    async def devices(self, wanted: Slice) -> Page:
        """A page of the devices by name, each with its newest boot's state of delivery and its newest gaps."""
        table = tables.devices
        query = select(table).where(*_of_devices(wanted)).order_by(table.c.device).limit(wanted.limit + 1)
        if wanted.after:
            query = query.where(table.c.device > _decode_cursor(wanted.after, table, ("device",))[0])
        async with self._database.read() as link:
            page = _page((await link.execute(query)).mappings().all(), wanted.limit, ("device",))
            delivered = await deliveries(link, [item["device"] for item in page.items])
        for item in page.items:
            item.update(delivered[item["device"]])
        return page

    async def devices_counted(self, wanted: Slice) -> tuple[int, int]:
        """How many devices are as `wanted`, on all pages, and how many there are."""
        every = select(func.count()).select_from(tables.devices)
        async with self._database.read() as link:
            found = (await link.execute(every.where(*_of_devices(wanted)))).scalar_one()
            return int(found), int((await link.execute(every)).scalar_one())

    async def one(
        self, name: str, wanted: str, device: str | None = None, *, person: str | None = None
    ) -> list[dict[str, Any]]:
        """The `recordings` or `files` of that id: one per device, two at most.

        `person`: only those of whom this account is tied to.
        """
        table = tables.metadata.tables[name]
        query = select(table).where(table.c[_ORDER[name][-1]] == wanted)
        if device:
            query = query.where(table.c.device == device)
        if person is not None:
            query = query.where(_tied_to(table, person))
        async with self._database.read() as link:
            return [_plain(row) for row in (await link.execute(query.limit(2))).mappings()]

    async def check(self) -> None:
        """Return if the database answers; raise `StoreUnavailableError` otherwise."""
        async with self._database.read() as link:
            await link.execute(select(1))


def _of_devices(wanted: Slice) -> list[ColumnElement[bool]]:
    held, found = tables.devices.c, list[ColumnElement[bool]]()
    if wanted.device:
        found.append(held.device == wanted.device)
    if wanted.state:
        found.append(held.state == wanted.state)
    if wanted.name:
        found.append(func.lower(held.device).contains(wanted.name.lower(), autoescape=True))
    if wanted.wanting_ms is not None:
        found.append(wants_somebody(wanted.wanting_ms))
    return found


def _conditions(table: Table, order: Sequence[ColumnElement[Any]], wanted: Slice) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.device is not None:
        found.append(table.c.device == wanted.device)
    if wanted.session is not None:
        found.append(table.c.session_id == wanted.session)
    if wanted.person is not None:
        found.append(_tied_to(table, wanted.person))
    if wanted.from_ms is not None:
        found.append(order[0] >= wanted.from_ms)
    if wanted.to_ms is not None:
        found.append(order[0] < wanted.to_ms)
    if wanted.after:
        key = _decode_cursor(wanted.after, table, _ORDER[table.name])
        found.append(and_(tuple_(*order) < tuple_(*key)))
    return found


def _tied_to(table: Table, account: str) -> ColumnElement[bool]:
    return tuple_(table.c.device, table.c[_PERSON[table.name]]).in_(held_by(account))


def _page(rows: Sequence[RowMapping], limit: int, columns: Sequence[str]) -> Page:
    items = [_plain(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items, None)
    return Page(items, _encode_cursor([items[-1][column] for column in columns]))


def _plain(row: RowMapping) -> dict[str, Any]:
    """A row under plain strings: SQLAlchemy's own column names are of a subclass."""
    return {str(name): value for name, value in row.items()}


def _encode_cursor(key: Sequence[int | str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _decode_cursor(text: str, table: Table, columns: Sequence[str]) -> list[Any]:
    kinds = [table.c[column].type.python_type for column in columns]
    try:
        key = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=list[int | str])
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise CursorError("it is none that an earlier page gave") from error
    if [type(value) for value in key] != kinds or any(_unstorable(value) for value in key):
        raise CursorError("it was given for another list")
    return key


def _unstorable(value: int | str) -> bool:
    return "\0" in value if isinstance(value, str) else not -(2**63) <= value < 2**63
