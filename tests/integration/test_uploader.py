"""Recordings from the outbox into object storage, whatever is cut, killed, gone or damaged on the way."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cloud.objects.settings import S3Settings as CloudBucket
from contract.messages import Loss, Recording
from edge.core.clock import SystemClock
from edge.core.errors import LinkError
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.outbox.store import Outbox
from edge.sync.status import SyncStatus
from edge.sync.targets.folder import FolderTarget
from edge.sync.targets.s3 import S3Target
from edge.sync.targets.target import Object, Sending, Target
from edge.sync.uploader import PART, Uploader
from tests.support.asking import AskedCloud
from tests.support.faults import faulty_link
from tests.support.killed import begun_again, kill_after, run_to_end, uploading_process
from tests.support.outboxes import add_recording, open_outbox, recording
from tests.support.s3 import KEYS, S3Server, s3_server

MIB = 1 << 20
CLIP = os.urandom(MIB) * 11
"""Three parts of 5 MiB at most."""


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        running.make_bucket("clips")
        yield running


class Hasty(SystemClock):
    """Rests are cut short, so that a test need not wait for a back-off."""

    async def sleep(self, seconds: float) -> None:
        """A little of it."""
        await asyncio.sleep(min(seconds, 0.1))


@asynccontextmanager
async def uploading(outbox: Outbox, make_target: Callable[[], Target] | None) -> AsyncIterator[tuple[Uploader, Health]]:
    """An uploader at work; `uploader.done` are the ids it called back with."""
    clock = Hasty()
    health = Health(clock)
    done: list[str] = []

    async def on_uploaded(recording_id: str) -> None:
        done.append(recording_id)

    uploader = Uploader(
        make_target, outbox=outbox, clock=clock, health=health, rng=random.Random(1), on_uploaded=on_uploaded
    )
    task = asyncio.create_task(uploader.run())
    try:
        yield uploader, health
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), task.exception()


async def until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Return once it holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - conditions of several threads
            await asyncio.sleep(0.02)


def detail(health: Health) -> str:
    """What the object storage's health says."""
    return next(part.detail for part in health.parts() if part.part == PART)


def key(recording_id: str) -> str:
    """Where it lies."""
    return recording(recording_id, b"").key


async def phases(outbox: Outbox, recording_id: str) -> frozenset[str]:
    """What was told of it."""
    return frozenset(await outbox.uploads.phases(recording_id))


@pytest.mark.parametrize("kind", ["with-keys", "lent"])
async def test_recordings_arrive_and_are_told_of(tmp_path: Path, server: S3Server, kind: str) -> None:
    cloud = AskedCloud(CloudBucket(bucket="clips", endpoint=server.endpoint), KEYS)
    make = cloud.target if kind == "lent" else lambda: S3Target(server.settings("clips"), KEYS)
    async with open_outbox(tmp_path) as outbox:
        await add_recording(outbox, tmp_path, "rec-small", b"small clip")
        await add_recording(outbox, tmp_path, "rec-big", CLIP)
        async with uploading(outbox, make) as (uploader, health):
            await until(lambda: uploader.uploaded_total == 2)
            await add_recording(outbox, tmp_path, "rec-later", b"later clip")
            await until(lambda: uploader.uploaded_total == 3)
            assert health.of(PART) is State.OK
        assert await outbox.uploads.pending() == 0
        bodies = [record.body for _, record in await outbox.history("recording", after=0)]
        told = [(body.recording_id, body.phase) for body in bodies if isinstance(body, Recording)]
        assert told[:2] == [("rec-small", "closed"), ("rec-big", "closed")]
        assert {("rec-small", "uploaded"), ("rec-big", "uploaded"), ("rec-later", "uploaded")} <= set(told)
        assert uploader.sent_bytes_total == len(CLIP) + 20
    assert server.read("clips", key("rec-big")) == CLIP
    assert server.read("clips", key("rec-small")) == b"small clip"


