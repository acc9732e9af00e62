"""A vision service with everything around it in a test's hand: clock, slot, scene, sink, hub."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from contract.messages import Event
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.slot import Slot
from edge.models.store import BUNDLED, ModelStore
from edge.vision.service import VisionService
from edge.vision.settings import VisionSettings
from edge.vision.telling import VisionOutlets
from tests.support.clock import FakeClock
from tests.support.moving_scene import FRAME_NS, Mover, MovingScene
from tests.support.record_sink import MemorySink

EVERY = VisionSettings(every_nth=1, max_fps=120, calm_fps=120, anomaly=False)
LEARNED = 160
"""Frames after which the background is learned."""
WALKER = Mover(0, 60, 40, 100, vx=4)


class HandClock(FakeClock):
    """Moves only by hand: those who sleep wait a real moment, and time does not pass."""

    async def sleep(self, seconds: float) -> None:
        """Let others run."""
        self.slept.append(seconds)
        await asyncio.sleep(0.002)


@dataclass
class Rig:
    """A service with everything around it in the test's hand."""

    folder: Path
    settings: VisionSettings = EVERY
    turns: asyncio.Semaphore | None = None
    bundled: Path = BUNDLED
    clock: HandClock = field(default_factory=HandClock)
    hub: Hub = field(default_factory=Hub)
    slot: Slot[Frame] = field(default_factory=Slot)
    told: list[str] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)
    scene: MovingScene = field(default_factory=MovingScene)

    def __post_init__(self) -> None:
        self.sink = MemorySink(self.clock)
        self.health = Health(self.clock)
        outlets = VisionOutlets(
            sink=self.sink,
            hub=self.hub,
            health=self.health,
            on_event=self._note,
        )
        self.service = VisionService(
            "front",
            slot=self.slot,
            models=ModelStore(bundled=self.bundled),
            settings=self.settings,
            outlets=outlets,
            clock=self.clock,
            rng=np.random.default_rng(0),
            state_dir=self.folder,
            turns=self.turns,
        )

    def _note(self, event: Event) -> None:
        words = {"open": "opened", "close": "closed"}
        if event.phase in words:
            self.told.append(f"{words[event.phase]} {event.type}")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the service and collect what it shows."""
        tasks = [asyncio.create_task(self.service.run()), asyncio.create_task(self._collect())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def play(self, frames: int, *movers: Mover) -> None:
        """Give frames 15 a second and let each be analysed."""
        for _ in range(frames):
            await self.give(self.scene.frame(*movers, luma=True, mono_ns=self.clock.mono_ns()))

    async def give(self, frame: Frame) -> None:
        """Give one frame and wait until it is dealt with."""
        before = self.handled
        self.slot.put(frame)
        await until(lambda: self.handled > before)
        self.clock.advance(FRAME_NS / 1e9)

    @property
    def handled(self) -> int:
        """Frames analysed or found undecodable."""
        stats = self.service.stats
        return stats.frames_analysed + stats.frames_undecodable

    async def _collect(self) -> None:
        async for message in self.hub.watch():
            assert message.topic == "vision"
            self.shown.append(message.data)


async def until(holds: Callable[[], bool]) -> None:
    """Let others run until `holds`, for 20 seconds at most."""
    async with asyncio.timeout(40):
        while not holds():  # noqa: ASYNC110 (what is waited for belongs to the service and has no event)
            await asyncio.sleep(0.001)
