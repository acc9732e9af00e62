"""The list of events: pictures, filters, older ones, new ones without a jump; details, clip and feedback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from contract.messages import Box, Event, Severity
from contract.plan import Plan, Zone
from tests.support.browser import PHONE, Visit, painted, visiting
from tests.support.processes import wait_until
from tests.support.stage import Stage, picture, staged

_GATE = Zone(id="gate", name="Gate", points=((0.2, 0.2), (0.6, 0.2), (0.6, 0.7)))
_COUNT = 45
_SHOWN = "() => document.querySelector('#events .event')"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An appliance with a past of 45 events, the newest of which have pictures."""
    folder: Path = tmp_path_factory.mktemp("events")
    with staged(folder) as opened:
        opened.cameras["front"].kept_plan = Plan(zones=(_GATE,))
        for number in range(_COUNT):
            happen(opened, number)
        yield opened


@pytest.fixture(scope="module")
def visit(browser: Browser, stage: Stage) -> Iterator[Visit]:
    """Somebody at a desk."""
    with visiting(browser, stage.url) as opened:
        opened.forgive("404")
        opened.sign_in(stage.password)
        yield opened


@pytest.fixture(scope="module")
def tab(visit: Visit) -> Page:
    """One tab for all."""
    return visit.open()


@pytest.fixture
def page(tab: Page) -> Page:
    """The tab, loaded anew, with its list."""
    tab.reload()
    tab.wait_for_function(_SHOWN)
    return tab


def happen(stage: Stage, number: int, *, severity: Severity | None = None, **changes: Any) -> str:
    """Something happened: every third was in the gate, every fifth is grave."""
    event_id, gate, grave = f"e{number:03}", number % 3 == 0, number % 5 == 0
    facts: dict[str, Any] = {
        "phase": "close",
        "type": "roi_violation" if gate else "motion",
        "start_ms": stage.now_ms - 1000 * (_COUNT - number) * 60,
        "reasoning": [f"reason of {number}", "and another"],
        "zone": "gate" if gate else None,
        "boxes": [Box(x=0.1, y=0.2, w=0.3, h=0.4, track=7)],
        "picture": gate,
    }
    facts["end_ms"] = facts["start_ms"] + 9_000
    if gate:
        stage.pictures.keep(event_id, picture(120))
        stage.pictures.kept[event_id, "thumbnail"] = picture(120)
        stage.cameras["front"].events.add(event_id)
    grade: Severity = severity or ("CRITICAL" if grave else "LOW")
    stage.record(Event(event_id=event_id, camera="front", severity=grade, **facts | changes))
    return event_id


def ids(page: Page) -> list[str]:
    """Which events are listed, from the top."""
    found: list[str] = page.eval_on_selector_all("#events .event", "all => all.map((e) => e.dataset.id)")
    return found


def test_list(page: Page) -> None:
    """Newest first, with severity, zone, first reason in plain words, and a thumbnail where there is one."""
    newest = page.locator("#events .event").first
    expect(newest).to_contain_text("reason of 44", ignore_case=True)
    assert ids(page)[:3] == ["e044", "e043", "e042"]
    gate = page.locator("[data-id='e042']")
    expect(gate).to_contain_text("In a restricted zone")
    expect(gate).to_contain_text("Gate")
    expect(gate).to_have_attribute("data-severity", "LOW")
    page.wait_for_function("() => document.querySelector(\"[data-id='e042'] img\").naturalWidth > 0")
    assert page.locator("[data-id='e044'] .event-spot").count() == 1
    lazy = page.eval_on_selector_all("#events img", "all => all.every((e) => e.loading === 'lazy')")
    assert lazy


def test_filters(page: Page) -> None:
    """By type, zone and severity, together; nothing found is said so."""
    page.get_by_label("Type", exact=True).select_option("roi_violation")
    expect(page.locator("#events .event").first).to_have_attribute("data-id", "e042")
    assert {int(one[1:]) % 3 for one in ids(page)} == {0}
    page.get_by_label("Severity", exact=True).select_option(label="High and graver")
    expect(page.locator("#events .event")).to_have_count(3)
    assert ids(page) == ["e030", "e015", "e000"]
    page.get_by_label("Zone or line", exact=True).select_option("gate")
    expect(page.locator("#events .event")).to_have_count(3)
    page.get_by_label("Type", exact=True).select_option("crowding")
    expect(page.locator("#events-empty")).to_have_text("Nothing like this has been kept.")


