"""What was recorded plays in a browser: whole, and cut off in the middle of a fragment (S2.18 for our own files)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from edge.recording.salvage import left_behind, salvage
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from edge.recording.writer import ClipWriter
from tests.support.browser import chromium
from tests.support.encoded import encoded

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
