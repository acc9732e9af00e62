"""The cloud's page in a real browser: signing in, what came in, a recording that plays, and a lost connection."""

import asyncio
import re
import threading
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as PlaywrightError

from cloud.store.intake import Intake
from contract.messages import AnyBody, Status
from tests.support.browser import DESK, PHONE, Visit, poor_contrast, too_wide, visiting
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
_DEVICES, _ACCOUNTS = "/console/devices.html", "/console/accounts.html"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """A cloud with a user and nothing else; its broker is never there, which the page need not know."""
    yield from _running(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """One with a device that sent something of everything."""
    for found in _running(tmp_path_factory.mktemp("filled")):
        _in_thread(_fill(found))
        yield found


def _running(folder: Path) -> Iterator[CloudProcess]:
    with cloud_process(folder / "cloud", f"[broker]\nport = {free_port()}", free_port()) as found:
        assert found.command("user", "add", USER, stdin=f"{PASSWORD}\n").exit_code == 0
        found.start(ready=False)
        yield found


@pytest.fixture
def visit(browser: Browser, filled: CloudProcess) -> Iterator[Visit]:
    with visiting(browser, filled.url, size=DESK, scheme="light", timezone_id="Europe/Berlin") as found:
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
        replace(event(4), recording_id="rec-film"),
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


def test_an_empty_cloud_says_so(browser: Browser, empty: CloudProcess) -> None:
    """S0.34"""
    with visiting(browser, empty.url, timezone_id="America/St_Johns") as visit:
        visit.forgive("status of 401")
        page = visit.open("/")
        _sign_in(page)
        _look_at_nothing(page)
        assert page.evaluate(_FORMATS) == _FORMATTED


def _look_at_nothing(page: Page) -> None:
    expect(page.locator("#devices")).to_contain_text("No device has spoken yet")
    expect(page.locator("#predictions")).to_contain_text("No predictions yet. Analysis in progress...")
    expect(page.locator("#predictions")).to_contain_text("a device with a body sensor")
    for place, words in (("#events", "No events yet."), ("#recordings", "No recordings yet."), ("#ledger", "Nothing")):
        expect(page.locator(place)).to_contain_text(words)
    assert page.title() == "Overview · Afferent cloud"


_FORMATS = """async () => {
  const { ago, bytes, counted, duration, moment, sentence } = await import("/console/format.js");
  const day = 86400000;
  return [
    moment(Date.UTC(2026, 10, 21, 23, 5, 9)), moment(Date.UTC(2026, 6, 1, 2, 29, 59)),
    ago(0, 59000), ago(0, 119000), ago(0, 7200000), ago(0, day), ago(0, 3 * day), ago(9000, 0),
    bytes(0), bytes(999), bytes(999600), bytes(1.5e9), bytes(null),
    duration(999), duration(125000), duration(3600000), duration(90000000), duration(NaN),
    counted(1, "record"), counted(12345, "record"), counted(0, "entry", "entries"),
    sentence("so it is"), sentence("Go on …"), sentence(""),
  ].map((text) => text.replaceAll("\u202f", " "));
}"""
_FORMATTED = [
    "2026-11-21 19:35:09 UTC\N{MINUS SIGN}03:30", "2026-06-30 23:59:59 UTC\N{MINUS SIGN}02:30",
    "just now", "1 min ago", "2 h ago", "1 day ago", "3 days ago", "just now",
    "0 B", "999 B", "1.00 MB", "1.50 GB", "\N{EN DASH}",
    "1 s", "2 min 05 s", "1 h 00 min", "1 d 1 h", "\N{EN DASH}",
    "1 record", "12 345 records", "0 entries",
    "So it is.", "Go on …", "",
]  # fmt: skip
_NOW = "() => document.querySelector('#span').dispatchEvent(new Event('change'))"
"""Asks at once, and leaves the focus where it is."""
_ASKING = """async () => {
  const { repeating } = await import("/console/repeat.js");
  let [hidden, count, told] = [false, 0, () => {}];
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  const again = repeating(async () => { count += 1; told(); }, 5);
  const next = () => new Promise((done) => { told = done; });
  const pause = () => new Promise((done) => setTimeout(done, 60));
  again.now();
  await next();
  hidden = true;
  await pause();
  const before = count;
  await pause();
  const whileHidden = count - before;
  hidden = false;
  document.dispatchEvent(new Event("visibilitychange"));
  await next();
  again.stop();
  const atStop = count;
  await pause();
  return [whileHidden, count - atStop];
}"""


def test_nothing_is_asked_while_nobody_looks_nor_all_of_a_long_list_shown(
    browser: Browser, empty: CloudProcess
) -> None:
    device = {
        "state": "online", "clock": "trusted", "software": "1", "last_seen_ms": START_MS, "contiguous": 0, "highest": 0,
        "missing": 0, "gaps": [], "release": "", "desired_version": 0, "reported_version": 0, "desired_state": "",
        "commands_open": 0, "open_alarms": 0, "outbox_records": 0,
    }  # fmt: skip
    devices = [{**device, "device": f"d{number}", "missing": number // 1129} for number in range(1130)]
    segment = {
        "device": "d1",
        "source": "wrist",
        "task": "emotion",
        "probe": None,
        "emotion": "Unknown",
        "confidence": 0,
    }
    segments = {"items": [{**segment, "start_ms": START_MS, "end_ms": START_MS + 5000}], "after": "more"}
    with visiting(browser, empty.url) as visit:
        visit.forgive("status of 401")
        page = visit.open("/")
        page.route(re.compile(r"/v1/devices\?"), lambda route: route.fulfill(json=_page_of(devices, route.request.url)))
        page.route("**/v1/predictions?*", lambda route: route.fulfill(json=segments))
        _sign_in(page)
        expect(page.locator("#devices .card")).to_have_count(12)
        expect(page.locator("#devices .name").first, "who needs somebody comes first").to_have_text("d1129")
        expect(page.locator("#predictions .hint")).to_contain_text("the newest 1000 segments, back to 20")
        page.get_by_role("link", name="d7", exact=True).focus()
        devices[7]["missing"] = 5
        page.evaluate(_NOW)
        expect(page.locator("#devices .name").first).to_have_text("d7")
        expect(page.locator("#devices .name").first, "the focus stays where it was").to_be_focused()
        expect(page.locator("#not-named")).to_contain_text("names 1\u202f001 of 1\u202f130 devices.")
        page.goto(f"{visit.url}/?device=d1128")
        expect(page.locator("#devices .name"), "one that the menu does not name by itself").to_have_text(["d1128"])
        page.locator("#device").select_option("all devices")
        expect(page).to_have_url(f"{visit.url}/")
        page.goto(f"{visit.url}/?device=nowhere")
        expect(page.locator("#devices .card"), "there is no such device").to_have_count(12)
        page.get_by_role("link", name="All 1\u202f130 devices").click()
        expect(page.locator("#devices li")).to_have_count(100)
        page.get_by_role("button", name="Show more").click()
        expect(page.locator("#devices li")).to_have_count(200)
        expect(page.locator("#count")).to_have_text("1\u202f130 of 1\u202f130 devices")
        assert page.evaluate(_ASKING) == [0, 0]


def _page_of(devices: list[dict[str, Any]], url: str) -> dict[str, Any]:
    """As the cloud answers, if it had them."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    mine = [one for one in devices if one["missing"]] if asked.get("attention") else devices
    mine = [one for one in mine if asked.get("device") in (None, one["device"])]
    begin = int(asked.get("after", "0"))
    end = begin + int(asked["limit"])
    after = {"after": str(end)} if end < len(mine) else {}
    return {"items": mine[begin:end], "found": len(mine), "known": len(devices), **after}


def test_a_wrong_password_is_told_and_signing_out_ends_it(visit: Visit) -> None:
    page = visit.open("/")
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong. An admin")
    _sign_in(page)
    for place in ("Overview", "Devices", "Accounts"):
        page.get_by_role("link", name=place, exact=True).click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.get_by_role("link", name="Devices", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{visit.url}/console/devices.html")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.title() == "Sign in · Afferent cloud"
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("heading", name="Devices"), "back to where they were").to_be_visible()


def test_what_came_in_is_shown_as_text(visit: Visit) -> None:
    """X.7"""
    page = visit.open("/")
    _sign_in(page)
    expect(page.locator("#devices")).to_contain_text("gate")
    expect(page.locator("#devices")).to_contain_text("records missing")
    blocks = page.locator("#predictions .bar span")
    expect(blocks).to_have_count(len(PROBES) + 1)
    happy = page.locator('#predictions .bar span[data-emotion="Happy"]').first
    assert happy.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(238, 205, 172)"
    assert "Happy" in str(happy.get_attribute("title"))
    unsure = page.locator('#predictions .bar span[data-emotion="Not sure"]')
    expect(unsure).to_have_count(1)
    assert "Unknown" not in page.locator("main#console").inner_text()
    expect(page.locator("#events .name").first).to_have_text("Loitering")
    _look_at_times(page)
    _look_with_keys(page)
    reasons = page.locator("#events .faint", has_text="<b>for long</b>")
    expect(reasons.first, "each reason has a line of its own").to_have_text("<b>for long</b>")
    assert page.locator("#events b").count() == 0
    expect(page.locator("#ledger")).to_contain_text("gave up 3 records: disk full")
    expect(page.locator("#gaps")).to_contain_text("5 records missing, numbers 15 to 19")
    expect(page.locator("#recordings")).to_contain_text("uploading")
    page.locator("#device").select_option("gate")
    page.context.clear_cookies()  # the session ended elsewhere
    with suppress(PlaywrightError):  # it may have asked by itself meanwhile, and be on its way
        page.evaluate(_NOW)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator("#events"), "nothing is left for the next one who signs in here").to_have_text("Loading …")
    assert page.locator("#device").input_value() == ""


def _look_at_times(page: Page) -> None:
    """24 hours, in the reader's own zone, which is said; for programs by RFC 3339."""
    time = page.locator("#ledger time").first
    assert time.get_attribute("datetime") == time.get_attribute("title") == "2026-05-28T20:26:40.014Z"
    assert time.inner_text() == "2026-05-28 22:26:40 UTC+02:00"
    assert " UTC" in page.locator("#state").inner_text()


def _look_with_keys(page: Page) -> None:
    """The strip says what each segment is without a pointer, and all of them together."""
    bar, tip = page.locator("#predictions .bar"), page.locator("#predictions .tip")
    assert re.fullmatch(r"Happy 40.%, Neutral 20.%, Angry 10.%, Sad 20.%, Not sure 10.%", tip.inner_text())
    bar.focus()
    bar.press("End")
    expect(tip).to_contain_text("Happy, 75\u202f% sure · 2026-05-28 22:28:20 UTC+02:00, for 5 s")
    assert bar.get_attribute("aria-activedescendant") == page.locator(".bar [aria-selected=true]").get_attribute("id")
    bar.press("Escape")
    expect(tip).to_contain_text("Neutral 20")


def test_blocks_stand_where_their_time_is(visit: Visit) -> None:
    """X.7: by time, so that a hole in time is a hole in the bar."""
    page = visit.open("/")
    _sign_in(page)
    page.get_by_label("Time shown").select_option("300000")
    blocks = page.locator("#predictions .bar span")
    expect(blocks.last).to_have_attribute("style", re.compile(r"width: 1\.66"))
    expect(blocks).to_have_count(len(PROBES) + 1)
    lefts = sorted(blocks.evaluate_all("list => list.map(e => parseFloat(e.style.left))"))
    assert lefts[-1] == pytest.approx(100 - 100 * 5000 / 300_000, abs=0.1)
    assert lefts[-1] - lefts[-2] == pytest.approx(100 * 11 * 5000 / 300_000, abs=0.1)


def test_a_recording_plays_and_can_be_moved_in(visit: Visit) -> None:
    page = visit.open("/")
    _sign_in(page)
    page.get_by_role("button", name="Play rec-film", exact=True).click()
    page.wait_for_function("() => document.querySelector('#video').currentTime > 0.3", timeout=LATE_MS)
    assert page.evaluate("() => document.querySelector('#video').videoWidth") == 320
    page.evaluate("() => { document.querySelector('#video').currentTime = 3 }")
    page.wait_for_function(
        "() => { const v = document.querySelector('#video'); return v.currentTime >= 3 && !v.seeking }", timeout=LATE_MS
    )
    assert page.evaluate("() => document.querySelector('#video').error") is None
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#player")).to_be_hidden()
    page.get_by_role("button", name="Play rec-film, which shows ev-1").click()
    expect(page.locator("#video"), "from shortly before it").to_have_attribute("src", re.compile("device=gate#t=2$"))
    visit.forgive("status of 404")
    page.get_by_role("button", name="Play rec-1, which shows ev-2").click()
    expect(page.locator("#video-problem")).to_contain_text("See Gaps and losses")


def test_a_lost_connection_shows_and_mends_itself(visit: Visit, filled: CloudProcess) -> None:
    visit.forgive("ERR_CONNECTION_REFUSED", "Failed to load resource")
    page = visit.open("/")
    _sign_in(page)
    filled.end()
    page.evaluate(_NOW)
    expect(page.locator("#lost")).to_contain_text("Trying again", timeout=LATE_MS)
    expect(page.locator("#lost")).to_contain_text("What you see is from")
    expect(page.locator("#devices")).to_contain_text("gate")
    filled.start(ready=False)
    expect(page.locator("#state")).to_contain_text("Up to date", timeout=LATE_MS)
    expect(page.locator("#lost")).to_be_hidden()


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), ((320, 568), "dark"), ((1024, 768), "light")])
def test_every_page_fits_and_can_be_read(
    browser: Browser, filled: CloudProcess, size: tuple[int, int], scheme: Literal["dark", "light"]
) -> None:
    """Nothing beside the window, and contrast as WCAG 2.2 AA has it (1.4.3)."""
    with visiting(browser, filled.url, size=size, scheme=scheme) as visit:
        visit.forgive("status of 401")
        page = visit.open("/")
        expect(page.get_by_label("Password")).to_be_focused()
        assert (too_wide(page), poor_contrast(page)) == ([], [])
        _sign_in(page)
        assert page.get_by_role("button", name="Play rec-film", exact=True).bounding_box()["height"] >= 38  # type: ignore[index]
        for path, place in (
            ("/", "#devices"),
            (_DEVICES, "#devices"),
            (f"{_DEVICES}#gate", "#facts"),
            (_ACCOUNTS, "#audit"),
        ):
            page.goto(visit.url + path)
            expect(page.locator(f"{place} .empty")).to_have_count(0)
            expect(page.locator("#state")).to_contain_text("Up to date")
            assert (too_wide(page), poor_contrast(page)) == ([], []), path
