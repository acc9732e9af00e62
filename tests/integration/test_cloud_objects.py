"""One suite for both kinds of object storage: what is there, its ranges, and nothing outside it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry

from cloud.ingest.metrics import WorkMetrics
from cloud.ingest.tidier import Tidier
from cloud.objects.folder import FolderStorage
from cloud.objects.s3 import S3Storage
from cloud.objects.settings import S3Settings
from cloud.objects.storage import ObjectMissingError, ObjectStorage, ObjectsUnavailableError
from cloud.objects.uploads import RefusedError, S3Uploads
from contract.storage import StorageRequest
from tests.support.cloud import StillClock
from tests.support.ports import free_port
from tests.support.s3 import KEYS, S3Server, s3_server

KEY = "recordings/gate/2026/05/28/door/rec-1.mp4"
CONTENT = bytes(range(256)) * 3000


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as found:
        found.make_bucket("afferent")
        yield found


def _s3(endpoint: str, bucket: str = "afferent") -> S3Storage:
    settings = S3Settings(bucket=bucket, endpoint=endpoint, prefix="site/", timeout_s=3)
    return S3Storage(settings, access_key=KEYS[0], secret_key=KEYS[1])


@pytest.fixture(params=["folder", "s3"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStorage]:
    found: ObjectStorage
    if request.param == "folder":
        path = tmp_path / "objects" / KEY
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
        found = FolderStorage(tmp_path / "objects")
    else:
        server: S3Server = request.getfixturevalue("server")
        server.write("afferent", f"site/{KEY}", CONTENT)
        found = _s3(server.endpoint)
    yield found
    await found.close()


async def _read(storage: ObjectStorage, first: int, last: int) -> bytes:
    pieces: Any = storage.read(KEY, first, last)
    async with aclosing(pieces):
        return b"".join([piece async for piece in pieces])


async def test_size_and_a_stable_tag(storage: ObjectStorage) -> None:
    info = await storage.head(KEY)
    assert info.size_bytes == len(CONTENT)
    assert info.etag and '"' not in info.etag
    assert await storage.head(KEY) == info


@pytest.mark.parametrize(("first", "last"), [(0, len(CONTENT) - 1), (0, 0), (5, 300_000), (len(CONTENT) - 7, 767_999)])
async def test_any_range(storage: ObjectStorage, first: int, last: int) -> None:
    assert await _read(storage, first, last) == CONTENT[first : last + 1]


async def test_a_reader_may_leave_early(storage: ObjectStorage) -> None:
    pieces: Any = storage.read(KEY, 0, len(CONTENT) - 1)
    async with aclosing(pieces):
        assert CONTENT.startswith(await anext(pieces))


@pytest.mark.parametrize(
    "key", ["recordings/none.mp4", "../secret", "/etc/passwd", "a//b", "", ".", "a/\0", "a\\..\\b"]
)
async def test_what_is_not_there_is_missing_and_nothing_else(storage: ObjectStorage, key: str) -> None:
    with pytest.raises(ObjectMissingError):
        await storage.head(key)
    with pytest.raises(ObjectMissingError):
        await anext(aiter(storage.read(key, 0, 10)))


async def test_a_link_reads_the_object_where_there_are_links(storage: ObjectStorage) -> None:
    await storage.check()
    link = await storage.link(KEY, 60, "video/mp4")
    if isinstance(storage, FolderStorage):
        assert link is None
    else:
        assert link
        with urlopen(link) as answer:  # noqa: S310, ASYNC210 - our own server
            assert answer.read() == CONTENT


async def test_a_way_out_of_the_folder_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "objects" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ObjectMissingError):
        await FolderStorage(tmp_path / "objects").head("link")


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(storage: ObjectStorage) -> None:
    await storage.delete(f"{KEY}.other")
    await storage.head(KEY)
    await storage.delete(KEY)
    await storage.delete(KEY)
    with pytest.raises(ObjectMissingError):
        await storage.head(KEY)
    await storage.delete("never/was/there.mp4")


async def test_uploads_left_behind_are_aborted_and_others_are_left_alone(server: S3Server) -> None:
    """moto calls every upload years old; what is young is left alone is shown by tests/real_s3."""
    client = server.client()
    for key in (f"site/{KEY}", "site/backups/x", f"elsewhere/{KEY}"):
        client.create_multipart_upload(Bucket="afferent", Key=key)
    storage = _s3(server.endpoint)
    assert (await storage.tidy(86_400), await storage.tidy(86_400)) == (1, 0)
    left = {one["Key"] for one in client.list_multipart_uploads(Bucket="afferent")["Uploads"]}
    assert left == {"site/backups/x", f"elsewhere/{KEY}"}
    client.close()
    await storage.close()


async def test_the_tidier_counts_and_goes_on_where_the_storage_is_away(server: S3Server) -> None:
    registry, there = CollectorRegistry(), _s3(server.endpoint)
    metrics, counted = WorkMetrics(registry), "afferent_objects_aborted_uploads_total"
    with closing(server.client()) as client:
        client.create_multipart_upload(Bucket="afferent", Key=f"site/{KEY}")
    for storage in (there, _s3(f"http://127.0.0.1:{free_port()}")):
        await Tidier(storage, metrics=metrics, clock=StillClock(), older_than_s=1).tidy()
        assert registry.get_sample_value(counted) == 1
        await storage.close()


async def test_what_a_device_still_writes_goes_too(tmp_path: Path) -> None:
    folder = (tmp_path / KEY).parent
    folder.mkdir(parents=True)
    (folder / ".rec-1.mp4.0123456789abcdef.part").write_bytes(b"half")
    (folder / ".rec-10.mp4.0123456789abcdef.part").write_bytes(b"another's")
    await FolderStorage(tmp_path).delete(KEY)
    assert [path.name for path in folder.iterdir()] == [".rec-10.mp4.0123456789abcdef.part"]


@pytest.mark.parametrize("key", ["../secret", "recordings/../../secret", "/etc/passwd", "link/secret"])
async def test_nothing_outside_is_deleted(tmp_path: Path, key: str) -> None:
    (tmp_path / "objects").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "objects" / "link").symlink_to(tmp_path)
    with pytest.raises(ObjectMissingError):
        await FolderStorage(tmp_path / "objects").delete(key)
    assert (tmp_path / "secret").exists()


async def test_storage_that_is_away_is_told_as_that(server: S3Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for storage in (
        _s3(f"http://127.0.0.1:{free_port()}"),
        _s3(server.endpoint, "nobodys"),
        FolderStorage(tmp_path / "file"),
    ):
        with pytest.raises(ObjectsUnavailableError):
            await storage.check()
        await storage.close()


async def test_a_service_that_answers_oddly_is_told_as_away_and_ends_nobody(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer without what it must have ended the worker, and so each start of it."""
    storage = _s3(server.endpoint)
    odd = {"Uploads": [{"Initiated": "yesterday"}], "ResponseMetadata": {"HTTPHeaders": {}}}
    monkeypatch.setattr(storage._client, "_make_api_call", lambda *_: odd)
    for act in (storage.head(KEY), storage.delete(KEY)):
        with pytest.raises(ObjectsUnavailableError, match="oddly"):
            await act
    metrics = WorkMetrics(CollectorRegistry())
    odd["ResponseMetadata"] = {"HTTPHeaders": {"date": "Sat, 21 Nov 2026 22:00:00 GMT"}}
    await Tidier(storage, metrics=metrics, clock=StillClock(), older_than_s=1).tidy()
    await storage.close()


def test_a_question_that_the_service_answers_oddly_is_answered(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = S3Settings(bucket="afferent", endpoint=server.endpoint, timeout_s=3)
    uploads = S3Uploads(settings, access_key=KEYS[0], secret_key=KEYS[1])
    monkeypatch.setattr(uploads._client, "_make_api_call", lambda *_: {})
    for operation in ("begin", "confirm"):
        with pytest.raises(RefusedError) as caught:
            uploads.answer(StorageRequest(request_id="q1", operation=operation, key=KEY))
        assert caught.value.refusal == "unavailable"
    asyncio.run(uploads.close())
