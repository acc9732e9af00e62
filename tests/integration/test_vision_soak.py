"""A soak: capture and analysis on a real HTTP camera that fails in every way, one after the other, in random order.

Time runs eight times as fast as it does. `AFFERENT_SOAK_S=3600` goes on for an hour of the test's own time, which is
eight of the camera's; `AFFERENT_SOAK_SEED` picks another order.
"""

import asyncio
import contextlib
import logging
import os
import random
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from edge.capture.mjpeg import MjpegCamera
from edge.capture.service import CaptureService
from edge.capture.settings import MjpegSettings
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.slot import Slot
from edge.models.store import ModelStore
from edge.vision.service import VisionService
from edge.vision.settings import VisionSettings
from edge.vision.telling import VisionOutlets
from tests.support.fast_clock import FastClock
from tests.support.record_sink import MemorySink
from tests.support.rendered_trouble import TroubledSource, black, street, torn, undecodable

RATE: Final = 8.0
FPS: Final = 12.5
"""Pictures a second by the camera's clock."""
SOAK_S: Final = float(os.environ.get("AFFERENT_SOAK_S", "0"))
SEED: Final = int(os.environ.get("AFFERENT_SOAK_SEED", "1"))
_GROWTH_MB: Final = 64.0
_THREADS_TO_SPARE: Final = 4
_WITHIN_S: Final = 60.0
"""The longest that a fault may go unnoticed, or its end, by the host's clock: the machine may be busy."""
CAMERA, VISION, PICTURE = "camera.front", "vision.front", "picture.front"


