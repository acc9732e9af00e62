"""Clips of events over HTTP: whole, in ranges, while they grow, and in a browser."""

import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from contract.messages import Event
from edge.recording.sidecar import Sidecar
from edge.recording.writer import ClipWriter
from tests.support.browser import chromium, visiting
from tests.support.encoded import encoded
from tests.support.stage import Stage, staged
from tests.support.web import START_MS, Web, make_web, serving

CLIP = "/v1/events/evt-1/clip.mp4"
_SIDECAR = Sidecar(
    recording_id="rec-1", camera="front", reason="event", codec="h264", start_ms=START_MS, width_px=320, height_px=240
)
_PLAY = """([url, from, until]) => new Promise((resolve, reject) => {
    const video = document.createElement('video');
    setTimeout(() => reject(new Error(`still at ${video.currentTime} s of ${video.duration}`)), 20000);
    video.onerror = () => reject(new Error(video.error.message));
    video.onloadedmetadata = () => { video.currentTime = from; };
    video.ontimeupdate = () => { if (video.currentTime >= until) done(); };
    video.onended = () => done();
    const done = () => {
        resolve([video.currentTime, video.duration, video.getVideoPlaybackQuality().totalVideoFrames]);
        video.removeAttribute('src');
        video.load();
    };
    video.muted = true;
    video.src = url;
    video.play().catch(reject);
})"""


def happened(recording_id: str = "rec-1") -> Event:
    return Event(
        event_id="evt-1",
        phase="open",
        camera="front",
        type="loitering",
        start_ms=START_MS,
        recording_id=recording_id,
    )


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    web = make_web(tmp_path, send_buffer_kib=64)
    web.history.add(happened())
    async with serving(web):
        yield web


async def test_whole_and_in_ranges(web: Web, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    web.clips["evt-1"] = tmp_path / "rec-1.mp4"
    web.clips["evt-1"].write_bytes(content)
    async with web.client(headers=await web.signed_in()) as client:
        assert (await client.get("/v1/events/evt-1")).json()["clip"] == CLIP
        whole = await client.get(CLIP)
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, content, "video/mp4")
        assert whole.headers["accept-ranges"] == "bytes"
        part = await client.get(CLIP, headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content) == (206, content[1000:2000])
        assert part.headers["content-range"] == f"bytes 1000-1999/{len(content)}"
        tail = await client.get(CLIP, headers={"Range": "bytes=-10"})
        assert tail.content == content[-10:]
        assert (await client.get(CLIP, headers={"Range": f"bytes={len(content)}-"})).status_code == 416
        head = await client.head(CLIP)
        assert (head.headers["content-length"], head.content) == (str(len(content)), b"")
        two = await client.get(CLIP, headers={"Range": "bytes=0-9,20-29"})
        assert content[20:30] in two.content
        assert len(two.content) == int(two.headers["content-length"])


async def test_what_is_written_meanwhile_does_not_break_the_answer(web: Web, tmp_path: Path) -> None:
    clip = web.clips["evt-1"] = tmp_path / "rec-1.part.mp4"
    clip.write_bytes(b"a" * 5_000_000)
    async with web.client(headers=await web.signed_in()) as client:
        async with client.stream("GET", CLIP) as response:
            parts = response.aiter_raw()
            size = len(await anext(parts))
            with clip.open("ab") as file:
                file.write(b"b" * 1_000_000)
            async for part in parts:
                assert b"b" not in part
                size += len(part)
        assert size == 5_000_000
        more = await client.get(CLIP, headers={"Range": "bytes=5000000-"})
        assert more.content == b"b" * 1_000_000


async def test_a_clip_that_changes_its_name_meanwhile(web: Web, tmp_path: Path) -> None:
    """It is finished between the look for it and its opening; then while it is sent."""
    old, new, last = (tmp_path / name for name in ("rec-1.part.mp4", "rec-1.mp4", "other.mp4"))
    new.write_bytes(b"a" * 3_000_000)
    looks = iter((old, new))
    object.__setattr__(web.deps, "clip_of", lambda _event: next(looks))
    async with web.client(headers=await web.signed_in()) as client, client.stream("GET", CLIP) as response:
        assert response.status_code == 200
        parts = response.aiter_raw()
        size = len(await anext(parts))
        new.rename(last)
        last.unlink()
        assert size + sum([len(part) async for part in parts]) == 3_000_000


async def test_a_clip_that_is_gone_or_never_was(web: Web, tmp_path: Path) -> None:
    async with web.client(headers=await web.signed_in()) as client:
        assert (await client.get("/v1/events/evt-1")).json()["clip"] is None
        assert (await client.get(CLIP)).status_code == 404
        web.clips["evt-1"] = tmp_path / "evicted.mp4"
        assert (await client.get(CLIP)).status_code == 404
    async with web.client() as stranger:
        assert (await stranger.get(CLIP)).status_code == 401


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path, running=False) as opened:
        opened.record(happened())
        yield opened


def test_a_clip_plays_and_seeks_in_a_browser(stage: Stage, browser: Browser, tmp_path: Path) -> None:
    stage.clips["evt-1"] = tmp_path / "rec-1.mp4"
    writer = ClipWriter(stage.clips["evt-1"], _SIDECAR, fragment_s=lambda: 0.5, by_keys=True)
    for unit in encoded(200, fps=25, key_every=12, width=320, height=240):
        writer.add(unit)
    writer.finish()
    with visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        at, duration, frames = visit.open().evaluate(_PLAY, [CLIP, 6.5, 7.5])
    assert duration == pytest.approx(8.0, abs=0.05)
    assert 7.5 <= at <= 8.05
    assert 10 < frames < 60


def test_a_clip_plays_while_it_grows(stage: Stage, browser: Browser, tmp_path: Path) -> None:
    stage.clips["evt-1"] = tmp_path / "rec-1.part.mp4"
    writer = ClipWriter(stage.clips["evt-1"], _SIDECAR, fragment_s=lambda: 0.5, by_keys=True)
    begun, watched = threading.Event(), threading.Event()

    def write() -> None:
        for number, unit in enumerate(encoded(100_000, fps=25, key_every=12, width=320, height=240)):
            writer.add(unit)
            if number == 100:
                begun.set()
            if number >= 100 and watched.wait(0.02):
                break
        writer.finish()

    writing = threading.Thread(target=write)
    writing.start()
    try:
        assert begun.wait(30)
        with visiting(browser, stage.url) as visit:
            visit.sign_in(stage.password)
            at, _, frames = visit.open().evaluate(_PLAY, [CLIP, 0, 2.0])
    finally:
        watched.set()
        writing.join()
    assert at >= 2.0
    assert frames > 30
