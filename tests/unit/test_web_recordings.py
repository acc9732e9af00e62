"""Recordings over the API: listed, played while they grow, looked through, and nothing else of the disk."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from edge.web.problem import ProblemError
from edge.web.ranges import with_plain_range
from tests.support.recordings_port import FakeRecordings
from tests.support.web import Web, make_web

_VIDEO = "/v1/clips/rec-1/video.mp4"


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
    whole = await web.ask("GET", _VIDEO)
    assert (whole.status_code, whole.content) == (200, bytes(range(100)))
    part = await web.ask("GET", _VIDEO, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("bytes=10-19", "10-19"),
        ("Bytes = 10-19", "10-19"),
        ("bytes=90-", "90-99"),
        ("bytes=-10", "90-99"),
        ("bytes=-1000", "0-99"),
        ("bytes=90-1000", "90-99"),
        ("bytes=0-9, , 200-300", "0-9"),
        ("bytes=200-300,-0,5-5", "5-5"),
    ],
)
async def test_a_range_is_what_there_is_of_it(web: Web, asked: str, given: str) -> None:
    """RFC 9110, section 14: suffixes, ends beyond the end, and of several those that there are."""
    part = await web.ask("GET", _VIDEO, headers={"Range": asked})
    first, _, last = given.partition("-")
    assert (part.status_code, part.headers["content-range"]) == (206, f"bytes {given}/100")
    assert part.content == bytes(range(int(first), int(last) + 1))


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=-0", "bytes=100-,-0", f"bytes={'9' * 40}-"])
async def test_a_range_beyond_the_end_says_where_the_end_is(web: Web, asked: str) -> None:
    """RFC 9110, section 15.5.17."""
    refused = await web.ask("GET", _VIDEO, headers={"Range": asked})
    assert (refused.status_code, refused.headers["content-range"]) == (416, "bytes */100")
    assert refused.json()["field"] == "Range"


@pytest.mark.parametrize("asked", ["bytes=5-1", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=--1", "bytes=1_0-"])
async def test_a_range_that_is_none_is_refused_by_name(web: Web, asked: str) -> None:
    refused = await web.ask("GET", _VIDEO, headers={"Range": asked})
    assert (refused.status_code, refused.json()["field"]) == (400, "Range")
    assert asked in refused.json()["detail"]


@given(st.text("bytes=-,0123456789 x", max_size=30) | st.text(max_size=12), st.integers(0, 200))
def test_no_range_header_makes_it_fall_over(asked: str, size: int) -> None:
    headers = [(b"range", asked.encode("latin-1", "replace"))]
    try:
        plain = with_plain_range({"type": "http", "method": "GET", "headers": headers}, size, current=True)
    except ProblemError as error:
        assert error.problem.status in {400, 416}
    else:
        for given_range in Headers(scope=plain).get("range", "bytes=").removeprefix("bytes=").split(","):
            first, _, last = given_range.partition("-")
            assert not given_range or 0 <= int(first) <= int(last) < size


async def test_a_range_that_means_nothing_here_is_passed_over(web: Web) -> None:
    """RFC 9110, section 14.2: of another unit, of a HEAD, of a file that is another by now, of far too many pieces."""
    many = "bytes=" + ",".join(f"{number}-{number}" for number in range(0, 100, 2)) * 10
    for method, headers in (
        ("GET", {"Range": "items=0-9"}),
        ("HEAD", {"Range": "bytes=0-9"}),
        ("HEAD", {"Range": "bytes=5-1"}),
        ("GET", {"Range": "bytes=0-9", "If-Range": '"another"'}),
        ("GET", {"Range": "bytes=5-1", "If-Range": '"another"'}),
        ("GET", {"Range": many}),
    ):
        whole = await web.ask(method, _VIDEO, headers=headers)
        assert (whole.status_code, whole.headers["content-length"]) == (200, "100"), headers


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
