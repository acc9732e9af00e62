"""What devices shall do once: kept from the moment that it is asked for until long after its end.

How far a command is, the device says (`command_states`); until it does, what the cloud knows by itself counts:
`queued`, `sent`, `cancelled`, or `expired` for one that no device was heard to accept in time. A device's word that
comes later goes before it, for it is what happened. One that was accepted and whose end was never told (the device was
replaced, or lost what it knew) is `expired` in the end, too: only an end that comes later goes before that.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, delete, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.store import fleet_tables, tables
from cloud.store.audit import Deed, note_within
from cloud.store.database import Database
from cloud.store.errors import StoreError

ENDS: Final = ("succeeded", "failed", "expired", "cancelled")
MOST_OPEN: Final = 100
"""Commands of one device that have not ended."""
_CANCELLED_LATE: Final = "cancelled after it was sent: if it is on its way still, the device does it and says so"
_NEVER_ACCEPTED: Final = "the device was not heard to accept it in time"
_NEVER_ENDED: Final = "the device accepted it, and was not heard to end it"
_LOST: Final = "lost"
_table, _told = fleet_tables.commands, fleet_tables.command_states
_IS_LOST: Final = and_(_table.c.state == _LOST, _told.c.state.not_in(ENDS))
STATE: Final = case((_IS_LOST, "expired"), else_=func.coalesce(_told.c.state, _table.c.state))
"""How far a command is, where `command_states` is joined by `ON`."""
ON: Final = and_(_told.c.device == _table.c.device, _told.c.command_id == _table.c.command_id)


class CommandConflictError(StoreError):
    """Another command has that id on one of the devices already."""


class TooManyCommandsError(StoreError):
    """A device has as many commands before it as it may have."""


class NotCancellableError(StoreError):
    """The device has accepted it, or it has ended."""


class Asked(NamedTuple):
    """A command as somebody asks for it."""

    command_id: str
    name: str
    arguments: dict[str, Any]
    expires_ms: int


class CommandSlice(NamedTuple):
    """Which commands: of a device, of an id, in a state; after the `(asked_ms, device, command_id)` of the last."""

    device: str | None = None
    command_id: str | None = None
    state: str | None = None
    limit: int = 100
    after: tuple[int, str, str] | None = None


class Commands:
    """Every method raises `StoreUnavailableError` when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = sqlite.insert if database.is_sqlite else postgresql.insert

    async def ask(self, devices: Sequence[str], asked: Asked, deed: Deed, *, now_ms: int) -> int:
        """Keep the command for each of `devices`, all or none, and have it sent; return for how many it was new.

        Asked again under the same id it changes nothing. Raise `CommandConflictError` or `TooManyCommandsError`.
        """
        row = {
            "command_id": asked.command_id,
            "name": asked.name,
            "arguments": msgspec.json.encode(asked.arguments, order="sorted").decode(),
        }
        async with self._database.write() as link:
            fresh = await _fresh(link, devices, row)
            await _check_room(link, fresh)
            times = {"asked_ms": now_ms, "expires_ms": asked.expires_ms, "state_ms": now_ms, "due_ms": now_ms}
            each: dict[str, Any] = {**row, **times, "by": deed.actor, "state": "queued"}
            rows = [{**each, "device": device} for device in sorted(fresh)]
            if rows:
                await link.execute(self._insert(_table).on_conflict_do_nothing(), rows)
            for one in rows:
                deed_of_one = deed._replace(target=one["device"], detail=f"{asked.name} {asked.command_id}")
                await note_within(link, deed_of_one, now_ms)
        return len(fresh)

    async def page(self, wanted: CommandSlice) -> list[dict[str, Any]]:
        """Commands with what is known of them, the newest asked first."""
        query = _view().where(*_conditions(wanted)).limit(wanted.limit)
        query = query.order_by(_table.c.asked_ms.desc(), _table.c.device.desc(), _table.c.command_id.desc())
        async with self._database.read() as link:
            rows = [_whole(dict(row)) for row in (await link.execute(query)).mappings()]
            await _add_files(link, rows)
        return rows

    async def cancel(self, device: str, command_id: str, deed: Deed, *, now_ms: int) -> bool:
        """End a command that was not accepted; return whether there is such a one. Raise `NotCancellableError`."""
        mine = and_(_table.c.device == device, _table.c.command_id == command_id)
        async with self._database.write() as link:
            query = select(_table.c.state, _told.c.state.label("told")).join(_told, ON, isouter=True).where(mine)
            row = (await link.execute(query.with_for_update(of=_table))).first()
            if row is None:
                return False
            if row.state == "cancelled" and row.told is None:
                return True
            if row.told or row.state not in {"queued", "sent"}:
                raise NotCancellableError(f"it is {row.told or row.state}")
            reason = "" if row.state == "queued" else _CANCELLED_LATE
            values = {"state": "cancelled", "reason": reason, "state_ms": now_ms, "due_ms": None}
            await link.execute(update(_table).where(mine).values(values))
            await note_within(link, deed._replace(detail=command_id), now_ms)
        return True

    async def expire(self, now_ms: int) -> int:
        """End what ran out and was never accepted, and let the device's word stand for the rest; return how many."""
        over = and_(_table.c.state.in_(("queued", "sent")), _table.c.expires_ms <= now_ms)
        heard = select(_told.c.device).where(ON).correlate(_table).exists()
        values = {"state": "expired", "reason": _NEVER_ACCEPTED, "state_ms": now_ms, "due_ms": None}
        async with self._database.read() as link:
            if (await link.execute(select(_table.c.device).where(over).limit(1))).first() is None:
                return 0
        async with self._database.write() as link:
            expired = (await link.execute(update(_table).where(over, ~heard).values(values))).rowcount
            await link.execute(update(_table).where(over, heard).values(state="told", due_ms=None))
        return expired

    async def give_up(self, before_ms: int, now_ms: int) -> int:
        """End what was accepted, ran out before that moment, and of which no end was told; return how many."""
        unended = select(_told.c.device).where(ON, _told.c.state.not_in(ENDS)).correlate(_table).exists()
        over = and_(_table.c.state != _LOST, _table.c.expires_ms < before_ms, unended)
        values = {"state": _LOST, "reason": _NEVER_ENDED, "state_ms": now_ms, "due_ms": None}
        async with self._database.write() as link:
            return (await link.execute(update(_table).where(over).values(values))).rowcount

    async def forget(self, before_ms: int) -> int:
        """Drop what ran out before that moment; return how many."""
        old = tuple_(_told.c.device, _told.c.command_id).in_(
            select(_table.c.device, _table.c.command_id).where(_table.c.expires_ms < before_ms)
        )
        async with self._database.write() as link:
            await link.execute(delete(_told).where(old))
            return (await link.execute(delete(_table).where(_table.c.expires_ms < before_ms))).rowcount


