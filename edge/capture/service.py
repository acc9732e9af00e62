"""Keeps one camera running: started and stopped by people, re-opened by itself, watched for silence."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from edge.capture.camera import Camera
from edge.core.clock import Clock
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.service import Pulse


@dataclass(frozen=True, slots=True)
class CaptureStats:
    """How a camera is doing now.

    `fps` is measured over the last five seconds, `last_frame_age_s` is None before the first picture, `reconnects`
    counts the times the source came back, `dropped` the pictures that a busy event loop never saw.
    """

    fps: float
    frames: int
    dropped: int
    reconnects: int
    last_frame_age_s: float | None
    width: int
    height: int
    description: str


class CaptureService:
    """A `Service` around one camera. Its methods belong to the event loop; pictures are read in a thread of its own.

    `open_camera` makes a fresh, unopened camera each time (in the reading thread); `deliver` gets every frame in order
    within the event loop and must not block. Health part: `camera.<id>`.
    """

    def __init__(
        self,
        camera_id: str,
        *,
        open_camera: Callable[[], Camera],
        deliver: Callable[[Frame], None],
        health: Health,
        clock: Clock,
        rng: random.Random,
        autostart: bool = True,
        stall_s: float = 3.0,
    ) -> None:
        self.name = f"camera.{camera_id}"
        self.pulse = Pulse(clock)

    @property
    def running(self) -> bool:
        """Whether pictures are arriving now."""
        raise NotImplementedError

    @property
    def wanted(self) -> bool:
        """Whether it was started and not stopped since: it may be trying to reach its source."""
        raise NotImplementedError

    @property
    def stats(self) -> CaptureStats:
        """How it is doing now."""
        raise NotImplementedError

    async def start(self, timeout_s: float) -> None:
        """Want pictures; return when the first has arrived.

        Raise `SourceUnavailableError` with the reason when the source refuses or `timeout_s` passes. The camera stays
        wanted then, and comes by itself when it can; `stop` ends that.
        """
        raise NotImplementedError

    async def stop(self) -> None:
        """Release the camera and return when it is released. No frame is delivered afterwards."""
        raise NotImplementedError

    async def run(self) -> None:
        """Work until cancelled."""
        raise NotImplementedError
