"""A scene played to the product's own vision service, picture by picture, with time in our hand."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from contract.messages import Event
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.slot import Slot
from edge.models.store import ModelStore
from edge.vision.service import VisionService
from edge.vision.settings import VisionSettings
from edge.vision.telling import VisionOutlets
from tests.eval.scenes.truth import Glimpse, Opened, Scene
from tests.support.clock import FakeClock
from tests.support.record_sink import MemorySink
from tests.support.rendered_camera import FPS, SIZE, RenderedCamera

SETTINGS: Final[dict[str, Any]] = {"every_nth": 1, "max_fps": 30.0, "calm_fps": 30.0}
"""The pictures are those that an appliance would look at: 15 of the 30 a second that a camera gives."""
_PATIENCE_S: Final = 30.0
_GLANCE_S: Final = 0.0005


class _SceneClock(FakeClock):
    """Moves only with the pictures; who sleeps waits for others and time does not pass."""

    async def sleep(self, seconds: float) -> None:
        """Let others run."""
        del seconds
        await asyncio.sleep(0.002)


def play(scene: Scene, folder: Path) -> tuple[list[Opened], list[Glimpse]]:
    """What the product told of a scene: the events that it opened, and what it showed at every picture."""
    return asyncio.run(_play(scene, folder))


async def _play(scene: Scene, folder: Path) -> tuple[list[Opened], list[Glimpse]]:
    clock = _SceneClock()
    opened: list[Opened] = []
    shown: list[Glimpse] = []
    began_ns = clock.mono_ns()

    def note(event: Event) -> None:
        if event.phase != "open":
            return
        opened.append(Opened((clock.mono_ns() - began_ns) / 1e9, event.type, event.zone))

    slot: Slot[Frame] = Slot()
    service = _service(scene, folder, slot, clock, note)
    running = asyncio.create_task(service.run())
    camera = RenderedCamera(scene.movers, scene.weather, seed=scene.seed, noise=scene.noise)
    try:
        for seq, (at_s, picture) in enumerate(camera.pictures(scene.seconds), start=1):
            handled = _handled(service)
            slot.put(Frame("scene", seq, b"", *SIZE, clock.mono_ns(), picture))
            await _until_handled(service, handled, running)
            shown.append(_glimpse(at_s, service))
            clock.advance(1 / FPS)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    return opened, shown


def _service(scene: Scene, folder: Path, slot: Slot[Frame], clock: FakeClock, note: Any) -> VisionService:
    outlets = VisionOutlets(sink=MemorySink(clock), hub=Hub(), health=Health(clock), on_event=note)
    service = VisionService(
        "scene",
        slot=slot,
        models=ModelStore(),
        settings=VisionSettings(**(SETTINGS | scene.settings)),
        outlets=outlets,
        clock=clock,
        rng=np.random.default_rng(scene.seed),
        state_dir=folder / scene.name.replace(" ", "-"),
    )
    service.adopt(msgspec.structs.replace(scene.plan, timezone="UTC"))
    return service


def _handled(service: VisionService) -> int:
    stats = service.stats
    return stats.frames_analysed + stats.frames_undecodable


async def _until_handled(service: VisionService, before: int, running: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while _handled(service) == before:
            if running.done():
                running.result()
            await asyncio.sleep(_GLANCE_S)


def _glimpse(at_s: float, service: VisionService) -> Glimpse:
    state = service.state
    return Glimpse(
        at_s=at_s,
        condition=state.condition.kind,
        tracks=tuple(sorted(box.track for box in state.boxes if box.track is not None and box.label != "still")),
        occupancy={zone.id: zone.occupancy for zone in state.zones},
        counts={line.id: (line.forward, line.backward) for line in state.lines},
    )
