"""Carries events to the store without making the analysis wait for a disk."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from contract.messages import Event, Record
from edge.core.backoff import Backoff
from edge.core.clock import Clock, Stamp
from edge.core.errors import RecordInvalidError, StoreDelayedError, StoreError
from edge.core.records import RecordSink
from edge.vision.findings import SEVERITIES

LIMIT: Final = 256
_TOGETHER: Final = 32
"""Records handed to the store at once, so that it can put them into one commit."""
_FAREWELL_S: Final = 2.0


@dataclass(slots=True, eq=False)
class _Waiting:
    event: Event
    at: Stamp
    append: "asyncio.Future[Record] | None" = None


class EventJournal:
    """A bounded line in front of the sink, in order for each event. While the store refuses, it is tried again.

    When the line is full, an `update` gives way first; then a whole event, the least grave one, so that no event is
    open for ever. What gave way is counted in `dropped`.
    """

    def __init__(self, sink: RecordSink, clock: Clock, backoff: Backoff) -> None:
        self._sink = sink
        self._clock = clock
        self._backoff = backoff
        self._line: list[_Waiting] = []
        self._ready = asyncio.Event()
        self._given_up: set[str] = set()
        self.dropped = 0

    def put(self, event: Event, at: Stamp) -> None:
        """Take one record, true at `at`. Never waits."""
        if len(self._line) >= LIMIT and event.event_id not in self._given_up:
            self._make_room()
        if event.event_id in self._given_up:
            self._pass_over(event)
            return
        self._line.append(_Waiting(event, at))
        self._ready.set()

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        while True:
            await self._ready.wait()
            try:
                await self._write()
            except StoreError:  # the store itself says so in its health
                await self._clock.sleep(self._backoff.next())
            else:
                self._backoff.reset()

    async def finish(self) -> None:
        """Write what is left if the store takes it at once; what it does not take is counted as dropped."""
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self._write()
        except (StoreError, TimeoutError):
            self.dropped += len(self._line)
            for waiting in self._line:
                if waiting.append:
                    waiting.append.add_done_callback(_forget)

    async def _write(self) -> None:
        """Append all in line. An append that is under way when this is cancelled is waited for by the next call."""
        while self._line:
            batch = list(self._next())
            for waiting in batch:
                waiting.append = waiting.append or asyncio.ensure_future(self._sink.append(waiting.event, waiting.at))
            await asyncio.wait([waiting.append for waiting in batch if waiting.append])
            self._settle(batch)
        self._ready.clear()

    def _next(self) -> Iterator[_Waiting]:
        """The first in line, each of another event: none is overtaken by a later one of its own event."""
        events: set[str] = set()
        for waiting in self._line[:_TOGETHER]:
            if waiting.event.event_id in events:
                return
            events.add(waiting.event.event_id)
            yield waiting

    def _settle(self, batch: list[_Waiting]) -> None:
        """Take out of the line what is with the store; raise what it raised if it refused any."""
        refused: StoreError | None = None
        for waiting in batch:
            append, waiting.append = waiting.append, None
            try:
                if append:
                    append.result()
            except (StoreDelayedError, RecordInvalidError):  # once more would double it, or be as wrong
                self._line.remove(waiting)
            except StoreError as error:
                refused = refused or error
            else:
                self._line.remove(waiting)
        if refused:
            raise refused

    def _make_room(self) -> None:
        """Not of those under way: they may be with the store already."""
        idle = [waiting for waiting in self._line if waiting.append is None]
        update = next((waiting for waiting in idle if waiting.event.phase == "update"), None)
        if update:
            self._drop([update])
            return
        gravity = self._gravity()
        opens = [waiting for waiting in idle if waiting.event.phase == "open"]
        victim = min(opens, key=lambda waiting: gravity[waiting.event.event_id], default=idle[0]).event
        self._given_up.add(victim.event_id)
        self._drop([waiting for waiting in idle if waiting.event.event_id == victim.event_id])

    def _gravity(self) -> dict[str, int]:
        """How grave each event in line is."""
        gravity: dict[str, int] = {}
        for waiting in self._line:
            event = waiting.event
            gravity[event.event_id] = max(gravity.get(event.event_id, 0), SEVERITIES.index(event.severity))
        return gravity

    def _drop(self, losers: list[_Waiting]) -> None:
        for loser in losers:
            self._line.remove(loser)
            self._pass_over(loser.event)

    def _pass_over(self, event: Event) -> None:
        self.dropped += 1
        if event.phase == "close":
            self._given_up.discard(event.event_id)


def _forget(append: "asyncio.Future[Record]") -> None:
    """It is counted already: whatever becomes of it, nobody asks any more."""
    if not append.cancelled():
        append.exception()