class Soak:
    """A camera, its capture and its analysis, and what they said."""

    def __init__(self, folder: Path) -> None:
        self.clock = FastClock(RATE)
        self.health = Health(self.clock)
        self.sink = MemorySink(self.clock)
        self.source = TroubledSource(fps=FPS * RATE)
        self.street, self.wide = street(FPS), street(FPS, (640, 360))
        self.black = black()
        self.source.pictures = self.street
        slot: Slot[Frame] = Slot()
        self.capture = CaptureService(
            "front",
            open_camera=lambda: MjpegCamera(MjpegSettings(url=self.source.url)),
            deliver=slot.put,
            health=self.health,
            clock=self.clock,
            rng=random.Random(SEED),
        )
        self.vision = VisionService(
            "front",
            slot=slot,
            models=ModelStore(),
            settings=VisionSettings(every_nth=1),
            outlets=VisionOutlets(sink=self.sink, hub=Hub(), health=self.health),
            clock=self.clock,
            rng=np.random.default_rng(SEED),
            state_dir=folder,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Within it everything works; an end of a service by itself fails the test."""
        self.source.start()
        tasks = [asyncio.create_task(service.run()) for service in (self.capture, self.vision)]
        try:
            yield
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(self.source.kill)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends

    def says(self, part: str, *states: State, words: str = "") -> bool:
        """Whether a part of the health is in one of these states and names these words."""
        now = self.health.part(part)
        return now is not None and now.state in states and words in now.detail

    @property
    def well(self) -> bool:
        """Whether all is as it should be; that a busy machine falls behind is none of the camera's faults."""
        slow = self.says(VISION, State.DEGRADED, words="falls behind")
        return (
            self.says(CAMERA, State.OK)
            and self.says(PICTURE, State.OK, words="ok")
            and (slow or self.says(VISION, State.OK))
        )

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for what must come."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                while not holds():  # noqa: ASYNC110 (a test may look)
                    await asyncio.sleep(0.01)
        except TimeoutError:
            said = [f"{part.part} {part.state}: {part.detail}" for part in self.health.parts()]
            pytest.fail(f"not within {_WITHIN_S} s: {what}; health says {said}")

    async def resumed(self, after: str) -> None:
        """Wait until all is well and frames are analysed again; both services must be alive."""
        await self.until(lambda: self.well, f"all is well after {after}")
        goal = self.vision.stats.frames_analysed + 25
        await self.until(lambda: self.vision.stats.frames_analysed >= goal, f"analysis goes on after {after}")
        assert self.capture.pulse.alive
        assert self.vision.pulse.alive


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong: how it begins, how it ends, and what the health must say of it (None: nothing)."""

    name: str
    begin: Callable[[Soak], object]
    end: Callable[[Soak], object]
    noticed: Callable[[Soak], bool] | None = None


def _send(pick: Callable[[Soak], tuple[bytes, ...]]) -> Callable[[Soak], object]:
    return lambda soak: setattr(soak.source, "pictures", pick(soak))


def _at_fps(fps: float) -> Callable[[Soak], object]:
    return lambda soak: setattr(soak.source, "fps", fps)


def _part(part: str, *states: State, words: str = "") -> Callable[[Soak], bool]:
    return lambda soak: soak.says(part, *states, words=words)


_STREET: Final = _send(lambda soak: soak.street)
_LOST: Final = (State.DEGRADED, State.FAILED)
FAULTS: Final = (
    Fault("a cut", lambda soak: soak.source.kill(), lambda soak: soak.source.start(), _part(CAMERA, *_LOST)),
    Fault(
        "a stall",
        lambda soak: soak.source.silent.set(),
        lambda soak: soak.source.silent.clear(),
        _part(CAMERA, *_LOST, words="no picture"),
    ),
    Fault(
        "pictures that cannot be decoded",
        _send(lambda soak: undecodable(soak.street[:40])),
        _STREET,
        _part(VISION, State.DEGRADED, words="could not be decoded"),
    ),
    Fault("torn pictures", _send(lambda soak: torn(soak.street[:40])), _STREET, _part(CAMERA, *_LOST)),
    Fault("another size", _send(lambda soak: soak.wide), _STREET),
    Fault(
        "a frozen picture",
        _send(lambda soak: soak.street[:1]),
        _STREET,
        _part(PICTURE, State.DEGRADED, words="frozen"),
    ),
    Fault("black pictures", _send(lambda soak: soak.black), _STREET, _part(PICTURE, State.DEGRADED, words="black")),
    Fault("a burst", _at_fps(2000.0), _at_fps(FPS * RATE)),
)


@pytest.fixture
def unlogged() -> Iterator[None]:
    """Log nothing: pytest keeps every error that is logged with all that it holds, as nobody else does."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(SOAK_S + 240)
@pytest.mark.usefixtures("unlogged")
async def test_whatever_a_camera_does_is_told_and_survived(tmp_path: Path) -> None:
    """S1.17, S1.35: the process lives, analysis resumes, health tells the truth, nothing grows, every event closes."""
    rng = random.Random(SEED)
    soak = Soak(tmp_path)
    ends = asyncio.get_running_loop().time() + SOAK_S
    async with soak.running():
        await soak.resumed("the start")
        rss_mb, threads = _rss_mb(), threading.active_count()
        while True:
            for fault in rng.sample(FAULTS, len(FAULTS)):
                await _suffer(soak, fault)
                assert threading.active_count() <= threads + _THREADS_TO_SPARE, f"threads after {fault.name}"
            if asyncio.get_running_loop().time() >= ends:
                break
        grown_mb = _rss_mb() - rss_mb
        stats = soak.vision.stats
    sys.stdout.write(
        f"soak: {stats.frames_analysed} frames analysed, {stats.frames_undecodable} undecodable, "
        f"{soak.capture.stats.reconnects} reconnects, {stats.events_opened} events, {grown_mb:+.1f} MB\n"
    )
    assert grown_mb < _GROWTH_MB
    assert stats.records_dropped == stats.model_failures == 0
    phases = [(event.event_id, event.phase) for event in soak.sink.events]
    opened, closed = ({one for one, at in phases if at == phase} for phase in ("open", "close"))
    assert opened == closed
    assert opened, "people passed all the time"


async def _suffer(soak: Soak, fault: Fault) -> None:
    """One fault, until it is noticed or for ten seconds of the camera's time, and the recovery from it."""
    await asyncio.to_thread(fault.begin, soak)
    if fault.noticed:
        noticed = fault.noticed
        await soak.until(lambda: noticed(soak), f"{fault.name} is told")
    else:
        await soak.clock.sleep(10)
    await asyncio.to_thread(fault.end, soak)
    await soak.resumed(fault.name)


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
