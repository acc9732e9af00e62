"""The book of commands from afar: what was heard, how far it is, how it ended; each step is a record in one commit.

A command that was sent twice is in it once, so it is done once, also after a kill at any moment: what was `accepted` is
begun, and what was `running` is for its handler to resume or to end.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

import aiosqlite

from contract.codec import decode, encode
from contract.errors import InvalidMessageError
from contract.messages import CommandState
from contract.remote import Command
from edge.core.clock import Clock, Stamp
from edge.core.errors import RefusedError, StoreDelayedError, StoreError
from edge.outbox import database
from edge.outbox.boots import Boots
from edge.outbox.upload_work import statement
from edge.outbox.waiting import Work
from edge.outbox.writer import Writer

End = Literal["succeeded", "failed", "expired"]
MOST_OPEN: Final = 64
"""Commands that may wait or run at a time; one more is refused."""
KEPT_COMMANDS: Final = 1000
KEPT_DAYS: Final = 30
_DAY_MS: Final = 86_400_000
_REASON_LIMIT: Final = 1000
_OUTCOME_LIMIT: Final = 32
_OPEN: Final = (
    "SELECT command_id, name, body, state, heard_ms, heard_mono_ms, host_boot, began_in, attempts, note FROM commands"
    " WHERE ended_ms IS NULL ORDER BY place"
)
_INSERT: Final = (
    "INSERT OR IGNORE INTO commands SELECT ?1, ?2, ?3, ?4, COALESCE((SELECT MAX(place) FROM commands), 0) + 1,"
    " ?5, ?6, ?7, '', 0, '', ?8"
)
_BEGIN: Final = (
    "UPDATE commands SET state = 'running', began_in = ?, attempts = attempts + 1"
    " WHERE command_id = ? AND ended_ms IS NULL"
)
_END_TOLD: Final = (
    "SELECT json_extract(CAST(payload AS TEXT), '$.body.state') FROM records WHERE subject = ? AND kind = 'command'"
    " AND json_extract(CAST(payload AS TEXT), '$.body.state') IN ('succeeded', 'failed', 'expired') LIMIT 1"
)
_TRIM: Final = (
    "DELETE FROM commands WHERE ended_ms IS NOT NULL AND (ended_ms < ? OR place <= (SELECT place FROM commands"
    " ORDER BY place DESC LIMIT 1 OFFSET ?))"
)


class TooManyCommandsError(RefusedError):
    """So many commands wait already that no more is taken; whoever sent it sends it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A command that has not ended. `heard_mono_ms` is by the clock of `host_boot`, empty where that is unknown.

    `began_in` is the run of the daemon that began it last, empty while it is only accepted; `attempts` counts how often
    it was begun. `note` is what its handler wrote down for the time after a kill.
    """

    command: Command
    state: Literal["accepted", "running"]
    heard_ms: int
    heard_mono_ms: int
    host_boot: str
    began_in: str = ""
    attempts: int = 0
    note: str = ""


class CommandBook:
    """The table of commands. Every change is durable when its method returns; all raise `StoreError`.

    What raises `StoreDelayedError` becomes durable by itself once the disk takes it.
    """

    def __init__(self, reader: aiosqlite.Connection, writer: Writer, boots: Boots, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._boots = boots
        self._clock = clock
        self._turn = asyncio.Lock()
        self._delayed: set[str] = set()
        """Ids whose last step stands in the writer's line and must not be said again."""

    @property
    def boot(self) -> str:
        """This run of the daemon."""
        return self._boots.current.boot

    async def accept(self, command: Command) -> bool:
        """Keep a command; False, and nothing is done, if it is known, be it long ended.

        Raise `TooManyCommandsError` if too many wait already.
        """
        async with self._turn:
            if await self._known(command.command_id):
                return False
            if await self._count_open() >= MOST_OPEN:
                raise TooManyCommandsError(f"{MOST_OPEN} commands wait already")
            adding = self._adding(command.command_id, command.name, "accepted", encode(command).decode())
            await self._tell(_state(command, "accepted"), adding)
            return True

    async def end_unheard(self, command_id: str, name: str, end: End, reason: str) -> bool:
        """End one that is never begun: it cannot be read, or came too late. False if it is known already."""
        async with self._turn:
            if await self._known(command_id):
                return False
            body = CommandState(command_id=command_id, name=name, state=end, reason=reason[:_REASON_LIMIT])
            await self._tell(body, self._adding(command_id, name, end, ""))
            return True

    async def begin(self, command: Command, reason: str = "") -> None:
        """It is being done from now on, in this run; `reason` says how far it is."""
        await self._tell(_state(command, "running", reason), statement(_BEGIN, self.boot, command.command_id))

    async def progress(self, command: Command, reason: str) -> None:
        """How far it is, for whoever waits; where the disk does not take that, nobody is told."""
        with suppress(StoreError):
            await self._writer.append(_state(command, "running", reason))

    async def note(self, command_id: str, note: str) -> None:
        """Keep what has to be known after a kill."""
        sql = "UPDATE commands SET note = ? WHERE command_id = ?"
        await self._writer.execute(statement(sql, note, command_id))

    async def end(self, command: Command, end: End, reason: str = "", outcome: Mapping[str, str] | None = None) -> bool:
        """It has ended; False if that was told before."""
        sql = "UPDATE commands SET state = ?, body = '', ended_ms = ? WHERE command_id = ? AND ended_ms IS NULL"
        async with self._turn:
            if all(entry.command.command_id != command.command_id for entry in await self.opened()):
                return False
            ending = statement(sql, end, self._clock.now().wall_ms, command.command_id)
            await self._tell(_state(command, end, reason, outcome), ending)
            return True

    async def opened(self) -> list[Entry]:
        """Every command that has not ended, oldest first, but for those whose last step waits for the disk."""
        self._see_line()
        entries = [_entry(row) for row in await database.rows(self._reader, _OPEN)]
        return [entry for entry in entries if entry.command.command_id not in self._delayed]

    async def state(self, command_id: str) -> str | None:
        """How far a command is, None for one that was never heard of or is long forgotten."""
        rows = await database.rows(self._reader, "SELECT state FROM commands WHERE command_id = ?", command_id)
        return str(rows[0][0]) if rows else None

    async def mend(self) -> None:
        """After a start: what a repair of the store brought back as open although its end was told has ended."""
        for entry in await self.opened():
            told = await database.rows(self._reader, _END_TOLD, entry.command.command_id)
            if told:
                sql = "UPDATE commands SET state = ?, body = '', ended_ms = ? WHERE command_id = ?"
                now_ms = self._clock.now().wall_ms
                await self._writer.execute(statement(sql, told[0][0], now_ms, entry.command.command_id))

    async def trim(self) -> None:
        """Forget ended commands beyond the newest 1000, and those of 30 days ago where the clock is trusted."""
        now = self._clock.now()
        before_ms = now.wall_ms - KEPT_DAYS * _DAY_MS if now.trusted else 0
        await self._writer.execute(statement(_TRIM, before_ms, KEPT_COMMANDS))

    def _adding(self, command_id: str, name: str, state: str, body: str) -> Work:
        now = self._clock.now()
        ended_ms = None if state == "accepted" else now.wall_ms
        heard = (now.wall_ms, now.mono_ns // 1_000_000, self._boots.current.host_boot)
        return statement(_INSERT, command_id, name, body, state, *heard, ended_ms)

    async def _known(self, command_id: str) -> bool:
        self._see_line()
        if command_id in self._delayed:
            raise StoreDelayedError(f"what is told of command {command_id} waits for the disk")
        if await self.state(command_id) is not None:
            return True
        return bool(await database.rows(self._reader, _END_TOLD, command_id))

    async def _count_open(self) -> int:
        rows = await database.rows(self._reader, "SELECT COUNT(*) FROM commands WHERE ended_ms IS NULL")
        return int(rows[0][0])

    async def _tell(self, body: CommandState, work: Work) -> None:
        try:
            await self._writer.append(body, work=work)
        except StoreDelayedError:
            self._delayed.add(body.command_id)
            raise

    def _see_line(self) -> None:
        if not len(self._writer.line):
            self._delayed.clear()


def has_expired(entry: Entry, expires_ms: int, issued_ms: int, now: Stamp, host_boot: str) -> bool:
    """Whether it must not be begun any more: by the wall clock, or, while that is not trusted, by the time since it was
    first heard of, as far as that is known."""
    if now.trusted:
        return now.wall_ms > expires_ms
    if not host_boot or entry.host_boot != host_boot:
        return False
    return now.mono_ns // 1_000_000 - entry.heard_mono_ms > expires_ms - issued_ms


def _state(command: Command, state: Any, reason: str = "", outcome: Mapping[str, str] | None = None) -> CommandState:
    return CommandState(
        command_id=command.command_id,
        name=command.name,
        state=state,
        reason=reason[:_REASON_LIMIT],
        outcome=dict(list((outcome or {}).items())[:_OUTCOME_LIMIT]),
    )


def _entry(row: Any) -> Entry:
    command_id, name, body, state, heard_ms, heard_mono_ms, host_boot, began_in, attempts, note = row
    return Entry(
        command=_command(command_id, name, body),
        state=state,
        heard_ms=heard_ms,
        heard_mono_ms=heard_mono_ms,
        host_boot=host_boot,
        began_in=began_in,
        attempts=attempts,
        note=note,
    )


def _command(command_id: str, name: str, body: str) -> Command:
    """As it came; what a damaged page has spoilt has no arguments, and its time is over."""
    try:
        return decode(body.encode(), Command)
    except InvalidMessageError:
        return Command(command_id=command_id, name=name, issued=_LONG_AGO, expires=_LONG_AGO)


_LONG_AGO: Final = "1970-01-01T00:00:00.000Z"