def test_older_ones_come_by_scrolling(page: Page) -> None:
    """A page at first, the rest when the end is near, each once, until there are no more."""
    assert len(ids(page)) == 30
    expect(page.locator("#events-more")).to_be_visible()
    page.eval_on_selector("#events-scroll", "e => { e.scrollTop = e.scrollHeight }")
    page.wait_for_function(f"() => document.querySelectorAll('#events .event').length === {_COUNT}")
    assert ids(page) == sorted(ids(page), reverse=True)
    expect(page.locator("#events-more")).to_be_hidden()


def test_new_ones_do_not_jump(page: Page, stage: Stage) -> None:
    """What is read stays where it is; that there is more on top is told and one click away."""
    page.eval_on_selector("#events-scroll", "e => { e.scrollTop = 500 }")
    place = "id => document.querySelector(`[data-id=${id}]`).getBoundingClientRect().top"
    before = page.evaluate(place, "e038")
    happen(stage, 100, start_ms=stage.now_ms, reasoning=["a new one"])
    expect(page.locator("#events-fresh")).to_have_text("1 new")
    assert page.evaluate(place, "e038") == pytest.approx(before, abs=1)
    page.click("#events-fresh")
    expect(page.locator("#events .event").first).to_contain_text("A new one")
    expect(page.locator("#events-fresh")).to_be_hidden()


def test_one_that_goes_on(page: Page, stage: Stage) -> None:
    """Open, update and close are one entry; it says that it goes on, and how many were taken together."""
    now = stage.now_ms
    happen(stage, 101, phase="open", start_ms=now, end_ms=None, severity="MEDIUM")
    entry = page.locator("[data-id='e101']")
    expect(entry).to_contain_text("going on")
    happen(stage, 101, start_ms=now, end_ms=now + 9_000, merged=3, severity="HIGH")
    expect(entry).to_contain_text("with 3 more like it")
    expect(entry).to_have_attribute("data-severity", "HIGH")
    expect(entry).not_to_contain_text("going on")
    assert ids(page).count("e101") == 1


def test_picture_that_is_kept_a_moment_later(page: Page, stage: Stage) -> None:
    """An event is told before its picture lies on the disk: the page looks again."""
    now = stage.now_ms
    with page.expect_response("**/e104/thumbnail.jpg*") as first:
        happen(stage, 104, start_ms=now, end_ms=now + 1_000, picture=True)
    assert first.value.status == 404
    stage.pictures.kept["e104", "thumbnail"] = picture(120)
    page.wait_for_function("() => document.querySelector(\"[data-id='e104'] img\").naturalWidth > 0")
    expect(page.locator("[data-id='e104'] .event-thumb")).to_have_attribute("data-picture", "there")


def test_nothing_floods_unseen(page: Page, stage: Stage) -> None:
    """What was merged and held back is told, once there is any."""
    expect(page.locator("#events-flood")).to_be_hidden()
    stage.vision(flood={"merged": 14, "suppressed": 3})
    expect(page.locator("#events-flood")).to_contain_text(
        "14 more were counted with one like them; 3 more were held back"
    )


def test_details(page: Page) -> None:
    """The best picture with what it was about, every reason and fact; closed, the focus is where it was."""
    page.locator("[data-id='e042']").click()
    dialog = page.get_by_role("dialog", name="In a restricted zone")
    expect(dialog).to_be_visible()
    expect(page.locator("#event-reasons li")).to_have_text(["Reason of 42", "And another"])
    for words in ("The front camera", "Gate", "9 s", "Low"):
        expect(page.locator("#event-facts")).to_contain_text(words)
    page.wait_for_function("() => document.getElementById('event-picture').naturalWidth === 640")
    wait_until(lambda: painted(page, "#event-boxes") > 0, "boxes are drawn")
    expect(page.locator("#event-show-clip")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("[data-id='e042']")).to_be_focused()


