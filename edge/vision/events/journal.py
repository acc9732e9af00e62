"""Carries events to the store without making the analysis wait for a disk."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

from contract.messages import Event, Record
from edge.core.backoff import Backoff
from edge.core.clock import Clock, Stamp
from edge.core.errors import RecordInvalidError, StoreDelayedError, StoreError
from edge.core.records import RecordSink

LIMIT: Final = 256
_FAREWELL_S: Final = 2.0


class EventJournal:
    """A bounded line in front of the sink, in order. While the store refuses, it is tried again.

    When the line is full, an `update` gives way before an `open` or a `close`; what gave way is counted in `dropped`.
    """

    def __init__(self, sink: RecordSink, clock: Clock, backoff: Backoff) -> None:
        self._sink = sink
        self._clock = clock
        self._backoff = backoff
        self._line: deque[tuple[Event, Stamp]] = deque()
        self._ready = asyncio.Event()
        self._under_way: asyncio.Future[Record] | None = None
        self.dropped = 0

    def put(self, event: Event, at: Stamp) -> None:
        """Take one record, true at `at`. Never waits."""
        if len(self._line) >= LIMIT:
            self._make_room()
        self._line.append((event, at))
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
            if self._under_way:
                self._under_way.add_done_callback(_forget)

    async def _write(self) -> None:
        """Append all in line. An append that is under way when this is cancelled is waited for by the next call."""
        while self._line:
            task = self._under_way or asyncio.ensure_future(self._sink.append(*self._line[0]))
            self._under_way = task
            try:
                with suppress(StoreDelayedError, RecordInvalidError):  # once more would double it, or be as wrong
                    await asyncio.shield(task)
            finally:
                if task.done():
                    self._under_way = None
            self._line.popleft()
        self._ready.clear()

    def _make_room(self) -> None:
        """Not the first in line: it may be on its way."""
        line = list(self._line)
        spare = next((at for at in range(1, len(line)) if line[at][0].phase == "update"), 1)
        del self._line[spare]
        self.dropped += 1


def _forget(append: "asyncio.Future[Record]") -> None:
    """It is counted already: whatever becomes of it, nobody asks any more."""
    if not append.cancelled():
        append.exception()
