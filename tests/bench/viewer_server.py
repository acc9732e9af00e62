"""The server half of the viewers' bench, a process of its own: `ours` is the LAN side, `plain` a usual Starlette relay.

Usage: `python -m tests.bench.viewer_server MODE PORT FPS DATA_DIR STATE_DIR ANALYSE`.
"""

import asyncio
import random
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from contract.messages import AnyBody, Record
from edge.core.clock import Stamp, SystemClock
from edge.core.frame import Frame
from edge.core.slot import Slot
from edge.models.store import ModelStore
from edge.vision.service import VisionService
from edge.vision.settings import VisionSettings
from edge.vision.telling import VisionOutlets
from tests.support.web import Web, make_web, record_of, serving

MARK: Final = b"AFFERENT-BENCH:"
CLIP: Final = "vision/clips/one-by-one-person-detection.mp4"
SIZE: Final = (1280, 720)
_FRAMES: Final = 60
_QUALITY: Final = 88


class _Sink:
    """Takes events and keeps none: this bench is not about the store."""

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        return record_of(1, body)


def stamped(jpeg: bytes, mono_ns: int) -> bytes:
    """`jpeg` with a comment that says when it was taken."""
    comment = MARK + b"%020d" % mono_ns
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def recorded(data_dir: Path) -> list[bytes]:
    """Some 720p JPEGs of about 80 kB of a real clip."""
    video = cv2.VideoCapture(str(data_dir / CLIP))
    found: list[bytes] = []
    while len(found) < _FRAMES:
        there, picture = video.read()
        if not there:
            raise RuntimeError(f"{CLIP} has only {len(found)} frames")
        _, jpeg = cv2.imencode(".jpg", cv2.resize(picture, SIZE), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        found.append(jpeg.tobytes())
    video.release()
    return found


def feed(slot: Slot[Frame], jpegs: list[bytes], fps: float, loop: asyncio.AbstractEventLoop) -> None:
    """A camera thread: a stamped frame every 1/fps seconds, handed over to the loop."""
    seq, due = 0, time.monotonic()
    while not loop.is_closed():
        due += 1 / fps
        time.sleep(max(0.0, due - time.monotonic()))
        seq += 1
        now = time.monotonic_ns()
        frame = Frame("front", seq, stamped(jpegs[seq % len(jpegs)], now), *SIZE, now)
        try:
            loop.call_soon_threadsafe(slot.put, frame)
        except RuntimeError:
            return


async def serve_ours(web: Web, port: int, analysis: VisionService | None) -> None:
    """The LAN side, and the analysis of the same frames."""
    async with serving(web, port=port), asyncio.TaskGroup() as group:
        if analysis:
            group.create_task(analysis.run())
        await asyncio.Event().wait()


def analysis_of(web: Web, state: Path) -> VisionService:
    """The analysis as the daemon runs it."""
    return VisionService(
        "front",
        slot=web.cameras["front"].slot,
        models=ModelStore(),
        settings=VisionSettings(),
        outlets=VisionOutlets(sink=_Sink(), hub=web.deps.hub, health=web.deps.health),
        clock=SystemClock(),
        rng=np.random.default_rng(1),
        state_dir=state,
    )


async def serve_plain(slot: Slot[Frame], port: int, analysis: VisionService | None) -> None:
    """What one writes first: a generator a viewer, and the part built for each."""

    async def parts() -> AsyncIterator[bytes]:
        async for frame in slot.items():
            yield b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + frame.jpeg + b"\r\n"

    async def live(_request: Request) -> StreamingResponse:
        return StreamingResponse(parts(), media_type="multipart/x-mixed-replace; boundary=frame")

    app = Starlette(routes=[Route("/live", live)])
    async with asyncio.TaskGroup() as group:
        if analysis:
            group.create_task(analysis.run())
        await uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False)).serve()


async def main(mode: str, port: int, fps: float, folders: tuple[Path, Path], analyse: bool) -> None:
    """Serve until killed."""
    data_dir, state = folders
    random.seed(1)
    web = make_web(state, max_viewers=200)
    slot = web.cameras["front"].slot
    web.cameras["front"].running = True
    camera = threading.Thread(
        target=feed, args=(slot, recorded(data_dir), fps, asyncio.get_running_loop()), daemon=True
    )
    camera.start()
    analysis = analysis_of(web, state) if analyse else None
    if mode == "ours":
        await serve_ours(web, port, analysis)
    else:
        await serve_plain(slot, port, analysis)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    arguments = sys.argv[1:]
    asyncio.run(
        main(
            arguments[0],
            int(arguments[1]),
            float(arguments[2]),
            (Path(arguments[3]), Path(arguments[4])),
            arguments[5] == "1",
        )
    )
