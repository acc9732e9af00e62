"""A camera service with its event loop's side: what it delivered, how it is, and waiting for what must come."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable

from edge.capture.camera import Camera
from edge.capture.service import CaptureService
from edge.core.clock import SystemClock
from edge.core.frame import Frame
from edge.core.health import Health, PartHealth


class CaptureStage:
    """A real service around the cameras that `make` makes; keeps the last frames and every change of health."""

    def __init__(self, make: Callable[[], Camera], *, stall_s: float = 3.0) -> None:
        self.count = 0
        self.last: Frame | None = None
        self.changes: list[PartHealth] = []
        self.service = CaptureService(
            "front",
            open_camera=make,
            deliver=self._deliver,
            health=Health(SystemClock(), self.changes.append),
            clock=SystemClock(),
            rng=random.Random(1),
            autostart=False,
            stall_s=stall_s,
        )

    def _deliver(self, frame: Frame) -> None:
        self.count, self.last = self.count + 1, frame

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Within it, the service works."""
        task = asyncio.create_task(self.service.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def frames(self, more: int, *, within_s: float = 30) -> None:
        """Wait for so many more frames."""
        goal = self.count + more
        async with asyncio.timeout(within_s):
            while self.count < goal:  # noqa: ASYNC110 - a test may look
                await asyncio.sleep(0.01)

    async def until(self, condition: Callable[[], bool], *, within_s: float = 30) -> None:
        """Wait for something that must come."""
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - a test may look
                await asyncio.sleep(0.01)
