"""What happens now, for everyone who watches: a bounded ring per watcher, oldest dropped and counted."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from contract.messages import Record

QUEUE_LIMIT: Final = 256


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """Something to show now. `id` is set on durable records only: a reader can ask for what came after it.

    `data` is a plain JSON-ready value or a `contract.messages.Record`; `topic` is one of
    `record`, `vision`, `samples`, `health`, `telemetry`, `sync`, `camera`.
    """

    topic: str
    data: Any
    id: int | None = None


class Hub:
    """Fans live messages out within one event loop. Publishing never waits."""

    def __init__(self) -> None:
        self._watchers: set[_Watcher] = set()
        self._latest: dict[str, LiveMessage] = {}
        self.dropped = 0

    @property
    def watchers(self) -> int:
        """How many are watching."""
        return len(self._watchers)

    def publish(self, topic: str, data: Any, *, key: str = "", id: int | None = None) -> None:
        """Hand `data` to every watcher; with `key`, keep it as the newest of its kind for those who come later."""
        message = LiveMessage(topic, data, id)
        if key:
            self._latest[f"{topic}/{key}"] = message
        for watcher in self._watchers:
            self.dropped += watcher.offer(message)

    def forget(self, topic: str, key: str) -> None:
        """Keep the newest message of that kind no longer: what it tells of is over."""
        self._latest.pop(f"{topic}/{key}", None)

    def publish_record(self, row: int, record: Record) -> None:
        """Hand on a record that was just committed; `row` is its place in the local history."""
        self.publish("record", record, id=row)

    def latest(self) -> list[LiveMessage]:
        """The newest message of each kept kind."""
        return list(self._latest.values())

    async def watch(self) -> AsyncIterator[LiveMessage]:
        """Every message from now on; a watcher that falls behind loses the oldest."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            while True:
                yield await watcher.take()
        finally:
            self._watchers.discard(watcher)


class _Watcher:
    def __init__(self) -> None:
        self._queue: deque[LiveMessage] = deque()
        self._ready = asyncio.Event()

    def offer(self, message: LiveMessage) -> int:
        self._queue.append(message)
        self._ready.set()
        if len(self._queue) <= QUEUE_LIMIT:
            return 0
        self._queue.popleft()
        return 1

    async def take(self) -> LiveMessage:
        while not self._queue:
            self._ready.clear()
            await self._ready.wait()
        return self._queue.popleft()
