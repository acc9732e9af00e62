"""Recordings over the API: listed, played while they grow, looked through, and nothing else of the disk."""

from pathlib import Path

import pytest

from tests.support.recordings_port import FakeRecordings
from tests.support.web import Web, make_web


@pytest.fixture
def shelf(tmp_path: Path) -> FakeRecordings:
    return FakeRecordings(tmp_path)


@pytest.fixture
def web(tmp_path: Path, shelf: FakeRecordings) -> Web:
    return make_web(tmp_path, recordings=shelf)


async def test_recordings_are_listed_a_page_at_a_time(web: Web, shelf: FakeRecordings) -> None:
    page = (await web.ask("GET", "/v1/clips?camera=gate&before=7&limit=2")).json()
    assert [one["recording_id"] for one in page["recordings"]] == ["rec-2", "rec-1"]
    assert page["more"] is True
    assert shelf.asked == {"camera": "gate", "before": 7, "limit": 2}
    assert (await web.ask("GET", "/v1/clips/rec-2")).json()["end_ms"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=1000", "before=-1", "limit=ten"])
async def test_a_bad_page_is_refused_by_name(web: Web, query: str) -> None:
    refused = await web.ask("GET", f"/v1/clips?{query}")
    assert refused.status_code == 400
    assert refused.json()["field"] == query.partition("=")[0]


async def test_a_video_is_served_in_ranges(web: Web) -> None:
    whole = await web.ask("GET", "/v1/clips/rec-1/video.mp4")
    assert (whole.status_code, whole.content) == (200, bytes(range(100)))
    part = await web.ask("GET", "/v1/clips/rec-1/video.mp4", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))


async def test_small_pictures_and_when_they_are(web: Web) -> None:
    assert (await web.ask("GET", "/v1/clips/rec-1/sheet.jpg")).content == b"sheet"
    told = await web.ask("GET", "/v1/clips/rec-1/sheet.vtt")
    assert (told.text, told.headers["content-type"].partition(";")[0]) == ("WEBVTT sheet.jpg", "text/vtt")
    assert (await web.ask("GET", "/v1/clips/rec-1/thumbnail.jpg")).content == b"small"


async def test_timelapses(web: Web) -> None:
    listed = (await web.ask("GET", "/v1/timelapses")).json()["timelapses"]
    assert listed == [{"camera": "gate", "date": "2026-11-20", "size_bytes": 100}]
    assert len((await web.ask("GET", "/v1/timelapses/gate/2026-11-20.mp4")).content) == 100


@pytest.mark.parametrize(
    "path",
    [
        "/v1/clips/rec-9",
        "/v1/clips/rec-2/video.mp4",
        "/v1/clips/rec-2/sheet.jpg",
        "/v1/clips/%2e%2e/video.mp4",
        "/v1/clips/a%00b",
        "/v1/timelapses/gate/..%2f..%2fsecret.mp4",
        "/v1/timelapses/gate/2026-11-21.mp4",
    ],
)
async def test_what_is_not_there_is_a_problem_with_a_way_out(web: Web, path: str) -> None:
    answer = await web.ask("GET", path)
    assert answer.status_code == 404


async def test_nobody_sees_a_recording_without_signing_in(web: Web) -> None:
    for path in ("/v1/clips", "/v1/clips/rec-1/video.mp4", "/v1/clips/rec-1/thumbnail.jpg"):
        assert (await web.ask("GET", path, signed_in=False)).status_code == 401
