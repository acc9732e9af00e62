"""The picture with an overlay against a real server: made once a frame, only while watched, and never at the cost of
the picture without it (S1.14, S1.15, X.9)."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import websockets

from contract.plan import Plan, Zone
from edge.core.clock import SystemClock
from edge.vision.overlay import RED, paint
from edge.web.overlaid import local_time
from tests.support.mjpeg_client import Stream, watching
from tests.support.stage import picture
from tests.support.web import START_MS, VISION, WITHIN_S, Web, eventually, jpeg_of, make_web, serving


@dataclass
class FakePaint:
    """Marks what it painted; waits for `go` first, in its worker thread."""

    go: threading.Event = field(default_factory=threading.Event)
    seen: list[bytes] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    broken: bool = False

    def __call__(
        self, jpeg: bytes, state: Mapping[str, Any] | None, plan: Plan, when: str, *, quality: int = 80
    ) -> bytes:
        """As `edge.vision.overlay.paint`."""
        self.seen.append(jpeg)
        self.told.append((state, plan, when, quality))
        self.begun.set()
        assert self.go.wait(WITHIN_S)
        if self.broken:
            raise cv2.error("no brush")
        return jpeg + b"overlay"


@pytest.fixture
def brush() -> FakePaint:
    made = FakePaint()
    made.go.set()
    return made


@pytest.fixture
async def web(tmp_path: Path, brush: FakePaint) -> AsyncIterator[Web]:
    async with serving(make_web(tmp_path, cameras=("front", "back"), paint=brush, overlay_quality=55)) as served:
        for camera in served.cameras.values():
            camera.running = True
        yield served
        brush.go.set()


async def until(stream: Stream, jpeg: bytes) -> None:
    """Read parts until this one."""
    while (await stream.part())[1] != jpeg:
        pass


async def joined(stack: AsyncExitStack, web: Web, path: str) -> Stream:
    """A live picture that has begun: NO LIVE VIDEO is its first part here."""
    stream = await stack.enter_async_context(watching(web, path))
    await stream.part()
    return stream


async def test_the_plain_picture_stays_byte_for_byte_and_the_other_is_made_once(web: Web, brush: FakePaint) -> None:
    camera = web.cameras["front"]
    camera.vision, camera.kept_plan = VISION, Plan(version=3)
    async with AsyncExitStack() as stack:
        plain = [await joined(stack, web, path) for path in ("/live", "/live/front?overlay=0")]
        camera.show(jpeg_of(1))
        for stream in plain:
            await until(stream, jpeg_of(1))
        assert brush.seen == []
        drawn = [await joined(stack, web, path) for path in ("/live?overlay=1", "/live/0?overlay=1&t=5")]
        assert web.deps.relays.viewers("front") == 4
        camera.show(jpeg_of(2))
        for stream in plain:
            await until(stream, jpeg_of(2))
        for stream in drawn:
            await until(stream, jpeg_of(2) + b"overlay")
        assert brush.seen.count(jpeg_of(2)) == 1
        state, plan, when, quality = brush.told[-1]
        assert (state, plan.version, quality) == (VISION, 3, 55)
        assert when[:14] in {local_time(SystemClock().now().wall_ms - ago, "")[:14] for ago in (0, 60_000)}
    await eventually(lambda: web.deps.relays.viewers("front") == 0)
    painted = len(brush.seen)
    for number in range(3, 6):
        camera.show(jpeg_of(number))
        await asyncio.sleep(0.01)
    assert len(brush.seen) == painted, "nobody watches"


async def test_slow_painting_holds_nobody_up_and_the_newest_frame_wins(web: Web, brush: FakePaint) -> None:
    """Design 2: latest wins; decision 1: the camera's bytes go out at once."""
    camera = web.cameras["front"]
    async with AsyncExitStack() as stack:
        drawn = await joined(stack, web, "/live?overlay=1")
        plain = await joined(stack, web, "/live")
        brush.go.clear()
        camera.show(jpeg_of(1))
        assert await asyncio.to_thread(brush.begun.wait, WITHIN_S)
        for number in range(2, 8):
            camera.show(jpeg_of(number))
            await asyncio.wait_for(until(plain, jpeg_of(number)), WITHIN_S)
        assert brush.seen == [jpeg_of(1)]
        brush.go.set()
        await asyncio.wait_for(until(drawn, jpeg_of(7) + b"overlay"), WITHIN_S)
        assert brush.seen == [jpeg_of(1), jpeg_of(7)]


async def test_a_stop_ends_both_and_what_was_being_painted_is_not_shown(web: Web, brush: FakePaint) -> None:
    """S1.10"""
    camera, owner = web.cameras["front"], await web.signed_in()
    async with AsyncExitStack() as stack:
        drawn = await joined(stack, web, "/live?overlay=1")
        plain = await joined(stack, web, "/live")
        brush.go.clear()
        camera.show(jpeg_of(1))
        assert await asyncio.to_thread(brush.begun.wait, WITHIN_S)
        async with web.client(headers=owner) as client:
            assert (await client.post("/stop")).status_code == 200
        later = await joined(stack, web, "/live?overlay=1")
        brush.go.set()
        assert await asyncio.wait_for(plain.ended(), WITHIN_S)
        assert await asyncio.wait_for(drawn.ended(), WITHIN_S)
        headers, _ = await later.part()
        assert headers["X-No-Signal"] == "1"


