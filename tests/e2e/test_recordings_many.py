"""The page of recordings where there are more than a page takes: each of them can be got at."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from edge.web.recording_port import RecordingPage, RecordingView
from tests.support.browser import visiting
from tests.support.recordings_port import FakeRecordings
from tests.support.stage import staged

_COUNT = 250


class _Many(FakeRecordings):
    """The newest has the highest order."""

    def page(self, *, camera: str | None, before: int | None, limit: int) -> RecordingPage:
        orders = [order for order in range(_COUNT, 0, -1) if before is None or order < before]
        views = [
            RecordingView(
                recording_id=f"rec-{order}",
                camera=camera or "gate",
                reason="continuous",
                state="uploaded",
                start_ms=1_780_000_000_000 + order * 300_000,
                end_ms=1_780_000_300_000 + order * 300_000,
                order=order,
            )
            for order in orders[:limit]
        ]
        return RecordingPage(recordings=views, more=len(orders) > limit)


def test_the_oldest_of_hundreds_is_reached_and_stays_while_the_list_is_asked_for_again(
    browser: Browser, tmp_path: Path
) -> None:
    with staged(tmp_path, recordings=_Many(tmp_path)) as stage, visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        visit.forgive("404")
        page = visit.open("/viewer/recordings.html")
        clips, more = page.locator("#clips .clip"), page.locator("#clips-more")
        for shown in (30, 60, 90, 120, 150, 180, 210, 240):
            expect(clips).to_have_count(shown)
            more.click()
        expect(clips).to_have_count(_COUNT)
        expect(more).to_be_hidden()
        with page.expect_response(lambda response: "/v1/clips?" in response.url, timeout=60_000):
            pass
        page.wait_for_timeout(200)
        expect(clips).to_have_count(_COUNT)
        expect(more).to_be_hidden()
