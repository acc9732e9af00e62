"""What waits to be written: in order, bounded, and with a rule for who gives way."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiosqlite

from contract.messages import AnyBody, Record
from edge.core.clock import Stamp
from edge.core.errors import StoreDelayedError, StoreError
from edge.outbox.rows import BULK

Work = Callable[[aiosqlite.Connection], Awaitable[None]]
"""Statements of one transaction. May run again after a failure, so it must not change anything but the database."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A record, statements, or both that belong in one commit; `done` gets the record, or None for statements alone.

    `after` is called once it is durable, even if whoever waited was told to wait no longer.
    """

    body: AnyBody | None
    at: Stamp
    work: Work | None
    rank: int
    since_ns: int
    after: Callable[[], None] | None = None
    done: "asyncio.Future[Record | None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def succeed(self, record: Record | None) -> None:
        """It is durable."""
        if self.after:
            self.after()
        if not self.done.done():
            self.done.set_result(record)

    def refuse(self, error: StoreError) -> None:
        """It is not. If nobody waits for it any more, nobody is told."""
        if not self.done.done():
            self.done.set_exception(error)


class WaitingLine:
    """First come, first written. Only while the disk fails does anybody give way.

    `given_up` counts the records that gave way and that no `Loss` has told of yet.
    """

    def __init__(self, limit: int) -> None:
        self._line: deque[Waiting] = deque()
        self._taken: list[Waiting] = []
        self._limit = limit
        self.given_up = 0
        self.given_up_total = 0

    def __len__(self) -> int:
        return len(self._line) + len(self._taken)

    def admit(self, newcomer: Waiting, *, failing: bool) -> None:
        """Put `newcomer` in line; while `failing`, the lowest rank gives way at the bound and bulk does not wait."""
        self._line.append(newcomer)
        if failing and newcomer.rank == BULK:
            self._give_up(newcomer, "the disk takes no records: bulk records do not wait for it")
        elif failing and len(self) > self._limit:
            lowest = min(waiting.rank for waiting in self._line)
            loser = next(waiting for waiting in reversed(self._line) if waiting.rank == lowest)
            self._give_up(loser, "the disk takes no records and no more can wait in memory")

    def take(self, at_most: int) -> list[Waiting]:
        """The first in line, for one commit; `written` or `put_back` must follow."""
        self._taken = [self._line.popleft() for _ in range(min(at_most, len(self._line)))]
        return self._taken

    def written(self) -> None:
        """What was taken is durable."""
        self._taken = []

    def put_back(self) -> None:
        """What was taken is at the head of the line again."""
        self._line.extendleft(reversed(self._taken))
        self._taken = []

    def refuse_all(self, reason: str) -> None:
        """Nothing more will be written."""
        self.put_back()
        while self._line:
            self._line.popleft().refuse(StoreError(reason))

    def delay(self, since_ns: int, reason: str) -> None:
        """Tell those who have waited since before `since_ns` to wait no longer; what they brought stays in line."""
        for waiting in self._line:
            if waiting.since_ns <= since_ns:
                waiting.refuse(StoreDelayedError(reason))

    def _give_up(self, loser: Waiting, reason: str) -> None:
        self._line.remove(loser)
        if loser.body:
            self.given_up += 1
            self.given_up_total += 1
        loser.refuse(StoreError(reason))
