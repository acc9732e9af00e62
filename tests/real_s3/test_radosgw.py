"""Real S3: Ceph's gateway over TLS, which refuses what moto takes, killed and back. Run by `make test-s3` alone."""

import asyncio
import base64
import contextlib
import hashlib
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from cloud.objects.s3 import S3Storage
from cloud.objects.storage import ObjectMissingError
from contract.storage import StorageReply, StorageRequest
from edge.core.errors import LinkError
from edge.core.health import State
from edge.sync.settings import CloudSettings
from edge.sync.targets.presigned import PresignedTarget
from edge.sync.targets.s3 import S3Target
from edge.sync.targets.target import ObjectDamagedError, Target, UploadUnknownError
from edge.sync.uploader import PART as HEALTH
from tests.support.asking import AskedCloud
from tests.support.conformance import DATA, PART, Storage, TargetConformance, nothing, part, send_parts, thing_of
from tests.support.killed import begun_again, kill_after, run_to_end, uploading_process
from tests.support.outboxes import add_recording, open_outbox, recording
from tests.support.radosgw import KEYS, Radosgw, radosgw
from tests.support.uploads import until, uploading

pytestmark = pytest.mark.timeout(300)
KINDS = ("with-keys", "presigned")


@pytest.fixture(scope="module")
def server() -> Iterator[Radosgw]:
    with radosgw() as running:
        for name in KINDS:
            running.make_bucket(name)
        yield running


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, server: Radosgw) -> Iterator[Storage]:
    """A target, and how to look behind it."""
    with contextlib.closing(target_of(server, request.param)) as target:
        yield target, lambda key: server.read(request.param, key)


def target_of(server: Radosgw, kind: str) -> Target:
    """One of the two kinds over TLS."""
    if kind == "with-keys":
        return S3Target(server.settings(kind), KEYS)
    return AskedCloud(server.cloud_settings(kind), KEYS).target(ca_file=server.ca_file)


class TestRadosgw(TargetConformance):
    """All of it over TLS."""


def test_a_part_that_was_damaged_on_the_way_is_refused(server: Radosgw) -> None:
    """The client hashes what it has; so the address is signed for other bytes."""
    cloud = AskedCloud(server.cloud_settings("presigned"), KEYS)

    def ask(request: StorageRequest) -> StorageReply:
        wrong = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()
        return cloud.ask(msgspec.structs.replace(request, md5=wrong) if request.md5 else request)

    with contextlib.closing(presigned(server, ask)) as target:
        upload_id = target.begin(thing_of(DATA, "damaged"))
        with pytest.raises(ObjectDamagedError, match="BadDigest"):
            target.put_part(thing_of(DATA, "damaged"), upload_id, 1, part(1), nothing)
        target.abort(thing_of(DATA, "damaged").key, upload_id)


def test_other_bytes_than_the_address_was_signed_for_are_refused(server: Radosgw) -> None:
    cloud = AskedCloud(server.cloud_settings("presigned"), KEYS)
    key = thing_of(b"", "signed").key
    said = cloud.ask(
        StorageRequest(request_id="q", operation="put", key=key, size_bytes=4, md5="hHZ5eszzlRYHA/6Nwa8GHw==")
    )
    with httpx.Client(verify=ssl.create_default_context(cafile=server.ca_file)) as client:
        longer = client.put(said.url, content=b"other", headers={**said.headers, "Content-Length": "5"})
        without = client.put(said.url, content=b"clip", headers={"Content-Length": "4"})
        elsewhere = client.put(said.url.replace("signed.mp4", "other.mp4"), content=b"clip", headers=said.headers)
    assert {answer.status_code for answer in (longer, without, elsewhere)} == {403}


