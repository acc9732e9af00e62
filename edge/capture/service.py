"""Keeps one camera running: started and stopped by people, re-opened by itself, watched for silence."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from edge.capture.camera import Camera, Picture
from edge.capture.reader import Reader
from edge.capture.stats import CaptureStats, Tally
from edge.capture.waiting import done_within
from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import EdgeError, SourceEndedError, SourceUnavailableError
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.service import Pulse

__all__ = ["CaptureService", "CaptureStats"]

_IDLE_BEAT_S: Final = 5.0
_LOOKS_PER_STALL: Final = 4
_FIRST_PICTURE_S: Final = 20.0
"""A camera that opened has this long for its first picture: a network camera may wait for its next key frame."""
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 1.5
"""Between attempts; short, so that pictures are back within two seconds of the source's return."""


class CaptureService:
    """A `Service` around one camera. Its methods belong to the event loop; pictures are read in a thread of its own.

    `open_camera` makes a fresh, unopened camera each time (in the reading thread, where it may raise any `EdgeError`);
    `deliver` gets every frame in order within the event loop and must not block. A picture that `may_leave` refuses
    there is passed over. A picture of a moment that is `unwanted` (asked in the reading thread) may come with the next
    one. Health part: `camera.<id>`.
    """

    def __init__(  # noqa: PLR0913 - the composition root's
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
        may_leave: Callable[[Picture], bool] = lambda _picture: True,
        unwanted: Callable[[int], bool] = lambda _mono_ns: False,
    ) -> None:
        self.name = f"camera.{camera_id}"
        self.pulse = Pulse(clock)
        self._camera_id = camera_id
        self._open_camera = open_camera
        self._deliver = deliver
        self._health = health
        self._clock = clock
        self._stall_s = stall_s
        self._may_leave = may_leave
        self._unwanted = unwanted
        self._backoff = Backoff(rng, first_s=_FIRST_WAIT_S, limit_s=_LONGEST_WAIT_S)
        self._tally = Tally(clock)
        self._wanted = autostart
        self._reader: Reader | None = None
        self._running = False
        self._was_lost = False
        self._bug: Exception | None = None
        self._starting: set[asyncio.Future[None]] = set()
        self._kick = asyncio.Event()
        self._released = asyncio.Event()
        self._released.set()

    @property
    def running(self) -> bool:
        """Whether the camera is open and pictures are arriving."""
        return self._running

    @property
    def wanted(self) -> bool:
        """Whether it was started and not stopped since: it may still be trying to reach its source."""
        return self._wanted

    @property
    def stats(self) -> CaptureStats:
        """How it is doing now."""
        return self._tally.stats(self._reader.dropped if self._reader else 0)

    async def start(self, timeout_s: float) -> None:
        """Want pictures; return when the first has arrived.

        Raise `SourceUnavailableError` with the reason when the source refuses or `timeout_s` passes. The camera stays
        wanted then, and comes by itself when it can; `stop` ends that.
        """
        self._wanted = True
        if self._running:
            return
        self._kick.set()
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._starting.add(first)
        try:
            if not await done_within(self._clock, timeout_s, first):
                raise SourceUnavailableError(f"no picture within {timeout_s:g} s")
            first.result()
        finally:
            self._starting.discard(first)

    async def stop(self) -> None:
        """Release the camera and return when it is released. No frame is delivered afterwards."""
        self._wanted = self._was_lost = False
        self._kick.set()
        self._answer_starting("the camera was stopped")
        await self._released.wait()
        self._health.set(self.name, State.STOPPED)

    async def run(self) -> None:
        """Keep the camera running while it is wanted, until cancelled."""
        try:
            while True:
                self.pulse.beat()
                await (self._connection() if self._wanted else self._rest())
        finally:
            self._answer_starting("the camera was stopped")
            self._health.set(self.name, State.STOPPED)

    async def _rest(self) -> None:
        self._health.set(self.name, State.STOPPED)
        await self._pause(_IDLE_BEAT_S)

    async def _connection(self) -> None:
        """Open the camera and read it until it is lost, silent or not wanted; then wait before the next attempt."""
        if self._health.of(self.name) is State.STOPPED:
            self._health.set(self.name, State.STARTING)
        self._released.clear()
        self._reader = reader = Reader(
            self.name,
            open_camera=self._open_camera,
            on_picture=self._take,
            on_end=self._kick.set,
            clock=self._clock,
            unwanted=self._unwanted,
        )
        try:
            silent = await self._watch(reader)
        finally:
            self._was_lost = self._wanted and (self._running or self._was_lost)
            self._running = False
            await self._release(reader)
        if error := self._bug or reader.error:
            self._judge(error)
        if self._wanted and not silent:
            await self._pause(self._backoff.next())

    async def _watch(self, reader: Reader) -> bool:
        """Return when it ended or is not wanted any more, or with True when it has been silent for too long."""
        opened_ns = self._clock.mono_ns()
        while self._wanted and not reader.ended and not self._bug:
            self.pulse.beat()
            await self._pause(min(self._stall_s / _LOOKS_PER_STALL, _IDLE_BEAT_S))
            since_ns, limit_s = (self._tally.last_ns, self._stall_s) if self._running else (opened_ns, _FIRST_PICTURE_S)
            if self._clock.mono_ns() - since_ns > limit_s * 1e9 and self._wanted and not reader.ended:
                reason = f"no picture for {limit_s:g} s; opening it again"
                self._health.set(self.name, State.DEGRADED, reason)
                self._answer_starting(reason)
                return True
        return False

    def _take(self, picture: Picture, mono_ns: int) -> None:
        """A picture arrived: called by the reader, in the loop."""
        if not self._may_leave(picture):
            return
        if not self._running and self._reader:
            self._running = True
            self._backoff.reset()
            self._tally.connected(self._reader.description, again=self._was_lost)
            self._was_lost = False
            self._health.set(self.name, State.OK, f"{self._reader.description}, {picture.width}x{picture.height}")
            self._answer_starting(None)
        self._tally.count(picture, mono_ns)
        frame = Frame(
            self._camera_id,
            self._tally.frames,
            picture.jpeg,
            picture.width,
            picture.height,
            mono_ns,
            picture.luma,
            picture.units,
        )
        try:
            self._deliver(frame)
        except Exception as error:  # noqa: BLE001 - the loop would only log it; `run` raises it
            self._bug = error
            self._kick.set()

    def _judge(self, error: BaseException) -> None:
        """Say why the camera is not running; raise what was not to be expected."""
        if not isinstance(error, EdgeError):
            raise error
        self._answer_starting(str(error))
        if isinstance(error, SourceEndedError):
            self._wanted = False
            self._health.set(self.name, State.STOPPED, str(error))
        else:
            self._health.set(self.name, State.FAILED, str(error))

    def _answer_starting(self, reason: str | None) -> None:
        """Tell everyone within `start` that pictures arrive, or why they do not."""
        starting, self._starting = self._starting, set()
        for first in starting:
            if first.done():
                continue
            if reason is None:
                first.set_result(None)
            else:
                first.set_exception(SourceUnavailableError(reason))

    async def _release(self, reader: Reader) -> None:
        """Stop the reader, however long its source takes to let go."""
        stopping = asyncio.ensure_future(reader.stop())
        while not await done_within(self._clock, _IDLE_BEAT_S, stopping):
            self.pulse.beat()
        self._tally.ended(reader.dropped)
        self._reader = None
        self._released.set()

    async def _pause(self, seconds: float) -> None:
        """Let `seconds` pass, or less if something happened."""
        kicked = asyncio.ensure_future(self._kick.wait())
        try:
            await done_within(self._clock, seconds, kicked)
        finally:
            kicked.cancel()
            self._kick.clear()