async def test_a_bucket_that_is_gone_for_a_while_costs_nothing(tmp_path: Path, server: S3Server) -> None:
    server.make_bucket("moody")
    async with (
        open_outbox(tmp_path) as outbox,
        uploading(outbox, lambda: S3Target(server.settings("moody"), KEYS)) as (uploader, health),
    ):
        await until(lambda: health.of(PART) is State.OK)
        server.drop_bucket("moody")
        await add_recording(outbox, tmp_path, "rec-1", CLIP)
        await until(lambda: health.of(PART) is State.FAILED)
        assert "does not exist" in detail(health)
        assert await phases(outbox, "rec-1") == {"closed"}
        server.make_bucket("moody")
        await until(lambda: uploader.uploaded_total == 1)
        await until(lambda: health.of(PART) is State.OK)
    assert server.read("moody", key("rec-1")) == CLIP


async def test_a_cut_link_goes_on_after_the_last_part(tmp_path: Path, server: S3Server) -> None:
    with faulty_link(server.port) as link:
        settings = server.settings("clips", endpoint=f"http://127.0.0.1:{link.port}")
        async with open_outbox(tmp_path) as outbox:
            await add_recording(outbox, tmp_path, "rec-cut", CLIP)
            async with uploading(outbox, lambda: S3Target(settings, KEYS)) as (uploader, health):
                await until(lambda: uploader.sent_bytes_total >= 5 * MIB)
                link.cut()
                await until(lambda: health.of(PART) is State.FAILED)
                link.mend()
                await until(lambda: uploader.uploaded_total == 1)
                assert uploader.sent_bytes_total == len(CLIP), "every part was confirmed once"
    assert server.read("clips", key("rec-cut")) == CLIP


@pytest.mark.parametrize("parts", [1, 0])
async def test_an_upload_that_the_service_forgot_begins_again(tmp_path: Path, server: S3Server, parts: int) -> None:
    """Also one of which no part was sent: this service answers a part of an unknown upload with an inner error."""
    async with open_outbox(tmp_path) as outbox:
        await add_recording(outbox, tmp_path, "rec-forgot", CLIP)
        await outbox.uploads.begin("rec-forgot", "an-upload-that-expired", 5 * MIB)
        for number in range(1, parts + 1):
            await outbox.uploads.add_part("rec-forgot", number, '"0123456789abcdef0123456789abcdef"')
        async with uploading(outbox, lambda: S3Target(server.settings("clips"), KEYS)) as (uploader, _):
            await until(lambda: uploader.uploaded_total == 1)
    assert server.read("clips", key("rec-forgot")) == CLIP


async def test_a_crash_after_completion_is_noticed(tmp_path: Path, server: S3Server) -> None:
    target = S3Target(server.settings("clips"), KEYS)
    async with open_outbox(tmp_path) as outbox:
        await add_recording(outbox, tmp_path, "rec-done", CLIP)
        body = recording("rec-done", CLIP)
        thing = Object(key=body.key, size_bytes=body.size_bytes, sha256=body.sha256)
        upload_id = target.begin(thing)
        await outbox.uploads.begin("rec-done", upload_id, 5 * MIB)
        tags = {}
        for number in (1, 2, 3):
            data = CLIP[(number - 1) * 5 * MIB : number * 5 * MIB]
            tags[number] = target.put_part(thing, upload_id, number, data, lambda _: None)
            await outbox.uploads.add_part("rec-done", number, tags[number])
        target.complete(thing, upload_id, tags)
        async with uploading(outbox, lambda: S3Target(server.settings("clips"), KEYS)) as (uploader, _):
            await until(lambda: uploader.uploaded_total == 1)
            assert uploader.sent_bytes_total == 0
    target.close()