def test_an_address_that_expired_is_asked_for_anew(server: Radosgw) -> None:
    cloud = AskedCloud(server.cloud_settings("presigned"), KEYS)
    old = AskedCloud(server.cloud_settings("presigned", sign_s=1), KEYS)
    slept: list[float] = []

    def ask(request: StorageRequest) -> StorageReply:
        if request.operation == "put" and not slept:
            said = old.ask(request)
            slept.append(2.5)
            time.sleep(slept[0])
            return said
        return cloud.ask(request)

    thing = thing_of(b"clip", "late")
    with contextlib.closing(presigned(server, ask)) as target:
        target.put(thing, b"clip", nothing)
        assert target.confirm(thing, {})
    assert [request.operation for request in cloud.asked] == ["put", "confirm"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_in_the_middle_that_is_too_small_is_refused(server: Radosgw, kind: str) -> None:
    with contextlib.closing(target_of(server, kind)) as target:
        thing = thing_of(DATA, "small-part")
        upload_id = target.begin(thing)
        tags = {1: target.put_part(thing, upload_id, 1, b"x" * 100, nothing)}
        tags[2] = target.put_part(thing, upload_id, 2, part(2), nothing)
        with pytest.raises(ObjectDamagedError):
            target.complete(thing, upload_id, tags)
        target.abort(thing.key, upload_id)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gateway_that_dies_in_mid_upload_keeps_the_finished_parts(
    server: Radosgw, kind: str, record_property: Any
) -> None:
    """resent_parts_after_kill: 1, the one that was on its way."""
    thing = thing_of(DATA, "killed")
    with contextlib.closing(target_of(server, kind)) as target:
        upload_id = target.begin(thing)
        tags = send_parts(target, thing, upload_id, (1,))

        def kill(_sent: int) -> None:
            with contextlib.suppress(KeyError):
                server.kill_gateway()

        with pytest.raises(LinkError) as caught:
            target.put_part(thing, upload_id, 2, part(2), kill)
        assert not isinstance(caught.value, UploadUnknownError), "what is away is not forgotten"
        with pytest.raises(LinkError):
            target.check()
        begun = time.monotonic()
        server.start_gateway()
        record_property("gateway_back_s", round(time.monotonic() - begun, 2))
        assert target.held(thing, upload_id, tags | {2: '"0123"'}) == tags
        record_property("serving_again_s", round(time.monotonic() - begun, 2))
        tags |= send_parts(target, thing, upload_id, (2, 3))
        target.complete(thing, upload_id, tags)
        assert target.confirm(thing, tags)
        assert server.read(kind, thing.key) == DATA


@pytest.mark.parametrize("kind", KINDS)
async def test_an_uploader_that_is_killed_in_mid_upload_sends_one_part_again(
    tmp_path: Path, server: Radosgw, kind: str, record_property: Any
) -> None:
    """`resent_parts_after_kill` over TLS, as a process, with keys and with addresses that the cloud lends."""
    names = (f"rec-{kind}-1", f"rec-{kind}-2")
    async with open_outbox(tmp_path) as outbox:
        for name in names:
            await add_recording(outbox, tmp_path, name, DATA * 2)
    more = ["--ca-file", str(server.ca_file), "--access-key", KEYS[0], "--secret-key", KEYS[1]]
    program = uploading_process(tmp_path, server.endpoint, kind, *more, *(["--lent"] if kind == "presigned" else []))
    begun = [*kill_after(program, 3), *kill_after(program, 2), *await run_to_end(program, within_s=120)]
    record_property("resent_parts_of_a_file_by_two_kills", max(begun_again(begun).values()))
    assert max(begun_again(begun).values()) <= 2, begun
    assert len(set(begun)) == 2 * 5
    for name in names:
        assert server.read(kind, recording(name, b"").key) == DATA * 2


@pytest.mark.parametrize("kind", KINDS)
async def test_an_uploader_goes_on_when_the_gateway_dies_and_comes_back(
    tmp_path: Path, server: Radosgw, kind: str
) -> None:
    name = f"rec-{kind}-back"
    async with open_outbox(tmp_path) as outbox:
        await add_recording(outbox, tmp_path, name, DATA * 2)
        async with uploading(outbox, lambda: target_of(server, kind)) as (uploader, health):
            await until(lambda: uploader.sent_bytes_total >= PART, within_s=60)
            server.kill_gateway()
            await until(lambda: health.of(HEALTH) is State.FAILED, within_s=60)
            await asyncio.to_thread(server.start_gateway)
            await until(lambda: uploader.uploaded_total == 1, within_s=120)
            assert uploader.sent_bytes_total == len(DATA * 2), "every part was confirmed once"
            assert uploader.restarted_total == 0
    assert server.read(kind, recording(name, b"").key) == DATA * 2


def test_a_wrong_secret_is_refused_in_words(server: Radosgw) -> None:
    target = S3Target(server.settings("with-keys"), (KEYS[0], "wrong" * 5))
    with contextlib.closing(target), pytest.raises(LinkError, match="refuses the secret key"):
        target.begin(thing_of(DATA))
    refused = AskedCloud(server.cloud_settings("with-keys"), (KEYS[0], "wrong" * 5)).ask(
        StorageRequest(request_id="q", operation="begin", key=thing_of(DATA).key)
    )
    assert refused.refused in {"forbidden", "unavailable"}


def test_a_certificate_that_is_not_trusted_is_told(server: Radosgw) -> None:
    for target in (
        S3Target(msgspec.structs.replace(server.settings("with-keys"), ca_file=""), KEYS),
        AskedCloud(server.cloud_settings("with-keys"), KEYS).target(),
    ):
        with pytest.raises(LinkError, match=r"(?i)certificate"):
            target.put(thing_of(b"clip", "untrusted"), b"clip", nothing)
        target.close()


async def test_an_erased_object_is_gone_with_the_parts_of_its_upload(server: Radosgw) -> None:
    storage = S3Storage(server.cloud_settings("with-keys"), access_key=KEYS[0], secret_key=KEYS[1])
    thing = thing_of(b"clip", "erased")
    target = target_of(server, "with-keys")
    await asyncio.to_thread(target.put, thing, b"clip", nothing)
    upload_id = await asyncio.to_thread(target.begin, thing)
    assert await storage.tidy(3600) == 0, "what is young is under way"
    await storage.delete(thing.key)
    await storage.delete(thing.key)
    with pytest.raises(ObjectMissingError):
        await storage.head(thing.key)
    with pytest.raises(UploadUnknownError):
        await asyncio.to_thread(target.held, thing, upload_id, {})
    await asyncio.to_thread(target.begin, thing)
    assert await storage.tidy(-60) >= 1
    assert await asyncio.to_thread(target.abandoned, "", -60) == []
    target.close()
    await storage.close()


def test_how_fast_it_is(server: Radosgw, record_property: Any) -> None:
    """Measures: parts of a target against the bytes of a plain PUT of the same client library."""
    data = DATA * 3
    with contextlib.closing(server.client()) as client:
        begun = time.monotonic()
        client.put_object(Bucket="with-keys", Key="plain", Body=data)
        plain = time.monotonic() - begun
    for kind in KINDS:
        with contextlib.closing(target_of(server, kind)) as target:
            thing = replace(thing_of(data, "fast"), size_bytes=len(data))
            begun = time.monotonic()
            upload_id = target.begin(thing)
            pieces = range(1, -(-len(data) // PART) + 1)
            tags = {n: target.put_part(thing, upload_id, n, data[(n - 1) * PART : n * PART], nothing) for n in pieces}
            target.complete(thing, upload_id, tags)
            took = time.monotonic() - begun
            record_property(f"{kind}_vs_raw", round(plain / took, 2))
            assert target.confirm(thing, tags)


def presigned(server: Radosgw, ask: Any) -> PresignedTarget:
    """A target that asks in its own way."""
    numbers = iter(range(1, 1000))
    settings = CloudSettings(ca_file=str(server.ca_file), part_size_bytes=PART, timeout_s=20)
    return PresignedTarget(ask, settings, new_id=lambda: f"q{next(numbers)}")


def test_a_part_of_another_digest_is_refused_though_its_body_is_not_signed(server: Radosgw) -> None:
    target = S3Target(server.settings("with-keys"), KEYS)
    wrong = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()

    def meddle(params: dict[str, Any], **_more: Any) -> None:
        params["headers"]["Content-MD5"] = wrong

    target._client.meta.events.register("before-call.s3.UploadPart", meddle)
    with contextlib.closing(target):
        thing = thing_of(DATA, "unsigned")
        upload_id = target.begin(thing)
        with pytest.raises(ObjectDamagedError, match="BadDigest"):
            target.put_part(thing, upload_id, 1, part(1), nothing)
        target.abort(thing.key, upload_id)
