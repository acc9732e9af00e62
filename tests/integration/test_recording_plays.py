"""What was recorded plays in a browser: whole, and cut off in the middle of a fragment (S2.18 for our own files)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from edge.capture.rtsp import RtspCamera
from edge.capture.settings import RtspSettings
from edge.core.clock import SystemClock
from edge.recording.salvage import left_behind, salvage
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from edge.recording.writer import ClipWriter
from tests.support.browser import chromium
from tests.support.encoded import encoded
from tests.support.rtsp import rtsp_source

_SIDECAR = Sidecar(
    recording_id="rec-1",
    camera="front",
    reason="event",
    codec="h264",
    start_ms=1_780_000_000_000,
    width_px=320,
    height_px=240,
)
_PLAY = """video => new Promise((resolve, reject) => {
    const frames = () => video.getVideoPlaybackQuality().totalVideoFrames;
    setTimeout(() => reject(new Error(`still at ${video.currentTime} s of ${video.duration}`)), 20000);
    video.onerror = () => reject(new Error(video.error.message));
    video.onended = () => resolve([video.videoWidth, video.videoHeight, video.duration, frames()]);
    video.muted = true;
    video.currentTime = 0;
    video.play().catch(reject);
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def _write(path: Path, frames: int) -> ClipWriter:
    writer = ClipWriter(path, _SIDECAR, fragment_s=lambda: 0.5)
    for unit in encoded(frames, fps=25, key_every=12, width=320, height=240):
        writer.add(unit)
    return writer


def _played(browser: Browser, path: Path) -> Any:
    page = browser.new_page()
    page.goto(f"file://{path}")
    played = page.locator("video").evaluate(_PLAY)
    page.close()
    return played


def test_a_whole_clip_plays_to_its_end(tmp_path: Path, browser: Browser) -> None:
    _write(tmp_path / "a.mp4", 50).finish()
    width, height, duration, frames = _played(browser, tmp_path / "a.mp4")
    assert (width, height) == (320, 240)
    assert duration == pytest.approx(2.0, abs=0.01)
    assert frames > 10


def test_what_a_camera_sent_plays_while_it_grows_and_after_a_cut(tmp_path: Path, browser: Browser) -> None:
    """A clip of a real RTSP camera, copied: three fragments of it, then cut in the middle of the next."""
    with rtsp_source("h264") as source:
        camera = RtspCamera(RtspSettings(url=source.url), clock=SystemClock())
        camera.open()
        spool = Spool(tmp_path)
        writer = ClipWriter(spool.begin(_SIDECAR), _SIDECAR, fragment_s=lambda: 0.5)
        while writer.fragments < 3:
            for unit in camera.read().units:
                writer.add(unit)
        grown = _played(browser, spool.part_path(_SIDECAR))
        while writer.fragments < 5:
            for unit in camera.read().units:
                writer.add(unit)
        camera.close()
    safe_bytes = writer.safe_bytes
    writer.finish()
    with spool.part_path(_SIDECAR).open("r+b") as file:
        file.truncate(safe_bytes - 100)
    (torn,) = left_behind(spool, "front")
    found = salvage(spool, torn).sidecar
    cut = _played(browser, spool.path(found))
    assert grown[:2] == cut[:2] == [320, 240]
    assert 1.4 < grown[2] < cut[2] == pytest.approx((found.end_ms - found.start_ms) / 1000, abs=0.01)


def test_a_salvaged_clip_plays_up_to_its_last_whole_fragment(tmp_path: Path, browser: Browser) -> None:
    spool = Spool(tmp_path)
    part = spool.begin(_SIDECAR)
    _write(part, 50).finish()
    data = part.read_bytes()
    part.write_bytes(data[: len(data) * 6 // 10])
    (torn,) = left_behind(spool, "front")
    found = salvage(spool, torn).sidecar
    assert 10 < found.frames < 50
    duration = _played(browser, spool.path(found))[2]
    assert duration == pytest.approx(found.frames * 0.04, abs=0.01)
