"""The one that writes: whatever waits goes into one commit, and what the disk refuses waits for a better time.

The rules while the disk takes nothing (full, failing):
- Bulk records are refused at once. Others wait in memory, up to a bound, and are written when the disk takes them.
- Whoever waits for one is told after `wait_s` by `StoreDelayedError`; the record stays in line.
- At the bound the lowest rank gives way, the newest of it first; the next commit that succeeds begins with a `Loss`
  that counts them. They never had a sequence number, so they leave no gap.
"""

import asyncio
import logging
import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiosqlite

from contract.errors import InvalidMessageError
from contract.messages import AnyBody, Loss, Record
from contract.topics import leaf_of
from edge.core.backoff import Backoff
from edge.core.clock import Clock, Stamp
from edge.core.errors import RecordInvalidError, StoreDelayedError, StoreError
from edge.core.health import Health, State
from edge.outbox import database
from edge.outbox.boots import Boots
from edge.outbox.rows import KEPT, NewRow, kind_of, make_row, rank_of, subject_of, why_invalid
from edge.outbox.settings import OutboxSettings
from edge.outbox.waiting import Waiting, WaitingLine, Work

PART: Final = "store"
_EARLY_PAGES: Final = 64
_log = logging.getLogger(__name__)
OnCommit = Callable[[Sequence[tuple[int, Record]]], None]


