"""A camera is started, stopped, watched and re-opened; every frame reaches the loop in order, or is counted."""

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections.abc import AsyncIterator, Callable

import pytest

from edge.capture.camera import Camera, Picture
from edge.capture.service import CaptureService
from edge.core.clock import SystemClock
from edge.core.errors import SourceEndedError, SourceUnavailableError
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.secrets import SecretMissingError
from tests.support.still_camera import StillCamera

_PICTURE = Picture(b"\xff\xd8\xff\xd9", 64, 48)


class Stage:
    """A service with cameras that the test hands out, and what it delivered."""

    def __init__(self, *, autostart: bool = False, stall_s: float = 3.0) -> None:
        self.cameras: list[StillCamera] = []
        self.refuse: Exception | None = None
        self.frames: list[Frame] = []
        self.order = 0
        self.task: asyncio.Task[None] | None = None
        self.deliver: Callable[[Frame], None] = self.frames.append
        self.make: Callable[[], Camera] = self._camera
        self.health = Health(SystemClock())
        self.service = CaptureService(
            "front",
            open_camera=lambda: self.make(),  # noqa: PLW0108 - it may be replaced
            deliver=self._deliver,
            health=self.health,
            clock=SystemClock(),
            rng=random.Random(1),
            autostart=autostart,
            stall_s=stall_s,
            may_leave=lambda picture: picture.order == self.order,
        )

    def _deliver(self, frame: Frame) -> None:
        self.deliver(frame)

    def _camera(self) -> Camera:
        camera = StillCamera(fails_to_open=self.refuse)
        if self.refuse is None:
            camera.give(_PICTURE)
        self.cameras.append(camera)
        return camera

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Within it, the service works."""
        task = self.task = asyncio.create_task(self.service.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            assert not [t for t in threading.enumerate() if t.name.startswith("camera.")]
            assert all(camera.closed for camera in self.cameras)
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that must come."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - many kinds of things are waited for
                await asyncio.sleep(0.005)

    @property
    def state(self) -> State:
        """Health of the camera."""
        return self.health.of("camera.front")


async def test_start_returns_with_the_first_picture_and_stop_releases() -> None:
    """S1.2, S1.10"""
    stage = Stage()
    async with stage.running():
        await stage.until(lambda: stage.state is State.STOPPED)
        assert not stage.service.running
        await stage.service.start(5)
        assert stage.service.running
        assert stage.state is State.OK
        assert len(stage.frames) == 1
        await stage.service.start(0)
        await stage.service.stop()
        assert not stage.service.running
        assert not stage.service.wanted
        assert stage.state is State.STOPPED
        assert len(stage.cameras) == 1
        assert stage.cameras[0].closed


async def test_a_picture_that_was_painted_by_an_older_order_of_privacy_is_not_delivered() -> None:
    """It waited between thread and loop while the plan changed."""
    stage = Stage()
    async with stage.running():
        await stage.service.start(5)
        stage.order = 1
        stage.cameras[0].give(_PICTURE, _PICTURE, Picture(b"\xff\xd8\xff\xd9", 32, 24, order=1))
        await stage.until(lambda: len(stage.frames) == 2)
        assert [frame.width for frame in stage.frames] == [64, 32]


async def test_a_camera_that_starts_by_itself_needs_nobody() -> None:
    stage = Stage(autostart=True)
    async with stage.running():
        await stage.until(lambda: stage.service.running)


async def test_start_tells_why_there_is_no_camera_and_goes_on_trying() -> None:
    """S1.3, S1.35"""
    stage = Stage()
    stage.refuse = SourceUnavailableError("/dev/video0: busy")
    async with stage.running():
        with pytest.raises(SourceUnavailableError, match="/dev/video0: busy"):
            await stage.service.start(5)
        assert stage.state is State.FAILED
        assert stage.service.wanted
        stage.refuse = None
        await stage.until(lambda: stage.service.running and stage.state is State.OK)


async def test_start_again_does_not_wait_for_the_next_attempt() -> None:
    stage = Stage()
    stage.refuse = SourceUnavailableError("away")
    async with stage.running():
        for attempt in range(1, 6):
            with pytest.raises(SourceUnavailableError, match="away"):
                await stage.service.start(5)
            assert len(stage.cameras) >= attempt


async def test_start_gives_up_waiting_in_time() -> None:
    stage = Stage()
    opening = threading.Event()

    class Slow(StillCamera):
        def open(self) -> None:
            opening.wait(10)

    stage.make = Slow
    async with stage.running():
        with pytest.raises(SourceUnavailableError, match=r"no picture within 0\.05 s"):
            await stage.service.start(0.05)
        opening.set()


async def test_stop_while_starting_answers_the_one_who_started() -> None:
    stage = Stage()
    stage.make = StillCamera
    async with stage.running():
        starting = asyncio.create_task(stage.service.start(10))
        await asyncio.sleep(0.05)
        await stage.service.stop()
        with pytest.raises(SourceUnavailableError, match="stopped"):
            await starting


async def test_a_missing_secret_is_a_reason_not_an_end() -> None:
    stage = Stage()

    def refuse() -> Camera:
        raise SecretMissingError("secret 'cam' not found: put it into /etc/x")

    stage.make = refuse
    async with stage.running():
        with pytest.raises(SourceUnavailableError, match="secret 'cam' not found"):
            await stage.service.start(5)


async def test_frames_are_numbered_in_order_over_all_connections() -> None:
    stage = Stage()
    async with stage.running():
        await stage.service.start(5)
        for _ in range(2):
            stage.cameras[-1].give(_PICTURE)
        await stage.until(lambda: len(stage.frames) == 3)
        stage.cameras[-1].give(SourceUnavailableError("unplugged"))
        await stage.until(lambda: len(stage.frames) == 4)
        assert [frame.seq for frame in stage.frames] == [1, 2, 3, 4]
        assert all(a.mono_ns < b.mono_ns for a, b in zip(stage.frames, stage.frames[1:], strict=False))
        assert {frame.camera for frame in stage.frames} == {"front"}


async def test_a_lost_camera_comes_back_with_one_log_line_a_change(caplog: pytest.LogCaptureFixture) -> None:
    """S1.35"""
    stage = Stage()
    with caplog.at_level(logging.INFO):
        async with stage.running():
            await stage.service.start(5)
            stage.refuse = SourceUnavailableError("unplugged")
            stage.cameras[-1].give(SourceUnavailableError("unplugged"))
            await stage.until(lambda: len(stage.cameras) >= 3)
            assert stage.state is State.FAILED
            stage.refuse = None
            await stage.until(lambda: stage.service.running)
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("camera.front")]
    assert [line.split(":")[0] for line in said] == [
        "camera.front is starting",
        "camera.front is ok",
        "camera.front is failed",
        "camera.front is ok",
        "camera.front is stopped",
    ]
    assert stage.service.stats.reconnects == 1


async def test_a_silent_camera_is_seen_and_opened_again() -> None:
    stage = Stage(stall_s=0.2)
    async with stage.running():
        await stage.service.start(5)
        states: list[State] = []
        stage.health.on_change = lambda part: states.append(part.state)
        await stage.until(lambda: len(stage.cameras) == 2 and stage.service.running)
        assert states[:2] == [State.DEGRADED, State.OK]
        assert stage.cameras[0].closed


async def test_a_recording_that_is_over_is_stopped() -> None:
    stage = Stage()
    async with stage.running():
        await stage.service.start(5)
        stage.cameras[0].give(SourceEndedError("played to its end"))
        await stage.until(lambda: stage.state is State.STOPPED)
        assert not stage.service.wanted
        await asyncio.sleep(0.05)
        assert len(stage.cameras) == 1


async def test_no_frame_queues_up_behind_a_busy_loop() -> None:
    stage = Stage()
    async with stage.running():
        await stage.service.start(5)
        stage.cameras[0].give(*(Picture(b"%d" % i, 64, 48) for i in range(50)))
        deadline = time.monotonic() + 10
        while stage.service.stats.dropped < 42 and time.monotonic() < deadline:
            time.sleep(0.01)  # noqa: ASYNC251 - the loop is busy on purpose
        await asyncio.sleep(0)
        await stage.until(lambda: len(stage.frames) == 9)
        assert [frame.jpeg for frame in stage.frames[1:]] == [b"%d" % i for i in range(42, 50)]
        assert stage.service.stats.dropped == 42


async def test_a_loop_that_is_a_little_late_misses_nothing() -> None:
    stage = Stage()
    async with stage.running():
        await stage.service.start(5)
        for burst in range(1, 21):
            stage.cameras[0].give(*[_PICTURE] * 8)
            time.sleep(0.002)  # noqa: ASYNC251 - the loop is busy on purpose
            await stage.until(lambda: len(stage.frames) == 1 + 8 * burst)  # noqa: B023
        assert stage.service.stats.dropped == 0


async def test_no_frame_after_stop() -> None:
    """S1.10"""
    stage = Stage()
    async with stage.running():
        await stage.service.start(5)
        stage.cameras[0].give(*[_PICTURE] * 200)
        await stage.service.stop()
        count = len(stage.frames)
        await asyncio.sleep(0.05)
        assert len(stage.frames) == count


@pytest.mark.parametrize("where", ["camera", "deliver"])
async def test_what_nobody_expected_ends_the_service(where: str) -> None:
    stage = Stage()

    def fail(frame: Frame) -> None:
        raise ZeroDivisionError(frame.seq)

    with pytest.raises(ZeroDivisionError):
        async with stage.running():
            await stage.service.start(5)
            if where == "deliver":
                stage.deliver = fail
                stage.cameras[0].give(_PICTURE)
            else:
                stage.cameras[0].give(ZeroDivisionError())
            await stage.until(lambda: stage.task is not None and stage.task.done())


async def test_the_figures_are_measured() -> None:
    stage = Stage()
    async with stage.running():
        assert stage.service.stats.last_frame_age_s is None
        await stage.service.start(5)
        for _ in range(20):
            stage.cameras[0].give(_PICTURE)
            await asyncio.sleep(0.01)
        await stage.until(lambda: len(stage.frames) + stage.service.stats.dropped == 21)
        stats = stage.service.stats
        assert (stats.frames + stats.dropped, stats.width, stats.height, stats.description) == (
            21,
            64,
            48,
            "still camera",
        )
        assert 5 < stats.fps < 200
        assert stats.last_frame_age_s is not None
        assert stats.last_frame_age_s < 5
        assert stage.service.pulse.alive
