"""An uploader at work on a store in a test's folder."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from contract.messages import File, Recording
from contract.objects import recording_key, session_key
from edge.core.clock import Clock, SystemClock
from edge.core.growth import Growth
from edge.core.health import Health
from edge.outbox.store import Outbox
from edge.sync.targets.target import Target
from edge.sync.upload_settings import UploadSettings
from edge.sync.uploader import Uploader
from tests.support.outboxes import DEVICE, START_MS, recording


class HastyClock(SystemClock):
    """Rests are cut short, so that a test need not wait for a back-off."""

    async def sleep(self, seconds: float) -> None:
        """A little of it."""
        await asyncio.sleep(min(seconds, 0.05))


@asynccontextmanager
async def uploading(
    outbox: Outbox,
    make_target: Callable[[], Target] | None,
    settings: UploadSettings | None = None,
    *,
    clock: Clock | None = None,
) -> AsyncIterator[tuple[Uploader, Health]]:
    """An uploader at work."""
    clock = clock or HastyClock()
    health = Health(clock)
    uploader = Uploader(
        make_target,
        outbox=outbox,
        clock=clock,
        health=health,
        rng=random.Random(1),
        settings=settings,
        growing_bytes=1_000_000,
    )
    task = asyncio.create_task(uploader.run())
    try:
        yield uploader, health
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), task.exception()


async def until_read(read: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Return once what is read is what is wanted."""
    async with asyncio.timeout(30):
        while await read() != wanted:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.01)


async def until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Return once it holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - conditions of several threads
            await asyncio.sleep(0.01)


def clip(recording_id: str, data: bytes, camera: str = "front", reason: str = "continuous") -> Recording:
    """The announcement of a closed clip of one of several cameras."""
    body = recording(recording_id, data, reason=reason)
    return msgspec.structs.replace(body, camera=camera, key=recording_key(DEVICE, camera, recording_id, START_MS))


async def add_clip(
    outbox: Outbox, folder: Path, recording_id: str, data: bytes, *, camera: str = "front", reason: str = "continuous"
) -> Recording:
    """Announce and queue one."""
    body = clip(recording_id, data, camera, reason)
    path = folder / f"{recording_id}.mp4"
    path.write_bytes(data)
    await outbox.append(body)
    await outbox.uploads.add(recording_id, path)
    return body


def growth(folder: Path, body: Recording, safe_bytes: int, *, urgent: bool = False) -> Growth:
    """So much of a clip is safe."""
    path = folder / f"{body.recording_id}.mp4"
    return Growth(body.recording_id, body.camera, path, body.key, safe_bytes, body.reason, urgent)


def session_file(file_id: str, data: bytes) -> File:
    """The announcement of a session's table."""
    return File(
        file_id=file_id,
        phase="closed",
        purpose="session",
        name="signals.parquet",
        key=session_key(DEVICE, "s-1", f"{file_id}.parquet"),
        size_bytes=len(data),
        sha256=sha256(data).hexdigest(),
        session_id="s-1",
    )
