"""A recording service with everything around it, on a real disk and with the real clock."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edge.core.clock import SystemClock
from edge.core.frame import Frame
from edge.core.growth import Growth
from edge.core.health import Health, State
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.service import RecordingService
from edge.recording.settings import RecordingSettings
from edge.recording.spool import Spool
from tests.support.sinks import MemorySink


@dataclass
class RecordingRig:
    """What the service tells is kept: `growths`, `over` and `closed`."""

    folder: Path
    settings: RecordingSettings
    spool: Spool = None  # type: ignore[assignment] # one in `folder`
    sink: MemorySink = field(default_factory=MemorySink)
    closed: list[ClosedRecording] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    over: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.health = Health(self.clock)
        self.spool = self.spool or Spool(self.folder)
        self.service = RecordingService(
            "front",
            settings=self.settings,
            spool=self.spool,
            teller=RecordingTeller("gate-1", self.sink, self.sink.known, self.closed_one),
            has_room=lambda: True,
            clock=self.clock,
            health=self.health,
            on_growth=self.growths.append,
            on_growth_over=self.over.append,
        )

    async def closed_one(self, recording: ClosedRecording) -> None:
        """A recording is whole and told."""
        self.closed.append(recording)

    def offer(self, given: Iterable[Frame]) -> None:
        """Give frames as fast as can be."""
        for frame in given:
            self.service.offer(frame)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true, for twenty seconds at most."""
        async with asyncio.timeout(40):
            while not true():  # noqa: ASYNC110 - what is waited for lies in another thread
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """For the time that it records."""
        task = asyncio.create_task(self.service.run())
        try:
            await self.until(lambda: self.health.of("recording.front") is State.OK)
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
