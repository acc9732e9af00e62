"""The LAN side for a browser: real server, real pictures, and everything that happens under the test's hand.

It runs in a thread of its own with its own loop, so that a test can be plain code beside a synchronous browser.
"""

import asyncio
import dataclasses
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np

from contract.messages import AnyBody
from edge.core.clock import Clock, SystemClock
from edge.core.errors import SourceUnavailableError
from edge.core.hub import Hub
from edge.vision.overlay import paint
from edge.web.app import create_app
from edge.web.relay import Relays
from tests.support.ports import free_port
from tests.support.web import VISION, FakeCamera, MemoryHistory, MemoryPictures, Web, make_web, serving

_T = TypeVar("_T")
_TICK_S = 0.1
_WIDTH, _HEIGHT = 640, 480


def picture(shade: int = 90) -> bytes:
    """A plain grey JPEG of 640x480."""
    _, jpeg = cv2.imencode(".jpg", np.full((_HEIGHT, _WIDTH, 3), shade, np.uint8))
    return jpeg.tobytes()


def learned(**changes: Any) -> dict[str, Any]:
    """What a camera of 4 x 3 cells says of its learned normal."""
    answer = {
        "rows": 3,
        "columns": 4,
        "heat": [0.0] * 12,
        "usual": [0.0] * 12,
        "learning": {"complete": True, "progress": 1.0, "hours": [1.0] * 8 + [0.5] + [0.0] * 15},
        "threshold": 4.0,
        "threshold_raw": 4.0,
        "sensitivity": 1.0,
        "scores": [],
    }
    return answer | changes


class StagedCamera(FakeCamera):
    """A camera whose pictures a browser can show."""

    jpeg = picture()
    detail = ""

    def __init__(self, camera_id: str, clock: Clock) -> None:
        super().__init__(camera_id, clock)
        self.heat = learned()

    async def start(self) -> None:
        """Run and show a picture, unless broken."""
        if self.broken:
            raise SourceUnavailableError("no such device")
        self.running = True
        self.show(self.jpeg)

    def tick(self) -> None:
        """Show one more picture while it runs and is well."""
        if self.running and not self.broken:
            self.show(self.jpeg)

    def message(self) -> dict[str, Any]:
        """Its `camera` message."""
        stats = self.stats
        shown = {"state": stats.state, "fps": stats.fps, "width": stats.width, "height": stats.height}
        return {"camera": self.id, "detail": self.detail, "viewers": 1, "recording": self.recording, **shown}


