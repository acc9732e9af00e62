"""The timeline of a session, by time of day and by its film, and the desk as a whole: legible on any screen."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from contract.sessions import ChannelQuality
from tests.support.browser import DESK, PHONE, alive, dialog, poor_contrast, too_wide, visiting
from tests.support.desk_stage import DeskStage, past_session
from tests.support.processes import wait_until


def test_timeline_by_time_and_annotation(page: Page, stage: DeskStage) -> None:
    """X.7, S0.33, S0.38: gaps stay open, a partial segment is narrower, abstention is hatched, a click annotates."""
    view = past_session(stage)
    page.reload()
    page.locator(f"#past [data-session='{view.session_id}']").get_by_role("button", name="Timeline").click()
    blocks = page.locator(".session-view .session-timeline:visible .segment")
    expect(blocks).to_have_count(4)
    places = blocks.evaluate_all("all => all.map((s) => [parseFloat(s.style.left), parseFloat(s.style.width)])")
    assert [left for left, _ in places] == pytest.approx([0, 100 * 5 / 120, 50, 100 * 65 / 120], abs=0.05)
    assert places[2][1] == pytest.approx(100 * 5 / 120, abs=0.05)
    assert places[3][1] == pytest.approx(100 * 2 / 120, abs=0.05)
    assert "unsure" in (blocks.nth(1).get_attribute("class") or "")
    blocks.nth(3).hover()
    tip = page.locator(".session-view .tip:visible")
    expect(tip).to_contain_text("Angry · 80")
    expect(tip).to_contain_text("Body 70")
    expect(tip).to_contain_text("Towards Angry: skin responses")
    expect(tip).to_contain_text("Against Angry: heart rate")
    blocks.nth(3).click()
    dialog(page).get_by_role("button", name="Neutral").click()
    dialog(page).get_by_role("button", name="Keep annotation").click()
    wait_until(lambda: alive(page) and bool(stage.sessions.known[view.session_id].labels), "annotated")
    (label,) = stage.sessions.known[view.session_id].labels
    assert (label.source, label.probe, label.at_ms) == ("annotation", "HL", view.start_ms + 66_000)
    expect(page.locator(".session-view .flag[data-kind='label']:visible")).to_have_count(1)


def test_timeline_against_the_film(page: Page, stage: DeskStage) -> None:
    """X.7: on the film's own clock what was before it has no place, and the rest is where the film was."""
    view = past_session(stage, film_from_ms=5_000)
    page.reload()
    page.locator(f"#past [data-session='{view.session_id}']").get_by_role("button", name="Timeline").click()
    blocks = page.locator(".session-view .session-timeline:visible .segment")
    expect(blocks).to_have_count(3)
    lefts = blocks.evaluate_all("all => all.map((s) => parseFloat(s.style.left))")
    assert lefts == pytest.approx([0, 100 * 55 / 120, 50], abs=0.05)
    expect(page.locator(".session-view")).to_contain_text("1 segment while no film played")
    blocks.nth(1).hover()
    expect(page.locator(".session-view .tip:visible")).to_contain_text("0:55\u20131:00")
    page.get_by_role("button", name="Time of day").click()
    expect(blocks).to_have_count(4)


def test_empty_timeline(page: Page, stage: DeskStage) -> None:
    """S0.34: the words of a session without predictions."""
    session = stage.begin("P07")
    page.locator(f".card[data-session='{session.session_id}']").get_by_role("button", name="Timeline").click()
    empty = page.locator(".session-view .timeline-empty:visible")
    expect(empty).to_have_text("No predictions yet. Analysis in progress...")


def test_times_of_day_stay_within_a_card(page: Page) -> None:
    """Also where one is due 19 px from the left of it, and from the right."""
    out = page.evaluate(
        """async () => {
          const { createSessionTimeline } = await import("/viewer/session-timeline.js");
          const root = document.createElement("div");
          root.style.width = "380px";
          document.querySelector("main").append(root);
          const timeline = createSessionTimeline(root, { onOpen() {} });
          const box = root.getBoundingClientRect();
          const reaching = (startMs) => {
            timeline.draw({ segments: [], labels: [], markers: [], startMs, endMs: startMs + 60_000 });
            const words = [...root.querySelectorAll(".tick-word:not([hidden])")];
            const seen = words.map((word) => word.getBoundingClientRect());
            return [seen.length > 0, seen.filter(({ left, right }) => left < box.left || right > box.right).length];
          };
          return [reaching(3_600_000 - 3_000), reaching(3_600_000 + 3_000)];
        }"""
    )
    assert out == [[True, 0], [True, 0]]


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "dark"), (PHONE, "light")])
def test_legible_everywhere(
    browser: Browser, stage: DeskStage, size: tuple[int, int], scheme: Literal["dark", "light"]
) -> None:
    """At a desk in the dark and on a phone in the light: nothing reaches out of the window, nothing is hard to read."""
    past_session(stage)
    long = "a-very-long-name-that-nothing-breaks-by-itself-0123456789"
    stage.there(lambda: stage.sessions.show("long", title=long * 3))
    session = stage.begin(long, stimulus="long")
    stage.segment(session.session_id, None)
    stage.signal(quality={"gsr_us": ChannelQuality(state="electrode_off", index=0.0)})
    with visiting(browser, stage.url, size=size, scheme=scheme) as visit:
        visit.sign_in(stage.password)
        page = visit.open("/viewer/sessions.html")
        expect(page.locator("#running .card")).to_contain_text("Press both electrodes")
        page.locator("#start-participant").select_option("P07")
        expect(page.locator("#checks .check")).to_have_count(2)
        assert (too_wide(page), poor_contrast(page)) == ([], [])
        for opener in ("#participant-add", "#stimulus-add"):
            page.locator(opener).click()
            assert (too_wide(page), poor_contrast(page)) == ([], [])
            page.keyboard.press("Escape")
        page.locator("#past").get_by_role("button", name="Timeline").first.click()
        page.locator(".session-view .segment:visible").first.click()
        assert (too_wide(page), poor_contrast(page)) == ([], [])
