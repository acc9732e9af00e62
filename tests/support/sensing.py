"""A sensing service on a real source, and what it delivered."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from edge.core.clock import SystemClock
from edge.core.health import Health, State
from edge.core.sample import Sample
from edge.sensing.sensor import Sensor
from edge.sensing.service import SensingService
from edge.sensing.settings import BaseSettings


class Sensed:
    """A service, not yet running."""

    def __init__(self, settings: BaseSettings, open_sensor: Callable[[], Sensor], *, stall_s: float = 5.0) -> None:
        clock = SystemClock()
        self.health = Health(clock)
        self.samples: list[Sample] = []
        self.service = SensingService(
            settings.id,
            open_sensor=open_sensor,
            deliver=self.samples.append,
            health=self.health,
            clock=clock,
            rng=random.Random(1),
            settings=settings,
            stall_s=stall_s,
        )

    @property
    def state(self) -> State:
        """Of its health part."""
        return self.health.of(self.service.name)

    async def until(self, true: Callable[[], bool], seconds: float = 30) -> None:
        """Wait for something that lies in another thread."""
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - what is waited for lies in another thread
                await asyncio.sleep(0.02)

    async def more(self, count: int = 5) -> list[Sample]:
        """The next samples."""
        before = len(self.samples)
        await self.until(lambda: len(self.samples) >= before + count)
        return self.samples[before:]


@asynccontextmanager
async def running(*sensed: Sensed) -> AsyncIterator[None]:
    """Let them run for as long as the block."""
    tasks = [asyncio.create_task(one.service.run()) for one in sensed]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
