"""Every change of health becomes a message for the page at once and a record for the cloud as soon as it is durable."""

import asyncio
from collections import deque
from typing import Any, Final

from contract.messages import HealthChange
from edge.core.clock import Clock
from edge.core.errors import RecordInvalidError, StoreDelayedError, StoreError
from edge.core.health import PartHealth
from edge.core.hub import Hub
from edge.core.records import RecordSink
from edge.core.service import Pulse

_LIMIT: Final = 256
_IDLE_S: Final = 5.0


def health_message(part: PartHealth) -> dict[str, Any]:
    """The hub's `health` message."""
    return {"part": part.part, "state": part.state.value, "detail": part.detail, "since_ms": part.since.wall_ms}


class HealthLedger:
    """A `Service` that records what `changed` tells it. At most 256 changes wait; older ones are only logged."""

    def __init__(self, *, sink: RecordSink, hub: Hub, clock: Clock) -> None:
        self.name = "health"
        self.pulse = Pulse(clock)
        self._sink = sink
        self._hub = hub
        self._waiting: deque[PartHealth] = deque(maxlen=_LIMIT)
        self._some = asyncio.Event()

    def changed(self, part: PartHealth) -> None:
        """Take a change; called within the event loop."""
        self._hub.publish("health", health_message(part), key=part.part)
        self._waiting.append(part)
        self._some.set()

    async def run(self) -> None:
        """Record until cancelled."""
        while True:
            self.pulse.beat()
            try:
                await asyncio.wait_for(self._some.wait(), _IDLE_S)
            except TimeoutError:
                continue
            self._some.clear()
            await self._drain()

    async def _drain(self) -> None:
        while self._waiting:
            self.pulse.beat()  # each may have to wait for a disk that takes nothing
            part = self._waiting.popleft()
            body = HealthChange(part=part.part, state=part.state.value, detail=part.detail[:500])
            try:
                await self._sink.append(body, part.since)
            except (StoreDelayedError, RecordInvalidError):
                continue  # it stands in line for the disk, or is never taken: to try again would tell of it twice
            except StoreError:
                self._waiting.appendleft(part)  # the store says so itself; the next change tries again
                return