class Writer:
    """Group commit over one connection. Belongs to the event loop; `run` is its task."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        *,
        path: Path,
        boots: Boots,
        clock: Clock,
        health: Health,
        on_commit: OnCommit,
        limits: OutboxSettings,
        linger_ms: Callable[[], float] | None = None,
    ) -> None:
        self._connection = connection
        self._path = path
        self._boots = boots
        self._clock = clock
        self._health = health
        self._on_commit = on_commit
        self._limits = limits
        self._linger_ms = linger_ms or (lambda: limits.linger_ms)
        self._wake = asyncio.Event()
        self._backoff = Backoff(random.Random(boots.current.boot), first_s=0.2, limit_s=5.0)  # noqa: S311 - jitter
        self._failing = ""
        self._closing = False
        self._boot_written = False
        self._emptied_after = -1
        self.on_full: Callable[[], bool] = _nothing_to_give
        """Called in a thread when the disk is full: gives up what was held ready, and tells whether there was any."""
        self.wrote: Callable[[int], None] = lambda _n_bytes: None
        """Called with the bytes of records that became durable."""
        self.line = WaitingLine(limits.waiting_records)
        self.next_row = boots.current.first_row
        self.commits = 0
        self._written_ns = clock.mono_ns()

    async def append(self, body: AnyBody, at: Stamp | None = None, work: Work | None = None) -> Record:
        """Commit `body`, with the statements that belong to it, and return it with its identity.

        Raise `StoreError` if it was refused, `StoreDelayedError` if it waits for the disk.
        """
        if error := why_invalid(body):
            _log.error("a record that breaks the contract was not kept: %s", error)
            with suppress(StoreDelayedError):  # it stands in line
                await self.append(Loss(what="records", reason=f"broke the contract: {error}"[:500], count=1))
            raise RecordInvalidError(f"a record that breaks the contract was not kept: {error}")
        record = await self._written(Waiting(body, at or self._clock.now(), work, rank_of(body), self._clock.mono_ns()))
        if record is None:
            raise StoreError("the store lost count of its records")
        return record

    async def execute(self, work: Work, after: Callable[[], None] | None = None) -> None:
        """Run statements in the next commit, then `after`. Raise `StoreError` if they were refused or must wait."""
        await self._written(Waiting(None, self._clock.now(), work, KEPT, self._clock.mono_ns(), after))

    async def run(self) -> None:
        """Commit what waits, until `close`. A damaged database escapes as `StoreDamagedError`."""
        reason = "the store is closed"
        try:
            while await self._something_waits():
                await self._write_some()
        except BaseException as error:
            reason = f"the store has stopped: {error}"
            raise
        finally:
            self._closing = True
            self.line.refuse_all(reason)

    def close(self) -> None:
        """Let `run` write what waits, if the disk takes it, and return."""
        self._closing = True
        self._wake.set()

    async def _written(self, waiting: Waiting) -> Record | None:
        if self._closing:
            raise StoreError("the store is closed")
        self.line.admit(waiting, failing=bool(self._failing))
        self._wake.set()
        return await waiting.done

    async def _something_waits(self) -> bool:
        while not self.line and not self._closing:
            self._wake.clear()
            await self._wake.wait()
        wait_s = self._linger_ms() / 1000 - (self._clock.mono_ns() - self._written_ns) / 1e9
        if wait_s > 0 and len(self.line) < self._limits.batch_records and not self._closing:
            await self._clock.sleep(wait_s)
        return len(self.line) > 0

    async def _write_some(self) -> None:
        batch = self.line.take(self._limits.batch_records)
        rows = self._rows_of(batch)
        try:
            await self._commit(batch, rows)
        except sqlite3.OperationalError as error:
            self.line.put_back()
            if database.is_damage(error):
                self._damaged(error)
                raise
            await self._failed(error)
        except (sqlite3.DatabaseError, InvalidMessageError) as error:
            self.line.put_back()
            self._damaged(error)
            raise
        else:
            self._succeeded(batch, rows)

    def _rows_of(self, batch: list[Waiting]) -> list[NewRow]:
        bodies = [(waiting.body, waiting.at) for waiting in batch if waiting.body]
        if self.line.given_up:
            reason = "the disk took no records and no more could wait in memory"
            bodies.insert(0, (Loss(what="records", reason=reason, count=self.line.given_up), self._clock.now()))
        current = self._boots.current
        return [
            make_row(row, boot=current.boot, seq=row - current.first_row + 1, at=at, body=body)
            for row, (body, at) in enumerate(bodies, start=self.next_row)
        ]

    async def _commit(self, batch: list[Waiting], rows: list[NewRow]) -> None:
        await self._connection.execute("BEGIN IMMEDIATE")
        try:
            if rows:
                await self._insert(rows)
            for waiting in batch:
                if waiting.work:
                    await waiting.work(self._connection)
            await self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                await self._connection.execute("ROLLBACK")
            raise

    async def _insert(self, rows: list[NewRow]) -> None:
        current, bodies = self._boots.current, [new.record.body for new in rows]
        if not self._boot_written:
            begun = (current.number, current.boot, current.first_row, self._clock.now().wall_ms, current.host_boot)
            sql = "INSERT INTO boots (number, boot, first_row, started_ms, host_boot) VALUES (?, ?, ?, ?, ?)"
            await self._connection.execute(sql, begun)
        await self._connection.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)",
            [
                (new.row, current.number, kind_of(body), subject_of(body), new.t_ms, new.payload)
                for new, body in zip(rows, bodies, strict=True)
            ],
        )
        await self._connection.executemany(
            "INSERT INTO outbox VALUES (?, ?, ?)",
            [(new.row, leaf_of(body), rank_of(body)) for new, body in zip(rows, bodies, strict=True)],
        )

    def _succeeded(self, batch: list[Waiting], rows: list[NewRow]) -> None:
        self.line.written()
        self._failing = ""
        self._backoff.reset()
        self._health.set(PART, State.OK)
        self.commits += 1
        self._written_ns = self._clock.mono_ns()
        if rows:
            self.wrote(sum(len(new.payload) for new in rows))
            self._boot_written = True
            self.next_row = rows[-1].row + 1
        told = rows[: len(rows) - sum(waiting.body is not None for waiting in batch)]
        self.line.given_up -= sum(new.record.body.count for new in told if isinstance(new.record.body, Loss))
        records = iter(rows[len(told) :])
        for waiting in batch:
            waiting.succeed(next(records).record if waiting.body else None)
        if rows:
            self._on_commit([(new.row, new.record) for new in rows])

    async def _failed(self, error: sqlite3.OperationalError) -> None:
        if database.is_full(error) and await self._make_room():
            return
        self._failing = f"cannot write {self._path.name}: {error}"
        self._health.set(PART, State.DEGRADED, f"{self._failing}; new records wait in memory")
        if self._closing:
            self.line.refuse_all(self._failing)
        else:
            await self._clock.sleep(min(self._backoff.next(), self._limits.wait_s))
            self.line.delay(self._clock.mono_ns() - int(self._limits.wait_s * 1e9), self._failing)

    async def _make_room(self) -> bool:
        """Whether it is worth to try again at once: room was given up, or the journal was emptied into the file.

        From now on that is done early, so that the journal does not take the room that alarms need.
        """
        given = await asyncio.to_thread(self.on_full)
        try:
            await self._connection.execute(f"PRAGMA wal_autocheckpoint = {_EARLY_PAGES}")
            done = await database.one(self._connection, "PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.OperationalError:
            return given
        emptied = bool(done and done[2] > 0) and self.commits != self._emptied_after
        self._emptied_after = self.commits
        return given or emptied

    def _damaged(self, error: sqlite3.DatabaseError | InvalidMessageError) -> None:
        if not isinstance(error, sqlite3.DatabaseError) or database.is_damage(error):
            with suppress(OSError):  # the disk is full: it shows again
                database.suspect_mark(self._path).touch()
        self._health.set(PART, State.FAILED, f"{self._path.name}: {error}; a restart repairs it")


def _nothing_to_give() -> bool:
    return False
