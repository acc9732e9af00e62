"""The outbox: what is appended here is durable, stays to be looked at, and waits until the cloud has it."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiosqlite

from contract.messages import AnyBody, Loss, Record, Session, priority_of
from edge.core.clock import Clock, Stamp
from edge.core.errors import RecordInvalidError, StoreDelayedError, StoreError
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.outbox import database
from edge.outbox.backlog import Backlog
from edge.outbox.boots import Boots, next_boot
from edge.outbox.commands import CommandBook
from edge.outbox.erasure import REASON, Eraser
from edge.outbox.keeper import Keeper
from edge.outbox.repair import opening
from edge.outbox.restamp import Restamper
from edge.outbox.rows import Counts, subject_of
from edge.outbox.settings import OutboxSettings
from edge.outbox.uploads import Uploads
from edge.outbox.writer import PART, OnCommit, Writer

_BEAT_S: Final = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What a store stands on."""

    path: Path
    device: str
    clock: Clock
    health: Health
    limits: OutboxSettings


class Outbox(Backlog):
    """The local store: a `RecordSink`, the history of the LAN side, the publisher's queue, the uploader's list.

    Also a `Service`: `run` keeps the store within its bounds and raises the error that stopped its writer, if one did.
    Methods belong to the event loop. `on_commit` is called with the new `(row, record)`s after each commit.
    """

    def __init__(
        self, basis: Basis, connections: tuple[aiosqlite.Connection, aiosqlite.Connection], boots: Boots
    ) -> None:
        """Of `connections` the first writes and the second looks; use `open`."""
        writing, reader = connections
        self._basis = basis
        self._writer = self._made_writer(writing, boots)
        super().__init__(reader, self._writer, boots)
        self.name, self.device = PART, basis.device
        self.pulse = Pulse(basis.clock)
        self.on_commit: OnCommit | None = None
        self.under_way: Callable[[int], bool] = lambda _row: False
        """Whether a row may have been sent and not be acknowledged; whoever sends sets it."""
        self.linger_ms: Callable[[], float] = lambda: basis.limits.linger_ms
        """How far apart commits are at least, so that records which come together go together; asked before each."""
        self.restamper = Restamper(reader, self._writer, boots)
        self.uploads = Uploads(reader, self._writer)
        self.commands = CommandBook(reader, self._writer, boots, basis.clock)
        self.evicted_total = 0
        self.repaired = False
        """Whether there was a repair, in this run or before: then whoever keeps files offers them again."""
        self._keeper = self._made_keeper()
        self._erased: set[str] = set()
        self._changed = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        device: str,
        clock: Clock,
        health: Health,
        on_commit: OnCommit | None = None,
        limits: OutboxSettings | None = None,
        host_boot: str = "",
        linger_ms: Callable[[], float] | None = None,
    ) -> "AsyncIterator[Outbox]":
        """Open or make the store at `path` for a new run of the daemon; closing writes what waits.

        A damaged file is put aside with its side files, and what can be read of it goes into a fresh store, where
        `Loss` records say what is gone. `host_boot` names the boot of the host, within which runs share a monotonic
        clock. `linger_ms` is asked before each commit how long it may wait for more records; by default that is the
        setting. Raise `StoreError` if the file cannot be opened at all.
        """
        async with AsyncExitStack() as stack:
            opened = await opening.open_or_repair(path, clock)
            stack.push_async_callback(opened.connection.close)
            reader = await database.open_reader(path)
            stack.push_async_callback(reader.close)
            basis = Basis(path=path, device=device, clock=clock, health=health, limits=limits or OutboxSettings())
            boots = await next_boot(opened.connection, path, host_boot)
            store = cls(basis, (opened.connection, reader), boots)
            store.on_commit, store.linger_ms = on_commit, linger_ms or store.linger_ms
            stack.push_async_callback(store._close)
            await store._begin(opened)
            yield store

    @property
    def last_row(self) -> int:
        """The largest committed history row; 0 if there never was one."""
        return self._writer.next_row - 1

    @property
    def waiting_records(self) -> int:
        """How many records wait in memory for the disk; more than a few only while it fails."""
        return len(self._writer.line)

    @property
    def refused_total(self) -> int:
        """How many records gave way because the disk failed for too long."""
        return self._writer.line.given_up_total

    @property
    def commits_total(self) -> int:
        """How many commits this run made."""
        return self._writer.commits

    def give_up_when_full(self, release: Callable[[], bool]) -> None:
        """When the disk is full, `release` gives up what was held ready for that, and tells whether there was any.

        Called in a thread. What waits is then tried again at once.
        """
        self._writer.on_full = release

    def count_bytes(self, wrote: Callable[[int], None]) -> None:
        """From now on `wrote` is called with the bytes of records that became durable."""
        self._writer.wrote = wrote

    def repair_is_over(self) -> None:
        """All files were offered again. Until this is said, the next runs are told that there was a repair."""
        self.repaired = False
        opening.repair_is_over(self._basis.path)

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Return once `body` is durable, with its identity; `at` is when it was true, by default now.

        Raise `StoreError` if it gave way because the disk takes nothing (bulk at once, others at the bound), and
        `StoreDelayedError`, a kind of it, if it waits in memory for the disk: then do not append it again. What belongs
        to a session that was erased is not kept (`RecordInvalidError`), however late it comes.
        """
        if self._erased and subject_of(body) in self._erased:
            raise RecordInvalidError(REASON)
        return await self._writer.append(body, at)

    async def erase(self, participant: str, sessions: Sequence[str]) -> int:
        """Take every record of a participant out of the store and its file; return how many those were.

        Those that the cloud lacks become a `Loss` of the same number. Records of these sessions that come later are
        refused as long as this process runs. Damaged stores that were put aside go as a whole. Raise `StoreError` if
        it could not be done to the end; then do it again.
        """
        theirs = {*sessions, *await self._sessions_of(participant)}
        self._erased |= theirs
        eraser = Eraser(
            self._writer,
            self._boots,
            self._basis.clock,
            uploads=self.uploads,
            participant=participant,
            sessions=sorted(theirs),
        )
        await eraser.run()
        try:
            await asyncio.to_thread(database.remove_asides, self._basis.path)
        except OSError as error:
            raise StoreError(f"a damaged store that was put aside cannot be deleted: {error}") from error
        await database.empty_journal(self._basis.path)
        return eraser.erased

    async def newest_row(self) -> int:
        """The largest committed row, 0 if there is none."""
        return self.last_row

    async def counts(self) -> Counts:
        """How much waits."""
        oldest = await self._read("SELECT payload FROM records WHERE row = (SELECT MIN(row) FROM outbox)")
        records = await database.records(self._reader, (payload for (payload,) in oldest))
        age_s = self._boots.age_s(records[0], self._basis.clock.now()) if records else None
        return Counts(self.queue.records, age_s, await self.uploads.pending())

    async def wait_beyond(self, row: int) -> None:
        """Return once there is a record of a row after `row`."""
        while self.last_row <= row:
            await self._changed.wait()

    async def tidy(self) -> None:
        """Bring the store within its bounds now; `run` does it again and again."""
        await self._keeper.tidy(lambda: self.queue.records)

    async def run(self) -> None:
        """Tidy until cancelled; raise what stopped the writer, or `StoreDamagedError` once damage showed in reading."""
        if self._writing is None:
            raise StoreError("the store is not open")
        rested_s = self._basis.limits.tidy_every_s
        while True:
            self.pulse.beat()
            if self._writing.done():
                await self._writing
                raise StoreError("the store is closed")
            if database.suspect_mark(self._basis.path).exists():
                raise database.StoreDamagedError(f"{self._basis.path}: damaged; a restart repairs it")
            if rested_s >= self._basis.limits.tidy_every_s:
                rested_s = 0.0
                await self._try_to_tidy()
            pause_s = min(_BEAT_S, self._basis.limits.tidy_every_s)
            await self._basis.clock.sleep(pause_s)
            rested_s += pause_s

    async def _begin(self, opened: opening.Opened) -> None:
        """Begin to write, and say what the opening found."""
        await self.queue.load()
        self._writing = asyncio.create_task(self._writer.run(), name="store-writer")
        aside = opened.aside
        detail = f"damaged, moved to {aside}" if aside else ""
        self._basis.health.set(PART, State.DEGRADED if aside else State.OK, detail)
        self.repaired = opened.repaired
        if opened.untold:
            with suppress(StoreDelayedError):  # it stands in line
                reason = f"the store was damaged: kept as {opened.untold}"
                await self.append(Loss(what="records", reason=reason, count=0))
                await asyncio.to_thread(opening.told, self._basis.path)

    def _made_writer(self, writing: aiosqlite.Connection, boots: Boots) -> Writer:
        basis = self._basis
        return Writer(
            writing,
            path=basis.path,
            boots=boots,
            clock=basis.clock,
            health=basis.health,
            on_commit=self._committed,
            limits=basis.limits,
            linger_ms=self._lingers_ms,
        )

    def _made_keeper(self) -> Keeper:
        return Keeper(
            self._reader,
            self._writer,
            boots=self._boots,
            clock=self._basis.clock,
            limits=self._basis.limits,
            evicted=self._evicted,
            under_way=self._is_under_way,
        )

    async def _close(self) -> None:
        self._writer.close()
        if self._writing:
            await asyncio.wait({self._writing})
            if not self._writing.cancelled() and (error := self._writing.exception()):
                _log.error("the store stopped writing: %s", error)

    def _committed(self, rows: Sequence[tuple[int, Record]]) -> None:
        self.queue.records += len(rows)
        alarms = [row for row, record in rows if priority_of(record.body) == "alarm"]
        self.queue.last_alarm = max(alarms, default=self.queue.last_alarm)
        self._announce()
        if self.on_commit:
            self.on_commit(rows)

    def _evicted(self, records: int, rows: int) -> None:
        self.queue.records -= rows
        self.evicted_total += records
        self.pulse.beat()

    def _is_under_way(self, row: int) -> bool:
        return self.under_way(row)

    def _lingers_ms(self) -> float:
        return self.linger_ms()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _sessions_of(self, participant: str) -> set[str]:
        """Also those that nobody but the records remembers."""
        rows = await self._read("SELECT payload FROM records WHERE kind = 'session'")
        bodies = [one.body for one in await database.records(self._reader, (payload for (payload,) in rows))]
        return {one.session_id for one in bodies if isinstance(one, Session) and one.participant == participant}

    async def _try_to_tidy(self) -> None:
        try:
            await self.tidy()
        except (StoreError, sqlite3.OperationalError):
            return  # the writer has set the health; the next look tries again