def test_clip(page: Page, stage: Stage, tmp_path: Path) -> None:
    """Where there is a clip, it plays; where it does not, that is said and the picture is there again."""
    clip = tmp_path / "clip.webm"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"VP80"), 5, (64, 48))
    for shade in range(10):
        writer.write(np.full((48, 64, 3), shade * 20, np.uint8))
    writer.release()
    stage.clips["e042"] = clip
    stage.clips["e039"] = Path(__file__)
    for event_id, media in (("e042", "clip"), ("e039", "picture")):
        page.locator(f"[data-id='{event_id}']").click()
        page.click("#event-show-clip")
        if media == "clip":
            page.wait_for_function("() => document.getElementById('event-clip').readyState >= 2")
        else:
            expect(page.locator("#event-said")).to_contain_text("cannot play it")
        expect(page.locator("#event-dialog")).to_have_attribute("data-media", media)
        page.click("#event-close")


def test_clip_of_one_that_goes_on_stays(page: Page, stage: Stage, tmp_path: Path) -> None:
    """Only the event itself tells of its clip: what is heard of it meanwhile does not take that away."""
    now = stage.now_ms
    stage.clips["e102"] = tmp_path / "none.webm"
    happen(stage, 102, phase="open", start_ms=now, end_ms=None)
    page.locator("[data-id='e102']").click()
    expect(page.locator("#event-show-clip")).to_be_enabled()
    happen(stage, 102, phase="update", start_ms=now, end_ms=None, reasoning=["heard meanwhile"])
    expect(page.locator("#event-reasons")).to_contain_text("Heard meanwhile")
    expect(page.locator("#event-show-clip")).to_be_enabled()
    page.keyboard.press("Escape")


def test_feedback(page: Page, stage: Stage) -> None:
    """What people say is kept, shown, and can be taken back; where it is too late, that is said."""
    page.locator("[data-id='e042']").click()
    normal, unusual = page.locator("#event-normal"), page.locator("#event-unusual")
    normal.click()
    expect(page.locator("#event-said")).to_contain_text("Said to be normal. A rule told it")
    expect(normal).to_have_attribute("aria-pressed", "true")
    assert stage.cameras["front"].verdicts["e042"] is True
    unusual.click()
    expect(unusual).to_have_attribute("aria-pressed", "true")
    expect(normal).to_have_attribute("aria-pressed", "false")
    assert stage.cameras["front"].verdicts["e042"] is False
    page.click("#event-close")
    expect(page.locator("[data-id='e042']")).to_contain_text("Said to be unusual")
    page.locator("[data-id='e044']").click()
    normal.click()
    expect(page.locator("#event-said")).to_contain_text("Say it of a newer event")
    page.click("#event-close")


def test_tabs_by_keyboard(page: Page) -> None:
    """The arrow keys go between what was seen and the log of the appliance."""
    page.focus("#tab-seen")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-log")).to_be_focused()
    expect(page.locator("#panel-log")).to_be_visible()
    expect(page.locator("#panel-seen")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#panel-seen")).to_be_visible()


def test_words_of_others_are_text(page: Page, stage: Stage) -> None:
    """What a detector or a plan says is never taken for markup."""
    evil = "<img src=x onerror=alert(1)>"
    happen(stage, 102, start_ms=stage.now_ms, reasoning=[evil])
    expect(page.locator("[data-id='e102']")).to_contain_text(evil)
    assert page.locator("[data-id='e102'] .reason img").count() == 0


def test_on_a_phone(browser: Browser, stage: Stage) -> None:
    """The list right below the picture, the details as a whole screen, nothing that runs out at the side."""
    with visiting(browser, stage.url, size=PHONE, has_touch=True, is_mobile=True) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        page.wait_for_function(_SHOWN)
        box = page.locator("#events .event").first.bounding_box()
        assert box
        assert box["height"] >= 44
        page.locator("#events .event").first.tap()
        expect(page.locator("#event-dialog")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        whole = page.locator("#event-dialog").bounding_box()
        assert whole
        assert (whole["width"], whole["height"]) == PHONE
