"""A device without credentials over a real broker: its publisher asks, the ingest answers, S3 has the bytes."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from cloud.ingest.metrics import IngestMetrics
from cloud.ingest.service import Ingest
from cloud.ingest.settings import BrokerSettings as IngestSettings
from cloud.objects.settings import S3Settings as CloudBucket
from cloud.objects.uploads import S3Uploads, Uploads
from cloud.store.clock import SystemClock as CloudClock
from cloud.store.intake import Intake
from cloud.store.outgoing import Post
from contract.objects import session_key
from edge.core.clock import SystemClock
from edge.core.errors import LinkError
from edge.core.health import Health
from edge.sync.publisher import Publisher
from edge.sync.requests import RequestDesk
from edge.sync.settings import BrokerSettings, CloudSettings
from edge.sync.targets.presigned import PresignedTarget
from edge.sync.targets.target import Object
from tests.support.cloud import opened
from tests.support.conformance import DATA, PART, nothing, send_parts, thing_of
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.outboxes import DEVICE, open_outbox
from tests.support.s3 import KEYS, S3Server, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        running.make_bucket("clips")
        yield running


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


@asynccontextmanager
async def carrying(folder: Path, broker: Mosquitto) -> AsyncIterator[RequestDesk]:
    """What the publisher of a device carries, which runs inside the block."""
    clock, found = SystemClock(), RequestDesk()
    async with open_outbox(folder) as outbox:
        publisher = Publisher(
            BrokerSettings(port=broker.port),
            outbox=outbox,
            clock=clock,
            health=Health(clock),
            rng=random.Random(1),
            secrets_dir=folder,
            requests=found,
        )
        async with running_for_a_while(publisher.run()):
            yield found


@asynccontextmanager
async def running_for_a_while(work: Any) -> AsyncIterator[None]:
    """It runs inside the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def ingesting(folder: Path, broker: Mosquitto, uploads: Uploads) -> AsyncIterator[None]:
    """The cloud runs inside the block."""
    async with opened(f"sqlite:///{folder / 'cloud.db'}") as database:
        ingest = Ingest(
            Intake(database),
            IngestSettings(port=broker.port),
            post=Post(database),
            password=None,
            uploads=uploads,
            metrics=IngestMetrics(CollectorRegistry()),
            clock=CloudClock(),
            rng=random.Random(1),
        )
        async with running_for_a_while(ingest.run()):
            yield
    await uploads.close()


def target_of(desk: RequestDesk, answer_timeout_s: float = 5.0) -> PresignedTarget:
    """The device's target, as the daemon makes it."""
    numbers = itertools.count(1)
    return PresignedTarget(
        lambda request: desk.ask(request, answer_timeout_s),
        CloudSettings(part_size_bytes=PART),
        new_id=lambda: f"q-{next(numbers)}",
    )


def bucket_of(server: S3Server) -> S3Uploads:
    """The cloud's bucket."""
    settings = CloudBucket(bucket="clips", endpoint=server.endpoint)
    return S3Uploads(settings, access_key=KEYS[0], secret_key=KEYS[1])


async def insist(action: Callable[[], Any]) -> Any:
    """Again until there is a link, as the uploader does."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await asyncio.to_thread(action)
            except LinkError:
                await asyncio.sleep(0.1)


def upload(target: PresignedTarget, thing: Object) -> bool:
    """All of it."""
    upload_id = target.begin(thing)
    tags = send_parts(target, thing, upload_id)
    assert target.held(thing, upload_id, tags) == tags
    target.complete(thing, upload_id, tags)
    return target.confirm(thing, tags)


async def test_a_device_without_credentials_uploads_what_is_its_own_and_nothing_else(
    tmp_path: Path, broker: Mosquitto, server: S3Server
) -> None:
    mine = Object(key=session_key(DEVICE, "s1", "video.mp4"), size_bytes=len(DATA), sha256=thing_of(DATA).sha256)
    async with carrying(tmp_path, broker) as desk, ingesting(tmp_path, broker, bucket_of(server)):
        target = target_of(desk)
        await insist(target.check)
        assert await asyncio.to_thread(upload, target, mine)
        assert server.read("clips", mine.key) == DATA
        with pytest.raises(LinkError, match="forbidden"):
            await asyncio.to_thread(target.put, thing_of(b"clip"), b"clip", nothing)
        target.close()


async def test_a_cloud_that_is_not_there_fails_the_question_and_answers_it_later(
    tmp_path: Path, broker: Mosquitto, server: S3Server
) -> None:
    async with carrying(tmp_path, broker) as desk:
        target = target_of(desk, answer_timeout_s=0.3)
        with pytest.raises(LinkError):
            await asyncio.to_thread(target.check)
        async with ingesting(tmp_path, broker, bucket_of(server)):
            await insist(target.check)
        target.close()
