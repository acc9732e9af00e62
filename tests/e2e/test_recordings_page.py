"""The page of recordings: files of a real spool, listed, looked through and played; uploads and the disk beside."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.daemon.recordings import RecordingShelf
from edge.recording.previews.service import PreviewService
from edge.recording.previews.settings import PreviewSettings
from edge.recording.previews.shelf import SheetShelf
from edge.recording.previews.timelapse import Day, TimelapseFolder
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from tests.support.browser import PHONE, Visit, poor_contrast, too_wide, visiting, wait_text
from tests.support.drawn_video import draw_video
from tests.support.stage import Stage, staged
from tests.support.storage_ports import FakeStorage, FakeUploads

_SECONDS = 8
_PEEK = """() => {
  const peek = document.querySelector("#player-peek");
  return !peek.hidden && peek.style.backgroundPosition;
}"""


class _Things:
    """What the appliance has kept."""

    def __init__(self, folder: Path) -> None:
        self.spool, self.sheets = Spool(folder / "recordings"), SheetShelf(folder / "previews")
        self.timelapses = TimelapseFolder(folder / "timelapses")
        self.shelf = RecordingShelf(self.spool, self.sheets, self.timelapses)
        self.uploads = FakeUploads()
        now_ms = SystemClock().now().wall_ms
        for number, step in ((1, "uploaded"), (2, "recorded"), (3, "writing")):
            self._keep(number, step, now_ms - 60_000 * (4 - number))
        video = self.timelapses.video(Day("front", "2026-11-20"))
        video.parent.mkdir(parents=True)
        draw_video(video, seconds=2)
        clock = SystemClock()
        settings = PreviewSettings(tile_px=80, most_tiles=8)
        previews = PreviewService(self.spool, self.sheets, settings=settings, clock=clock, health=Health(clock))
        with ThreadPoolExecutor(1) as beside:  # the browser's loop runs in this thread
            beside.submit(asyncio.run, previews.run_once()).result()

    def _keep(self, number: int, step: str, start_ms: int) -> None:
        sidecar = Sidecar(
            recording_id=f"rec-{number}",
            camera="front",
            reason="event",
            codec="h264",
            start_ms=start_ms,
            end_ms=0 if step == "writing" else start_ms + _SECONDS * 1000,
            width_px=160,
            height_px=120,
            step=step,  # type: ignore[arg-type]
            event_ids=("evt-1",),
            salvaged=number == 1,
            order=number,
        )
        path = self.spool.begin(sidecar)
        draw_video(path, seconds=_SECONDS)
        if step != "writing":
            path.rename(self.spool.path(sidecar))


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> _Things:
    return _Things(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def stage(things: _Things, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    with staged(folder, recordings=things.shelf, storage=FakeStorage(), uploads=things.uploads) as opened:
        yield opened


@pytest.fixture(scope="module")
def visit(browser: Browser, stage: Stage) -> Iterator[Visit]:
    with visiting(browser, stage.url) as opened:
        opened.sign_in(stage.password)
        yield opened


@pytest.fixture
def page(visit: Visit) -> Iterator[Page]:
    page = visit.open("/viewer/recordings.html")
    page.wait_for_selector("#clips .clip")
    yield page
    page.close()


def test_every_recording_is_listed_with_where_it_is(page: Page) -> None:
    expect(page.locator("#clips .clip")).to_have_count(3)
    expect(page.locator("#clips li").nth(0)).to_contain_text("The front camera")
    expect(page.locator("#clips li").nth(0)).to_contain_text("Recording now")
    expect(page.locator("#clips li").nth(1)).to_contain_text("On this device only")
    expect(page.locator("#clips li").nth(2)).to_contain_text("Uploaded")
    expect(page.locator("#clips li").nth(2)).to_contain_text("End cut off")
    page.wait_for_function("() => document.querySelector('#clips li:nth-child(2) img').naturalWidth === 80")


def test_a_recording_is_played_and_looked_through(page: Page) -> None:
    page.locator("#clips .clip").nth(1).click()
    page.wait_for_function("() => document.querySelector('#player-video').currentTime > 0.2")
    strip = page.locator("#player-strip")
    expect(strip).to_be_visible()
    box = strip.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 5)
    assert page.wait_for_function(_PEEK).json_value() == f"-{5 * 80}px 0px", "the sixth second is the sixth tile"
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + 5)
    page.wait_for_function("() => document.querySelector('#player-video').currentTime > 7")
    strip.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('#player-video').currentTime < 5")


def test_what_is_still_being_made_plays_too(page: Page) -> None:
    page.locator("#clips .clip").nth(0).click()
    page.wait_for_function("() => document.querySelector('#player-video').currentTime > 0.2")
    expect(page.locator("#player-strip")).to_be_hidden()


def test_a_timelapse_is_played(page: Page) -> None:
    expect(page.locator("#timelapses li")).to_contain_text("2026-11-20")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => document.querySelector('#player-video').currentTime > 0.1")


def test_uploads_are_held_back_and_tried_again(page: Page, things: _Things) -> None:
    wait_text(page, "#uploads-about", "1 file to go, 41.6")
    expect(page.locator("#uploads li")).to_contain_text("the bucket is full")
    page.get_by_role("button", name="Pause all").click()
    wait_text(page, "#uploads-about", "Paused: 1 file to go")
    assert not page.locator("#uploads").get_by_role("button", name="Resume").is_visible(), "it would not go on alone"
    page.get_by_role("button", name="Resume all").click()
    page.locator("#uploads").get_by_role("button", name="Retry").click()
    expect(page.locator("#uploads li")).to_contain_text("Uploading")
    assert things.uploads.done == [("pause", None), ("resume", None), ("retry", "rec-1")]


def test_the_disk_says_how_long_it_lasts(page: Page, stage: Stage) -> None:
    """Point 5 of recording and sync: the page shows the horizon."""
    wait_text(page, "#storage-horizon", "Room for 3 d 4 h at this rate, then the oldest gives way. The disk keeps 5")
    wait_text(page, "#storage-classes", "Video of events")
    full = FakeStorage().view()
    message = {"room": False, "short_bytes": 5_000_000, "classes": [], "evictions": [], "max_bytes": full.max_bytes}
    stage.publish("storage", {**message, "used_bytes": 8_000_000_000, "free_bytes": 0, "lost": 2}, key="storage")
    wait_text(page, "#storage-horizon", "The disk is full: 5.00")
    wait_text(page, "#storage-about", "8.00\u202fGB of 8.00\u202fGB; the disk has 0")
    wait_text(page, "#storage-lost", "2 recordings gave way before they were uploaded.")
    stage.publish(
        "storage", {**message, "used_bytes": 1, "free_bytes": 3_000_000, "reserve_bytes": 8_000_000}, key="storage"
    )
    wait_text(page, "#storage-about", "3.00\u202fMB free, and 8.00\u202fMB have to stay free for everything else.")


def test_what_only_a_screen_reader_is_told_is_never_seen(page: Page) -> None:
    """Not even in the grey of a lost connection, which has an opacity of its own."""
    page.evaluate("document.body.dataset.link = 'lost'")
    title = page.get_by_role("heading", name="Recordings", exact=True)
    expect(title).to_have_css("opacity", "0.55")
    expect(title).to_have_css("clip-path", "inset(50%)")


def test_on_a_phone_nothing_runs_out_at_the_side_and_words_can_be_read(browser: Browser, stage: Stage) -> None:
    with visiting(browser, stage.url, size=PHONE, scheme="light") as phone:
        phone.sign_in(stage.password)
        page = phone.open("/viewer/recordings.html")
        page.wait_for_selector("#clips .clip")
        page.locator("#clips .clip").nth(1).click()
        page.wait_for_selector("#player:not([hidden])")
        expect(page.locator("#player-video")).to_be_in_viewport(ratio=1)
        assert too_wide(page) == []
        assert poor_contrast(page) == []


def test_who_is_not_signed_in_is_asked(browser: Browser, stage: Stage) -> None:
    with visiting(browser, stage.url) as stranger:
        stranger.forgive("401")
        page = stranger.open("/viewer/recordings.html")
        page.wait_for_selector("#signin[open]")
        page.fill("#password", stage.password)
        page.click("#signin-go")
        page.wait_for_selector("#clips .clip")
