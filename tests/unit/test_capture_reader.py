"""The thread that reads a camera: pictures in order, a loop that is woken only for what somebody wants."""

import asyncio
import queue
import threading

import pytest

from edge.capture.camera import Picture
from edge.capture.reader import Reader
from edge.core.errors import SourceEndedError
from tests.support.clock import FakeClock
from tests.support.jpegs import jpeg

_PICTURES = [Picture(jpeg(20 + step), 64, 48) for step in range(9)]


class _Camera:
    """Gives what is put into it; ends with None."""

    def __init__(self) -> None:
        self.given: queue.Queue[Picture | None] = queue.Queue()
        self.taken = threading.Semaphore(0)

    def open(self) -> None:
        """Nothing to open."""

    def read(self) -> Picture:
        """The next one."""
        picture = self.given.get(timeout=5)
        self.taken.release()
        if picture is None:
            raise SourceEndedError("over")
        return picture

    def close(self) -> None:
        """End a read that waits."""
        self.given.put(None)

    def describe(self) -> str:
        """What it is."""
        return "a test's"


@pytest.mark.parametrize(
    ("wanted", "calls"),
    [({0, 3, 6}, [1, 3, 3]), (set(), [4, 4]), (set(range(9)), [1] * 9)],
)
async def test_what_nobody_wants_comes_with_what_somebody_does(wanted: set[int], calls: list[int]) -> None:
    """In order and none lost; four that nobody wants are enough to be brought."""
    clock, camera, ended = FakeClock(), _Camera(), asyncio.Event()
    began_ns = clock.mono_ns()
    taken: list[Picture] = []
    reader = Reader(
        "test",
        open_camera=lambda: camera,
        on_picture=lambda picture, _mono_ns: taken.append(picture),
        on_end=ended.set,
        clock=clock,
        unwanted=lambda mono_ns: round((mono_ns - began_ns) / 1e9) not in wanted,
    )
    came = []
    for picture in _PICTURES:
        before = len(taken)
        camera.given.put(picture)
        await asyncio.to_thread(camera.taken.acquire)
        await asyncio.sleep(0.02)
        came += [len(taken) - before] if len(taken) > before else []
        clock.advance(1)
    assert came == calls
    camera.given.put(None)
    await ended.wait()
    await reader.stop()
    assert taken == _PICTURES
    assert reader.dropped == 0