async def _fresh(link: AsyncConnection, devices: Sequence[str], row: dict[str, Any]) -> list[str]:
    """The devices that do not have the command yet; raise `CommandConflictError` for one that has another."""
    query = select(_table.c.device, _table.c.name, _table.c.arguments)
    found = await link.execute(query.where(_table.c.command_id == row["command_id"], _table.c.device.in_(devices)))
    there = {device: (name, arguments) for device, name, arguments in found}
    for device, known in there.items():
        if known != (row["name"], row["arguments"]):
            raise CommandConflictError(f"{device} has another command {row['command_id']!r} already")
    return [device for device in dict.fromkeys(devices) if device not in there]


async def _check_room(link: AsyncConnection, devices: Sequence[str]) -> None:
    count = func.count()
    query = select(_table.c.device, count).join(_told, ON, isouter=True)
    query = query.where(_table.c.device.in_(devices), STATE.not_in(ENDS)).group_by(_table.c.device)
    for device, _ in await link.execute(query.having(count >= MOST_OPEN)):
        raise TooManyCommandsError(f"{device} has {MOST_OPEN} commands before it that have not ended")


def _view() -> Select[Any]:
    told = (_told.c.state.label("told"), _told.c.reason.label("told_reason"), _told.c.outcome, _told.c.t_ms)
    return select(_table, *told).join(_told, ON, isouter=True)


def _conditions(wanted: CommandSlice) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.device is not None:
        found.append(_table.c.device == wanted.device)
    if wanted.command_id is not None:
        found.append(_table.c.command_id == wanted.command_id)
    if wanted.state == "open":
        found.append(STATE.not_in(ENDS))
    elif wanted.state:
        found.append(STATE.in_((wanted.state,)))
    if wanted.after:
        key = tuple_(_table.c.asked_ms, _table.c.device, _table.c.command_id)
        found.append(key < tuple_(*wanted.after))
    return found


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    """With the device's word in the place of ours, where there is one, and plain values for JSON."""
    told = row.pop("told")
    reason, outcome, t_ms = row.pop("told_reason"), row.pop("outcome"), row.pop("t_ms")
    if row["state"] == _LOST and told not in ENDS:
        row["state"] = "expired"
    elif told:
        row |= {"state": told, "reason": reason, "state_ms": t_ms}
    row["arguments"] = msgspec.json.decode(row["arguments"])
    row["outcome"] = msgspec.json.decode(outcome) if outcome else {}
    return {str(name): value for name, value in row.items()}


async def _add_files(link: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """What commands brought, by the key that their outcome names: a word of the device's, who may name what is none."""
    keys = [(row["device"], key) for row in rows if (key := row["outcome"].get("key")) and "\0" not in key]
    files, found = tables.files.c, dict[tuple[str, str], Any]()
    if keys:
        query = select(files.device, files.key, files.file_id, files.name, files.phase)
        wanted = tuple_(files.device, files.key).in_(keys)
        found = {(row["device"], row["key"]): dict(row) for row in (await link.execute(query.where(wanted))).mappings()}
    for row in rows:
        row["file"] = found.get((row["device"], row["outcome"].get("key", "")))