class Stage:
    """What a test steers. All methods may be called from the test's thread."""

    def __init__(self, folder: Path, cameras: tuple[str, ...], **ports: Any) -> None:
        """`ports` are further ones of `WebDeps`, or change `WebSettings`."""
        self._folder = folder
        self._ports = ports
        self._clock = SystemClock()
        self._port = free_port()
        self._loop = asyncio.new_event_loop()
        self._serving: asyncio.Task[None] | None = None
        self._vision: dict[str, dict[str, Any]] = {}
        scheme = "https" if ports.get("https") == "own" else "http"
        self.url = f"{scheme}://127.0.0.1:{self._port}"
        self.password = ""
        self.hub = Hub()
        self.history = MemoryHistory()
        self.pictures = MemoryPictures()
        self.clips: dict[str, Path] = {}
        """The video of an event, by its id."""
        self.cameras = {name: StagedCamera(name, self._clock) for name in cameras}

    @property
    def now_ms(self) -> int:
        """Wall time now."""
        return self._clock.now().wall_ms

    def publish(self, topic: str, data: dict[str, Any], key: str = "") -> None:
        """Say something on the hub."""
        self._do(lambda: self.hub.publish(topic, data, key=key))

    def vision(self, camera: str = "front", **changes: Any) -> None:
        """What analysis says of a camera from now on, told anew all the time as the real one does."""
        self._vision[camera] = {**VISION, "camera": camera, **changes}

    def anomaly(self, severity: str, **changes: Any) -> None:
        """Analysis raises an alarm of this severity."""
        status = {
            "is_anomaly": True,
            "anomaly_type": "sudden_motion",
            "confidence": 0.87,
            "severity": severity,
            "reasoning": ["speed 9.1 px a frame is 3.4 sigma"],
            "baseline_deviation": 3.4,
        }
        self.vision(ai_status="ALERT", anomaly_status=status | changes)

    def samples(self, *rows: dict[str, Any], sensor: str = "wrist") -> None:
        """A body sensor says this."""
        self.publish("samples", {"sensor": sensor, "rows": list(rows)}, key=sensor)

    def record(self, body: AnyBody) -> None:
        """Something was made durable."""
        self._do(lambda: self.hub.publish_record(*self.history.add(body)))

    def start_camera(self, name: str = "front") -> None:
        """Have a camera run, as the daemon does at its start."""
        self._wait(self.cameras[name].start())

    def plug_in(self) -> None:
        """Begin to serve; returns once it listens."""
        self._wait(self._begin())

    def unplug(self) -> None:
        """Stop serving, as a reboot does."""
        self._wait(self._end())

    def run(self) -> None:
        """The thread's work."""
        asyncio.set_event_loop(self._loop)
        self._loop.create_task(self._tick_for_ever())
        self._loop.run_forever()

    def close(self) -> None:
        """End everything."""
        self.unplug()
        self._wait(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def dispose(self) -> None:
        """After the thread ended."""
        self._loop.close()

    async def _begin(self) -> None:
        ready = asyncio.Event()
        self._serving = asyncio.create_task(self._serve(ready))
        listening = asyncio.create_task(ready.wait())
        await asyncio.wait({self._serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if self._serving.done():
            self._serving.result()

    async def _serve(self, ready: asyncio.Event) -> None:
        async with serving(self._make(), port=self._port):
            ready.set()
            await asyncio.Event().wait()

    async def _end(self) -> None:
        if self._serving:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)

    def _make(self) -> Web:
        web = make_web(self._folder, start_wait_s=3.0, event_keepalive_s=2.0, **self._ports)
        self.password = web.password or self.password
        slots = {name: camera.slot for name, camera in self.cameras.items()}
        deps = dataclasses.replace(
            web.deps,
            cameras=self.cameras,
            relays=Relays(slots, clock=self._clock),
            history=self.history,
            hub=self.hub,
            event_pictures=self.pictures,
            clip_of=lambda event: self.clips.get(event.event_id),
            paint=paint,
            closing=asyncio.Event(),
        )
        return dataclasses.replace(
            web,
            deps=deps,
            app=create_app(deps),
            cameras=dict(self.cameras),
            history=self.history,
            password=self.password,
        )

    async def _tick_for_ever(self) -> None:
        while True:
            for camera in self.cameras.values():
                camera.tick()
                self.hub.publish("camera", camera.message(), key=camera.id)
            for name, message in self._vision.items():
                self.hub.publish("vision", message | {"t_ms": self.now_ms}, key=name)
            await asyncio.sleep(_TICK_S)

    def _do(self, work: Callable[[], None]) -> None:
        async def call() -> None:
            work()

        self._wait(call())

    def _wait(self, work: Awaitable[_T]) -> _T:
        async def call() -> _T:
            return await work

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(20)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def staged(
    folder: Path, *, cameras: tuple[str, ...] = ("front",), running: bool = True, **ports: Any
) -> Iterator[Stage]:
    """A stage that serves inside the block; its cameras run already unless told otherwise."""
    with performing(Stage(folder, cameras, **ports), start=cameras if running else ()) as stage:
        yield stage


AnyStage = TypeVar("AnyStage", bound=Stage)


@contextmanager
def performing(stage: AnyStage, *, start: tuple[str, ...] = ()) -> Iterator[AnyStage]:
    """That stage, serving inside the block with these of its cameras running."""
    thread = threading.Thread(target=stage.run, name="stage")
    thread.start()
    try:
        stage.plug_in()
        for name in start:
            stage.start_camera(name)
        yield stage
    finally:
        stage.close()
        thread.join(10)
        stage.dispose()