async def test_what_was_being_painted_when_something_became_private_is_not_shown(web: Web, brush: FakePaint) -> None:
    """Clearing its slot is how a camera takes back what was not yet painted over."""
    camera = web.cameras["front"]
    async with AsyncExitStack() as stack:
        drawn = await joined(stack, web, "/live?overlay=1")
        brush.go.clear()
        camera.show(jpeg_of(1))
        assert await asyncio.to_thread(brush.begun.wait, WITHIN_S)
        camera.slot.clear()
        camera.show(jpeg_of(2))
        brush.go.set()
        shown = set()
        async with asyncio.timeout(WITHIN_S):
            while jpeg_of(2) + b"overlay" not in shown:
                shown.add((await drawn.part())[1])
        assert jpeg_of(1) + b"overlay" not in shown


async def test_what_cannot_be_painted_is_shown_plain_and_told_once(
    web: Web, brush: FakePaint, caplog: pytest.LogCaptureFixture
) -> None:
    """S1.17, S1.35"""
    camera = web.cameras["front"]
    async with AsyncExitStack() as stack:
        drawn = await joined(stack, web, "/live?overlay=1")
        async with asyncio.timeout(WITHIN_S):
            for number, brush.broken in enumerate((True, True, False, True)):
                camera.show(jpeg_of(number))
                await until(drawn, jpeg_of(number) + (b"" if brush.broken else b"overlay"))
    told = [record.getMessage() for record in caplog.records if record.name == "edge.web.overlaid"]
    assert told == ["camera front is shown without its overlay, which cannot be painted"] * 2


async def test_who_watches_either_way_counts_for_stop_and_for_the_bound(tmp_path: Path, brush: FakePaint) -> None:
    """X.10"""
    async with serving(make_web(tmp_path, paint=brush, max_viewers=2)) as web, AsyncExitStack() as stack:
        web.cameras["front"].running = True
        streams = [await joined(stack, web, path) for path in ("/live?overlay=1", "/live")]
        async with web.client() as client:
            assert (await client.get("/live?overlay=1")).status_code == 503
            kept = await client.post("/stop")
            assert kept.headers["X-Camera-Kept"] == "2"
            assert (await client.get("/status")).json()["streaming"] is True
            wrong = await client.get("/live?overlay=yes")
            assert (wrong.status_code, wrong.json()["field"]) == (400, "overlay")
        assert len(streams) == 2


async def test_the_setting_is_for_clients_that_expect_boxes_in_the_picture(tmp_path: Path, brush: FakePaint) -> None:
    """S1.4, S1.13, S1.15"""
    async with serving(make_web(tmp_path, paint=brush, live_overlay=True)) as web, AsyncExitStack() as stack:
        camera = web.cameras["front"]
        camera.running = True
        bare = await joined(stack, web, "/live?t=1780000000000")
        plain = await joined(stack, web, "/live?overlay=0")
        address = f"{web.base.replace('http', 'ws')}/ws/live"
        socket = await stack.enter_async_context(websockets.connect(address, proxy=None))
        await socket.recv()
        camera.show(jpeg_of(1))
        await until(bare, jpeg_of(1) + b"overlay")
        await until(plain, jpeg_of(1))
        while await socket.recv() != jpeg_of(1) + b"overlay":
            pass


async def test_two_cameras_are_painted_one_after_the_other(web: Web, brush: FakePaint) -> None:
    async with AsyncExitStack() as stack:
        front = await joined(stack, web, "/live/front?overlay=1")
        back = await joined(stack, web, "/live/back?overlay=1")
        brush.go.clear()
        web.cameras["front"].show(jpeg_of(1))
        web.cameras["back"].show(jpeg_of(2))
        assert await asyncio.to_thread(brush.begun.wait, WITHIN_S)
        await asyncio.sleep(0.05)
        assert len(brush.seen) == 1
        brush.go.set()
        await asyncio.wait_for(until(front, jpeg_of(1) + b"overlay"), WITHIN_S)
        await asyncio.wait_for(until(back, jpeg_of(2) + b"overlay"), WITHIN_S)


async def test_a_real_picture_shows_red_zones(tmp_path: Path) -> None:
    """S1.34, end to end but for the analysis"""
    async with serving(make_web(tmp_path, paint=paint)) as web, AsyncExitStack() as stack:
        camera = web.cameras["front"]
        camera.running, camera.vision = True, VISION
        camera.kept_plan = Plan(zones=(Zone(id="gate", points=((0.5, 0.5), (0.9, 0.5), (0.9, 0.9), (0.5, 0.9))),))
        drawn = await joined(stack, web, "/live?overlay=1")
        camera.show(picture())
        headers, jpeg = await drawn.part()
        while "X-No-Signal" in headers:
            headers, jpeg = await drawn.part()
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        assert image.shape == (480, 640, 3)
        assert np.abs(image[336, 318:323].astype(int) - RED).sum(axis=1).min() < 150


def test_the_time_is_that_of_the_place() -> None:
    assert local_time(START_MS, "UTC") == "2026-05-28 20:26:40"
    assert local_time(START_MS, "Europe/Berlin") == "2026-05-28 22:26:40"
    assert len(local_time(START_MS, "")) == 19
