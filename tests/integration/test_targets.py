"""One conformance suite for every object storage."""

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge.core.errors import LinkError
from edge.sync.settings import S3Settings
from edge.sync.targets.folder import FolderTarget
from edge.sync.targets.s3 import S3Target, read_keys
from edge.sync.targets.target import Object, ObjectDamagedError, Target, UploadCancelledError, UploadUnknownError
from tests.support.ports import free_port
from tests.support.s3 import KEYS, S3Server, s3_server

PART = 5 << 20
DATA = bytes(range(256)) * (11 << 12)
"""11 MiB: two whole parts and one of 1 MiB."""
Read = Callable[[str], bytes]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        running.make_bucket("clips")
        yield running


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, server: S3Server) -> Iterator[tuple[Target, Read]]:
    """A target, and how to look behind it."""
    target: Target
    if request.param == "folder":
        target = FolderTarget(tmp_path / "objects", part_bytes=PART, create=True)
        yield target, lambda key: (tmp_path / "objects" / key).read_bytes()
    else:
        target = S3Target(server.settings("clips"), KEYS)
        yield target, lambda key: server.read("clips", key)
        target.close()


def thing_of(data: bytes, key: str = "recordings/d/2026/11/21/front/rec-1.mp4") -> Object:
    """What `data` is to become."""
    return Object(key=key, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def nothing(_sent: int) -> None:
    """Look on."""


def part(number: int) -> bytes:
    """One part of `DATA`."""
    return DATA[(number - 1) * PART : number * PART]


def send_parts(target: Target, thing: Object, upload_id: str, numbers: tuple[int, ...] = (1, 2, 3)) -> dict[int, str]:
    """Store parts; return their tags."""
    return {number: target.put_part(thing, upload_id, number, part(number), nothing) for number in numbers}


def test_a_small_object_goes_in_one_piece(storage: tuple[Target, Read]) -> None:
    target, read = storage
    thing = thing_of(b"clip", "recordings/small.mp4")
    target.check()
    assert not target.confirm(thing, {})
    sent: list[int] = []
    target.put(thing, b"clip", sent.append)
    assert target.confirm(thing, {})
    assert read(thing.key) == b"clip"
    assert sent[-1] == 4


def test_a_big_object_goes_in_parts(storage: tuple[Target, Read]) -> None:
    target, read = storage
    thing = thing_of(DATA)
    upload_id = target.begin(thing)
    target.complete(thing, upload_id, send_parts(target, thing, upload_id))
    assert target.confirm(thing, {})
    assert read(thing.key) == DATA


def test_parts_may_be_sent_again_and_after_a_restart(storage: tuple[Target, Read]) -> None:
    target, read = storage
    thing = thing_of(DATA, "recordings/again.mp4")
    upload_id = target.begin(thing)
    tags = send_parts(target, thing, upload_id, (1, 2))
    assert not target.confirm(thing, {}), "nothing is there before it is whole"
    tags |= send_parts(target, thing, upload_id, (2, 3))
    target.complete(thing, upload_id, tags)
    assert read(thing.key) == DATA


def test_an_aborted_upload_is_unknown(storage: tuple[Target, Read]) -> None:
    target, _ = storage
    thing = thing_of(DATA, "recordings/aborted.mp4")
    upload_id = target.begin(thing)
    tags = send_parts(target, thing, upload_id, (1,))
    assert target.held(thing, upload_id, tags) == tags
    assert target.held(thing, upload_id, tags | {2: "never sent"}) == tags
    target.abort(thing.key, upload_id)
    target.abort(thing.key, upload_id)
    with pytest.raises(UploadUnknownError):
        target.held(thing, upload_id, tags)
    with pytest.raises(LinkError):  # moto answers 500 where others say NoSuchUpload
        target.complete(thing, upload_id, tags)
    assert not target.confirm(thing, {})


def test_completing_twice_is_unknown_but_confirmed(storage: tuple[Target, Read]) -> None:
    """A crash between the target's completion and our note of it."""
    target, _ = storage
    thing = thing_of(DATA, "recordings/twice.mp4")
    upload_id = target.begin(thing)
    tags = send_parts(target, thing, upload_id)
    target.complete(thing, upload_id, tags)
    with suppress(UploadUnknownError):
        target.complete(thing, upload_id, tags)
    assert target.confirm(thing, {})


def test_another_content_under_the_key_is_not_confirmed(storage: tuple[Target, Read]) -> None:
    target, _ = storage
    target.put(thing_of(b"other", "recordings/x.mp4"), b"other", nothing)
    assert not target.confirm(thing_of(b"clips", "recordings/x.mp4"), {})
    assert not target.confirm(thing_of(b"longer", "recordings/x.mp4"), {})


def test_a_part_stops_when_we_stop(storage: tuple[Target, Read]) -> None:
    target, _ = storage
    thing = thing_of(DATA, "recordings/stopped.mp4")
    upload_id = target.begin(thing)

    def stop(_sent: int) -> None:
        raise UploadCancelledError("stopping")

    with pytest.raises(LinkError):
        target.put_part(thing, upload_id, 1, part(1), stop)


def test_a_folder_that_was_damaged_on_the_way_is_found_out(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path, part_bytes=PART)
    thing = thing_of(DATA)
    upload_id = target.begin(thing)
    tags = send_parts(target, thing, upload_id)
    growing = next((tmp_path / "recordings/d/2026/11/21/front").iterdir())
    with growing.open("r+b") as file:
        file.write(b"\xff")
    with pytest.raises(ObjectDamagedError):
        target.complete(thing, upload_id, tags)
    assert not list(growing.parent.iterdir()), "nothing is left over"


def test_a_folder_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "share", part_bytes=PART)
    with pytest.raises(LinkError, match="is it mounted"):
        target.check()
    with pytest.raises(LinkError, match="is it mounted"):
        target.begin(thing_of(DATA))
    assert not (tmp_path / "share").exists()


def test_a_key_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="lead out"):
        FolderTarget(tmp_path / "objects", part_bytes=PART, create=True).begin(thing_of(b"", "../../etc/passwd"))


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
