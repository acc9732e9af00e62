"""Reads one camera in a thread of its own and hands the pictures to the event loop, whatever the loop is busy with."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from edge.capture.camera import Camera, Picture
from edge.core.clock import Clock
from edge.core.errors import EdgeError

_HELD_LIMIT: Final = 4
"""So many pictures that nobody wants yet wait for one that somebody does."""
_WAITING_LIMIT: Final = 8
"""So many pictures wait for a loop that is late, a quarter of a second at most; then the oldest gives way."""


class Reader:
    """One connection: a thread that opens the camera, reads it to its end and closes it.

    Belongs to the event loop that makes it. There `on_picture(picture, mono_ns)` gets every picture in order with the
    time it arrived, and `on_end()` is called once, last: then `ended` is true and `error` says why (None after `stop`).
    """

    def __init__(
        self,
        name: str,
        *,
        open_camera: Callable[[], Camera],
        on_picture: Callable[[Picture, int], None],
        on_end: Callable[[], None],
        clock: Clock,
        unwanted: Callable[[int], bool] = lambda _mono_ns: False,
    ) -> None:
        """A picture of a moment that is `unwanted` (asked in the thread) does not wake the loop: it comes with the
        next one."""
        self._unwanted = unwanted
        self._announced = False
        self._open_camera = open_camera
        self._on_picture = on_picture
        self._on_end = on_end
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Picture, int]] = deque()
        self._lock = threading.Lock()
        self._camera: Camera | None = None
        self._stopping = False
        self._end = asyncio.Event()
        self.error: BaseException | None = None
        self.dropped = 0
        self._thread = threading.Thread(target=self._read, name=name, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether the camera is closed and nothing more will come."""
        return self._end.is_set()

    @property
    def description(self) -> str:
        """What the camera says it is; empty before it is made."""
        return self._camera.describe() if self._camera else ""

    async def stop(self) -> None:
        """Close the camera and return when its thread is gone. From now on `on_picture` is not called."""
        with self._lock:
            self._stopping = True
            camera = self._camera
        if camera and not self.ended:
            # Not in the loop: to close a camera may take as long as its program takes to end.
            closer = threading.Thread(target=camera.close, name=f"{self._thread.name}-close", daemon=True)
            closer.start()
            await self._end.wait()
            closer.join()
        await self._end.wait()
        self._thread.join()

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            self._read_camera()
        except BaseException as raised:  # noqa: BLE001 - whatever it is, the loop decides about it
            error = raised
        self._call(lambda: self._finish(error))

    def _read_camera(self) -> None:
        camera = self._open_camera()
        with self._lock:
            self._camera = camera
        try:
            if not self._stopping:
                camera.open()
            while not self._stopping:
                self._hand_over(camera.read())
        finally:
            camera.close()

    def _hand_over(self, picture: Picture) -> None:
        """Queue a picture; one call into the loop takes all that wait by then."""
        mono_ns = self._clock.mono_ns()
        with self._lock:
            if len(self._waiting) >= _WAITING_LIMIT:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append((picture, mono_ns))
            held = len(self._waiting) < _HELD_LIMIT and self._unwanted(mono_ns)
            announce = not (held or self._announced)
            self._announced = self._announced or announce
        if announce:
            self._call(self._drain)

    def _drain(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
            self._announced = False
        for picture, mono_ns in waiting:
            if not self._stopping:
                self._on_picture(picture, mono_ns)

    def _finish(self, error: BaseException | None) -> None:
        self._drain()
        self.error = None if self._stopping and isinstance(error, EdgeError) else error
        self._end.set()
        self._on_end()

    def _call(self, function: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            # The loop is closed: nobody is left to tell.
            self._stopping = True