async def test_a_file_that_is_gone_or_damaged_is_a_loss_and_holds_nothing_up(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        (await add_recording(outbox, tmp_path, "rec-gone", b"x" * 10)).unlink()
        (await add_recording(outbox, tmp_path, "rec-damaged", b"x" * 10)).write_bytes(b"y" * 10)
        await add_recording(outbox, tmp_path, "rec-fine", b"x" * 10)
        objects = tmp_path / "objects"
        make = lambda: FolderTarget(objects, part_bytes=MIB, create=True)  # noqa: E731
        async with uploading(outbox, make) as (uploader, health):
            await until(lambda: uploader.uploaded_total == 1)
            assert health.of(PART) is State.OK
        losses = [record.body for _, record in await outbox.history("loss", after=0)]
        reasons = {loss.recording_id: loss.reason for loss in losses if isinstance(loss, Loss)}
        assert "gone from the spool" in reasons["rec-gone"]
        assert "damaged" in reasons["rec-damaged"]
        assert await outbox.uploads.pending() == 0


async def test_what_retention_gave_up_meanwhile_is_not_announced(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        path = await add_recording(outbox, tmp_path, "rec-evicted", b"x" * 10)
        await outbox.append(Loss(what="recording", reason="disk", count=1, recording_id="rec-evicted"))
        path.unlink()
        make = lambda: FolderTarget(tmp_path / "objects", part_bytes=MIB, create=True)  # noqa: E731
        async with uploading(outbox, make) as (uploader, _):
            async with asyncio.timeout(30):
                while await outbox.uploads.pending():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert uploader.uploaded_total == 0
        assert await phases(outbox, "rec-evicted") == {"closed", "lost"}
        assert len(await outbox.history("loss")) == 1


class Slow(FolderTarget):
    """A folder that takes its time."""

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """Byte by byte, until stopped."""
        import time

        for sent in range(10_000):
            time.sleep(0.01)
            sending(sent)
        raise LinkError("never stopped")


async def test_the_page_sees_it_and_stopping_is_quick(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await add_recording(outbox, tmp_path, "rec-slow", CLIP)
        make = lambda: Slow(tmp_path / "objects", part_bytes=MIB, create=True)  # noqa: E731
        async with uploading(outbox, make) as (uploader, health):
            await until(lambda: uploader.progress is not None and uploader.progress.sent_bytes > 3)
            hub = Hub()
            status = SyncStatus(outbox=outbox, uploader=uploader, hub=hub, health=health, clock=Hasty())
            task = asyncio.create_task(status.run())
            await until(lambda: bool(hub.latest()))
            task.cancel()
            await asyncio.wait([task])
            message = hub.latest()[0].data
    assert message["objects"] == "ok"
    assert message["broker"] == "stopped"
    assert message["outbox_records"] == 1
    assert message["uploads_pending"] == 1
    assert message["upload"]["recording_id"] == "rec-slow"
    assert 0 < message["upload"]["sent_bytes"] < message["upload"]["size_bytes"] == len(CLIP)


async def test_switched_off_keeps_everything(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await add_recording(outbox, tmp_path, "rec-1", b"x")
        async with uploading(outbox, None) as (_, health):
            await until(lambda: health.of(PART) is State.STOPPED)
        assert await outbox.uploads.pending() == 1


async def test_a_killed_process_sends_at_most_one_part_of_each_file_again(tmp_path: Path, server: S3Server) -> None:
    """`resent_parts_after_kill`: 1 or less of each file that was on its way, of which there are two."""
    data = CLIP + CLIP
    async with open_outbox(tmp_path) as outbox:
        await add_recording(outbox, tmp_path, "rec-killed", data)
        await add_recording(outbox, tmp_path, "rec-beside", CLIP)
    program = uploading_process(tmp_path, server.endpoint, "clips")
    begun = [*kill_after(program, 3), *kill_after(program, 2), *await run_to_end(program)]
    assert server.read("clips", key("rec-killed")) == data
    assert server.read("clips", key("rec-beside")) == CLIP
    assert len(set(begun)) == 5 + 3
    assert max(begun_again(begun).values()) <= 2, f"two kills, two parts of a file again at most: {begun}"


async def test_a_process_killed_while_it_records_sends_at_most_one_part_again(tmp_path: Path, server: S3Server) -> None:
    """`resent_parts_after_kill`: 1 or less, of a recording that grows, is cut, closed at the next start and sent."""
    data = CLIP + CLIP
    (tmp_path / "rec-growing.mp4").write_bytes(data)
    program = uploading_process(tmp_path, server.endpoint, "clips")
    begun = kill_after([*program, "--growing", "rec-growing", "--safe-bytes", str(len(data) - MIB)], 2)
    async with open_outbox(tmp_path) as outbox:
        await add_recording(outbox, tmp_path, "rec-growing", data)
    begun += await run_to_end(program)
    assert server.read("clips", key("rec-growing")) == data
    assert len(set(begun)) == 5
    assert begun_again(begun)["rec-growing"] <= 1, f"one kill, one part again at most: {begun}"
