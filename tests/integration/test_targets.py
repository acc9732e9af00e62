"""One conformance suite for every object storage."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud.objects.settings import S3Settings as CloudBucket
from contract.storage import StorageReply, StorageRequest
from edge.core.errors import LinkError
from edge.sync.settings import CloudSettings, S3Settings
from edge.sync.targets.folder import FolderTarget
from edge.sync.targets.presigned import PresignedTarget
from edge.sync.targets.s3 import S3Target, read_keys
from edge.sync.targets.target import Object, ObjectDamagedError, Target
from tests.support.asking import AskedCloud
from tests.support.conformance import DATA, FOLDER, PART, Storage, TargetConformance, nothing, send_parts, thing_of
from tests.support.ports import free_port
from tests.support.s3 import KEYS, S3Server, s3_server

MD5 = "hHZ5eszzlRYHA/6Nwa8GHw=="


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        running.make_bucket("clips")
        running.make_bucket("lent")
        yield running


@pytest.fixture(params=["folder", "s3", "presigned"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, server: S3Server) -> Iterator[Storage]:
    """A target, and how to look behind it."""
    if request.param == "folder":
        folder = tmp_path / "objects"
        yield FolderTarget(folder, part_bytes=PART, create=True), lambda key: (folder / key).read_bytes()
        return
    bucket = "clips" if request.param == "s3" else "lent"
    target: Target = S3Target(server.settings(bucket), KEYS) if bucket == "clips" else asked(server, bucket).target()
    yield target, lambda key: server.read(bucket, key)
    target.close()


def asked(server: S3Server, bucket: str = "clips", **more: Any) -> AskedCloud:
    """The cloud of a bucket."""
    return AskedCloud(CloudBucket(bucket=bucket, endpoint=server.endpoint, **more), KEYS)


class TestTargets(TargetConformance):
    """Each of them. moto calls every upload years old; `test_a_folder_tells_old_uploads` and radosgw know better."""

    tells_age = False


def test_a_folder_that_was_damaged_on_the_way_is_found_out(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path, part_bytes=PART)
    thing = thing_of(DATA)
    upload_id = target.begin(thing)
    tags = send_parts(target, thing, upload_id)
    growing = next((tmp_path / "recordings/gate/2026/11/21/front").iterdir())
    with growing.open("r+b") as file:
        file.write(b"\xff")
    with pytest.raises(ObjectDamagedError):
        target.complete(thing, upload_id, tags)
    assert not list(growing.parent.iterdir()), "nothing is left over"


def test_a_folder_tells_old_uploads_from_those_under_way(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path, part_bytes=PART)
    old, new = thing_of(DATA, "old"), thing_of(DATA, "new")
    begun = {thing.key: target.begin(thing) for thing in (old, new)}
    growing = next(path for path in (tmp_path / FOLDER).iterdir() if path.name.startswith(".old.mp4."))
    os.utime(growing, (0, 0))
    assert target.abandoned("recordings/gate/", 3600) == [(old.key, begun[old.key])]
    assert target.abandoned("recordings/none/", 3600) == []
    assert len(list((tmp_path / FOLDER).iterdir())) == 2, "asking leaves nothing behind"


def test_a_folder_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "share", part_bytes=PART)
    with pytest.raises(LinkError, match="is it mounted"):
        target.check()
    with pytest.raises(LinkError, match="is it mounted"):
        target.begin(thing_of(DATA))
    assert not (tmp_path / "share").exists()


def test_a_key_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="lead out"):
        FolderTarget(tmp_path / "objects", part_bytes=PART, create=True).begin(Object(key="../../etc/passwd"))


def test_a_bucket_that_is_gone_says_so(server: S3Server) -> None:
    target = S3Target(server.settings("no-such-bucket"), KEYS)
    with pytest.raises(LinkError, match="does not exist"):
        target.check()
    with pytest.raises(LinkError, match="does not exist"):
        target.begin(thing_of(DATA))
    target.close()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:{port}", "http://no-such-host.invalid"])
def test_a_service_that_is_gone_says_so(endpoint: str) -> None:
    target = S3Target(S3Settings(bucket="clips", endpoint=endpoint.format(port=free_port()), timeout_s=2), KEYS)
    with pytest.raises(LinkError, match="cannot be reached"):
        target.check()
    target.close()


def test_a_service_that_is_deaf_does_not_hold_us_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        target = S3Target(S3Settings(bucket="clips", endpoint=endpoint, timeout_s=1), KEYS)
        with pytest.raises(LinkError, match="clips"):
            target.check()
        target.close()


def test_no_credentials_say_so(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    target = S3Target(server.settings("clips"), None)
    with pytest.raises(LinkError, match="no credentials"):
        target.check()
    target.close()


def test_a_bad_endpoint_says_so() -> None:
    with pytest.raises(LinkError, match=r"objects\.endpoint"):
        S3Target(S3Settings(bucket="clips", endpoint="not a url"), KEYS)


def test_keys_come_from_secrets_or_the_aws_chain(server: S3Server) -> None:
    secrets = {"access": "a", "secret": "s"}
    named = S3Settings(bucket="clips", access_key_secret="access", secret_key_secret="secret")  # noqa: S106
    assert read_keys(named, secrets.__getitem__) == ("a", "s")
    assert read_keys(S3Settings(bucket="clips"), secrets.__getitem__) is None


def test_a_question_whose_answer_is_late_is_asked_again_under_its_own_id(server: S3Server) -> None:
    cloud = asked(server)
    late: list[StorageRequest] = []

    def ask(request: StorageRequest) -> StorageReply:
        late.append(request)
        if len(late) == 1:
            raise LinkError("no answer")
        return cloud.ask(request)

    target = PresignedTarget(ask, CloudSettings(), new_id=lambda: "q1")
    assert target.begin(thing_of(DATA))
    assert late[0] == late[1]
    target.close()


def test_headers_that_are_none_end_no_uploader() -> None:
    """The cloud says which go with an address; whatever it says, this device goes on."""
    said = StorageReply(request_id="q", url="http://127.0.0.1:9/x", headers={"x": "\u20ac"})
    target = PresignedTarget(lambda _request: said, CloudSettings(), new_id=lambda: "q")
    with pytest.raises(LinkError, match="codec"):
        target.put(thing_of(DATA), DATA, lambda _sent: None)
    target.close()


def test_parts_are_signed_for_their_length_and_their_digest_and_for_where_devices_are(server: S3Server) -> None:
    cloud = asked(server, public_endpoint="https://objects.example.org:8443", sign_s=77)
    said = cloud.ask(
        StorageRequest(request_id="q", operation="part", key="sessions/d/s/x.mp4", upload_id="u", size_bytes=9, md5=MD5)
    )
    assert said.url.startswith("https://objects.example.org:8443/clips/sessions/d/s/x.mp4?")
    assert "X-Amz-SignedHeaders=content-length%3Bcontent-md5%3Bhost" in said.url
    assert (said.headers, said.expires_s) == ({"Content-Length": "9", "Content-MD5": MD5}, 77)


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"operation": "part", "upload_id": "u", "size_bytes": 6 << 30, "md5": MD5}, "invalid"),
        ({"operation": "part", "upload_id": "u", "size_bytes": 9}, "invalid"),
        ({"operation": "part", "size_bytes": 9, "md5": MD5}, "invalid"),
        ({"operation": "held", "upload_id": "no-such"}, "unknown_upload"),
        ({"operation": "complete", "upload_id": "u", "tags": {"one": "x"}}, "invalid"),
        ({"operation": "begin", "content_type": "video/\u20ac\n"}, "invalid"),
        ({"operation": "put", "md5": "\u20ac\n"}, "invalid"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_meaning(server: S3Server, more: dict[str, Any], refusal: str) -> None:
    said = asked(server).ask(StorageRequest(request_id="q", key="sessions/d/s/x.mp4", **more))
    assert said.refused == refusal


def test_a_cloud_that_cannot_reach_its_bucket_says_unavailable_and_not_where() -> None:
    port = free_port()
    cloud = AskedCloud(CloudBucket(bucket="clips", endpoint=f"http://127.0.0.1:{port}", timeout_s=1), KEYS)
    said = cloud.ask(StorageRequest(request_id="q", operation="check"))
    assert said.refused == "unavailable"
    assert str(port) not in said.detail


def test_a_storage_that_only_the_cloud_reaches_says_so(server: S3Server) -> None:
    cloud = asked(server, public_endpoint=f"http://127.0.0.1:{free_port()}")
    target = cloud.target()
    with pytest.raises(LinkError, match=r"object storage 127\.0\.0\.1"):
        target.put(thing_of(b"clip"), b"clip", nothing)
    target.close()


def test_an_authority_that_is_missing_says_so(tmp_path: Path) -> None:
    settings = CloudSettings(ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(LinkError, match=r"objects\.ca_file"):
        PresignedTarget(lambda request: StorageReply(request_id=request.request_id), settings, new_id=lambda: "q")


def test_a_service_that_encrypts_is_believed_by_size_since_it_checked_each_part(server: S3Server) -> None:
    """Its ETags are no MD5, so the parts' tags add up to nothing."""
    data = b"clip" * 9
    whole = thing_of(data, "sealed")
    for target in (S3Target(server.settings("clips"), KEYS), asked(server).target()):
        target.put(replace(whole, sha256=""), data, nothing)
        assert target.confirm(whole, {1: 'opaque:"00112233445566778899aabbccddeeff"'})
        assert not target.confirm(whole, {1: '"00112233445566778899aabbccddeeff"'})
        assert not target.confirm(replace(whole, size_bytes=9), {1: 'opaque:"00"'})
        target.close()


def test_a_part_is_signed_by_its_md5_and_not_hashed_again(server: S3Server) -> None:
    """Also without TLS, where boto3 would; what only commands is signed as a whole."""
    sent: list[tuple[str, bytes, bytes]] = []

    def look(request: Any, **_more: Any) -> None:
        told = request.headers
        sent.append((request.method, told["X-Amz-Content-SHA256"], told["Authorization"]))

    target = S3Target(server.settings("clips"), KEYS)
    target._client.meta.events.register("before-send.s3", look)
    thing = thing_of(DATA, "signed")
    upload_id = target.begin(thing)
    tags = send_parts(target, thing, upload_id)
    target.complete(thing, upload_id, tags)
    target.put(thing_of(b"clip", "signed-whole"), b"clip", nothing)
    puts = [(digest, signature) for method, digest, signature in sent if method == "PUT"]
    assert len(puts) == 4
    assert {digest for digest, _ in puts} == {b"UNSIGNED-PAYLOAD"}
    assert all(b"content-length;content-md5;" in signature for _, signature in puts)
    assert all(digest != b"UNSIGNED-PAYLOAD" for method, digest, _ in sent if method == "POST")
    target.close()
