"""The cloud's page in a real browser: signing in, what came in, a recording that plays, and a lost connection."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from cloud.store.intake import Intake
from contract.messages import AnyBody, Status
from tests.support.browser import DESK, PHONE, Visit, visiting
from tests.support.cloud import (
    BOOT,
    PASSWORD,
    START_MS,
    USER,
    CloudProcess,
    cloud_process,
    event,
    incoming,
    loss,
    opened,
    prediction,
    recording,
)
from tests.support.cloud_stage import write_video
from tests.support.ports import free_port

PROBES = ["HH", "HH", "HL", "LH", "LL", "LL", None, "HH", "HL"]
LATE_MS = 15_000


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    """A cloud with a user; its broker is never there, which the page need not know."""
    with cloud_process(tmp_path / "cloud", f"[broker]\nport = {free_port()}", free_port()) as found:
        assert found.command("user", "add", USER, stdin=f"{PASSWORD}\n").exit_code == 0
        found.start(ready=False)
        yield found


@pytest.fixture
def visit(browser: Browser, cloud: CloudProcess) -> Iterator[Visit]:
    with visiting(browser, cloud.url, size=DESK, scheme="light") as found:
        found.forgive("status of 401")
        yield found


def _in_thread(work: Coroutine[Any, Any, None]) -> None:
    """The browser's own event loop holds this thread."""
    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    thread.join()


async def _fill(cloud: CloudProcess) -> None:
    folder = cloud.config.parent
    video = recording("gate", "rec-film")
    size, _ = write_video(folder / "objects" / video.key)
    bodies: list[AnyBody] = [
        *(prediction(number, probe) for number, probe in enumerate(PROBES, 1)),
        event(6),
        event(9, event_id="ev-2", phase="close", severity="LOW"),
        recording("gate", "rec-film", size=size),
        recording("gate", "rec-late", phase="closed"),
        loss(40, 42),
    ]
    batch = [incoming(body, seq) for seq, body in enumerate(bodies, 1)]
    async with opened(f"sqlite:///{folder / 'cloud.db'}") as database:
        intake = Intake(database)
        birth = Status(device="gate", state="online", boot=BOOT, t="2026-11-21T08:00:00.000Z", software="0.1.0")
        await intake.set_status(birth, START_MS)
        await intake.add([*batch, incoming(prediction(20), 20)], START_MS)


def _sign_in(page: Page) -> None:
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#state")).to_contain_text("Up to date")


def test_an_empty_cloud_says_so(visit: Visit) -> None:
    """S0.34"""
    page = visit.open("/")
    _sign_in(page)
    expect(page.locator("#devices")).to_contain_text("No device has spoken yet")
    expect(page.locator("#predictions")).to_have_text("No predictions yet. Analysis in progress...")
    for place, words in (("#events", "No events."), ("#recordings", "No recordings yet."), ("#ledger", "Nothing")):
        expect(page.locator(place)).to_contain_text(words)


def test_a_wrong_password_is_told_and_signing_out_ends_it(visit: Visit) -> None:
    page = visit.open("/")
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("name or password is wrong")
    _sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_what_came_in_is_shown_as_text(visit: Visit, cloud: CloudProcess) -> None:
    """X.7"""
    _in_thread(_fill(cloud))
    page = visit.open("/")
    _sign_in(page)
    expect(page.locator("#devices")).to_contain_text("gate")
    expect(page.locator("#devices")).to_contain_text("records missing")
    blocks = page.locator("#predictions .bar span")
    expect(blocks).to_have_count(len(PROBES) + 1)
    happy = page.locator('#predictions .bar span[data-emotion="Happy"]').first
    assert happy.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(238, 205, 172)"
    assert "Happy" in str(happy.get_attribute("title"))
    expect(page.locator('#predictions .bar span[data-emotion="Unknown"]')).to_have_count(1)
    reasons = page.locator("#events .faint", has_text="<b>for long</b>")
    expect(reasons.first, "each reason has a line of its own").to_have_text("<b>for long</b>")
    assert page.locator("#events b").count() == 0
    expect(page.locator("#ledger")).to_contain_text("gave up 3 records: disk full")
    expect(page.locator("#gaps")).to_contain_text("missing, 15 to 19")
    expect(page.locator("#recordings")).to_contain_text("uploading")


def test_blocks_stand_where_their_time_is(visit: Visit, cloud: CloudProcess) -> None:
    """X.7: by time, so that a hole in time is a hole in the bar."""
    _in_thread(_fill(cloud))
    page = visit.open("/")
    _sign_in(page)
    with page.expect_response("**/v1/ledger*"):
        page.get_by_label("Time shown").select_option("300000")
    expect(page.locator("#state")).to_contain_text("Up to date")
    blocks = page.locator("#predictions .bar span")
    expect(blocks).to_have_count(len(PROBES) + 1)
    lefts = sorted(blocks.evaluate_all("list => list.map(e => parseFloat(e.style.left))"))
    assert lefts[-1] == pytest.approx(100 - 100 * 5000 / 300_000, abs=0.1)
    assert lefts[-1] - lefts[-2] == pytest.approx(100 * 11 * 5000 / 300_000, abs=0.1)


def test_a_recording_plays_and_can_be_moved_in(visit: Visit, cloud: CloudProcess) -> None:
    _in_thread(_fill(cloud))
    page = visit.open("/")
    _sign_in(page)
    page.get_by_role("button", name="Play rec-film").click()
    page.wait_for_function("() => document.querySelector('#video').currentTime > 0.3", timeout=LATE_MS)
    assert page.evaluate("() => document.querySelector('#video').videoWidth") == 320
    page.evaluate("() => { document.querySelector('#video').currentTime = 3 }")
    page.wait_for_function(
        "() => { const v = document.querySelector('#video'); return v.currentTime >= 3 && !v.seeking }", timeout=LATE_MS
    )
    assert page.evaluate("() => document.querySelector('#video').error") is None


def test_a_lost_connection_shows_and_mends_itself(visit: Visit, cloud: CloudProcess) -> None:
    visit.forgive("ERR_CONNECTION_REFUSED", "Failed to load resource")
    _in_thread(_fill(cloud))
    page = visit.open("/")
    _sign_in(page)
    cloud.end()
    expect(page.locator("#state")).to_contain_text("trying again", timeout=LATE_MS)
    expect(page.locator("#devices")).to_contain_text("gate")
    cloud.start(ready=False)
    expect(page.locator("#state")).to_contain_text("Up to date", timeout=LATE_MS)


@pytest.mark.parametrize("size", [PHONE, (320, 568)])
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, cloud: CloudProcess, size: tuple[int, int]) -> None:
    _in_thread(_fill(cloud))
    with visiting(browser, cloud.url, size=size, scheme="dark") as visit:
        visit.forgive("status of 401")
        page = visit.open("/")
        _sign_in(page)
        expect(page.locator("#devices")).to_contain_text("gate")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
        assert page.get_by_role("button", name="Play rec-film").bounding_box()["height"] >= 38  # type: ignore[index]
