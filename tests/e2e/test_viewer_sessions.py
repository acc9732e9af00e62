"""The session desk: consent before anything, two sessions at once, the timeline by time, upload, markers, erasure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from contract.sessions import ChannelQuality, Check, CheckList, SessionView, StimulusClock
from tests.support.browser import DESK, PHONE, Visit, poor_contrast, too_wide, visiting
from tests.support.desk_stage import DeskStage, at_the_desk, segment_at, small_video
from tests.support.processes import wait_until

_MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskStage]:
    """One for all of them, with two sensors."""
    folder: Path = tmp_path_factory.mktemp("desk")
    with at_the_desk(folder) as opened:
        yield opened


@pytest.fixture
def stage(appliance: DeskStage) -> DeskStage:
    """An appliance with two sensors and nobody yet."""
    appliance.clear()
    return appliance


@pytest.fixture
def visit(browser: Browser, stage: DeskStage) -> Iterator[Visit]:
    """The operator, signed in."""
    with visiting(browser, stage.url) as opened:
        opened.sign_in(stage.password)
        yield opened


@pytest.fixture
def page(visit: Visit) -> Page:
    """The desk, open."""
    return visit.open("/viewer/sessions.html")


def dialog(page: Page) -> Locator:
    """The dialog that is open."""
    return page.locator("dialog[open]").last


def alive(page: Page) -> bool:
    """Let the browser's messages through while the test waits."""
    return bool(page.evaluate("true"))


def test_empty_desk(page: Page) -> None:
    """Every list says what it is for and what to do first."""
    expect(page.locator("#participants-empty")).to_contain_text("a pseudonym, never a name")
    expect(page.locator("#stimuli-empty")).to_contain_text("Upload a video")
    expect(page.locator("#running-empty")).to_have_text("No session runs.")
    expect(page.locator("#past-empty")).to_have_text("No session has ended yet.")
    expect(page.locator("#start-go")).to_be_disabled()


def test_consent_before_a_session(page: Page, stage: DeskStage) -> None:
    """A new participant is shown the whole text; without a witness and their agreement nothing is recorded."""
    expect(page.locator("#sensors [data-sensor='wrist']")).to_be_visible()
    page.locator("#participant-add").click()
    page.get_by_label("Pseudonym").fill("a name")
    dialog(page).get_by_role("button", name="Add").click()
    expect(dialog(page)).to_contain_text("Letters, digits")
    page.get_by_label("Pseudonym").fill("P07")
    page.get_by_label("Sensor", exact=True).last.select_option("wrist")
    dialog(page).get_by_role("button", name="Add").click()
    expect(page.locator("dialog .consent-text")).to_have_text(stage.sessions.consent_text().text)
    record = page.get_by_role("button", name="Record consent")
    expect(record).to_be_disabled()
    page.get_by_label("Witness").fill("mk")
    page.get_by_role("switch").check()
    record.click()
    expect(page.locator("[data-participant='P07']")).to_contain_text("Agreed")
    consent = stage.sessions.people["P07"].consent
    assert consent is not None
    assert (consent.given, consent.witness) == (True, "mk")


def test_check_list_stops_and_is_overruled(page: Page, stage: DeskStage) -> None:
    """`stop` cannot be overruled, `warning` can by a tick, each line has its remedy."""
    stage.there(lambda: stage.sessions.welcome("P07"))
    stage.sessions.list_of_checks = CheckList(
        ready=False,
        checks=[Check(name="electrodes", state="stop", detail="the electrodes are off", remedy="press them on")],
    )
    page.reload()
    page.locator("#start-participant").select_option("P07")
    expect(page.locator("[data-check='electrodes']")).to_contain_text("Press them on")
    expect(page.locator("#start-go")).to_be_disabled()
    expect(page.locator("#start-tick")).to_be_hidden()
    stage.sessions.list_of_checks = CheckList(
        ready=True, checks=[Check(name="signal", state="warning", detail="noisy", remedy="sit still")]
    )
    expect(page.locator("[data-check='signal']")).to_contain_text("Sit still")
    expect(page.locator("#start-go")).to_be_disabled()
    page.locator("#start-overrule").check()
    page.locator("#start-go").click()
    expect(page.locator("#running .card")).to_have_count(1)


def test_two_sessions_at_once(page: Page, stage: DeskStage) -> None:
    """S0.36: two people on two sensors side by side, each with their own emotion, quality, markers and end."""
    first = stage.begin("P07", sensor="wrist")
    second = stage.begin("P08", sensor="belt")
    page.wait_for_selector(f"[data-session='{second.session_id}']")
    stage.segment(first.session_id, "HH")
    stage.segment(second.session_id, "LL", source="belt")
    stage.signal("belt", quality={"gsr_us": ChannelQuality(state="electrode_off", index=0.0)})
    cards = {view.participant: page.locator(f".card[data-session='{view.session_id}']") for view in (first, second)}
    expect(cards["P07"]).to_contain_text("Happy 80")
    expect(cards["P07"]).to_contain_text("Body 70")
    expect(cards["P08"]).to_contain_text("Sad 80")
    expect(cards["P08"]).to_contain_text("Press both electrodes onto the fingers")
    page.keyboard.press("n")
    wait_until(lambda: alive(page) and bool(stage.sessions.known[second.session_id].markers), "marked")
    assert not stage.sessions.known[first.session_id].markers
    cards["P07"].get_by_role("button", name="Note…").click()
    dialog(page).get_by_label("Note").fill("coughs")
    dialog(page).get_by_role("button", name="Keep note").click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert [one.note for one in stage.sessions.known[first.session_id].markers] == ["coughs"]
    cards["P07"].get_by_role("button", name="Stop…").click()
    dialog(page).get_by_role("button", name="Stop session").click()
    expect(page.locator("#running .card")).to_have_count(1)
    expect(page.locator(f"#past [data-session='{first.session_id}']")).to_contain_text("P07")


def test_question_is_seen_at_the_desk(page: Page, stage: DeskStage) -> None:
    """The operator sees that a question waits, and that it was answered."""
    session = stage.begin("P07")
    card = page.locator(f".card[data-session='{session.session_id}']")
    stage.there(lambda: stage.sessions.ask(session.session_id))
    expect(card.locator(".card-ask")).to_contain_text("Asked, waiting for an answer")
    stage.there(lambda: stage.sessions.unask(session.session_id))
    expect(card.locator(".card-ask")).to_have_text("No question open")


def past_session(stage: DeskStage, *, film_from_ms: int | None = None) -> SessionView:
    """Two minutes: 0-10 s and 60-65 s, then a partial segment of 2 s. The film began `film_from_ms` after the start."""
    start = stage.now_ms - 10 * _MINUTE_MS
    stage.there(lambda: stage.sessions.welcome("P07"))
    stage.there(lambda: stage.sessions.show("sea", number=1, duration_ms=120_000))
    view = SessionView(
        session_id="P07_1_1",
        participant="P07",
        start_ms=start,
        end_ms=start + 2 * _MINUTE_MS,
        stimulus="sea",
        video_id=1,
        sensor="wrist",
        segments=4,
        clock=None if film_from_ms is None else StimulusClock(at_ms=start + film_from_ms, stimulus_ms=0, rate=1.0),
    )
    rows = [segment_at(view, 0, "HH"), segment_at(view, 1, None), segment_at(view, 12, "LL")]
    rows.append(segment_at(view, 13, "LH", end_ms=start + 67_000, pushes={"scr_count": 0.8, "hr_bpm": -0.4}))
    stage.past(view.session_id, view, rows)
    return view


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


def test_video_is_uploaded_and_previewed(page: Page, stage: DeskStage, tmp_path: Path) -> None:
    """A real file: uploaded, its length read, and played again from the appliance."""
    film = small_video(tmp_path / "film.webm", seconds=2)
    page.locator("#stimulus-add").click()
    page.get_by_label("Short name").fill("sea")
    page.get_by_label("Title").fill("The sea")
    page.get_by_label("Number").fill("3")
    page.get_by_label("Video file").set_input_files(str(film))
    dialog(page).get_by_role("button", name="Add").click()
    line = page.locator("[data-stimulus='sea']")
    expect(line).to_contain_text("number 3 · 2 s · played here")
    assert stage.sessions.watchable["sea"].size_bytes == film.stat().st_size
    line.get_by_role("button", name="Preview").click()
    page.wait_for_function("() => document.querySelector('video.preview')?.readyState >= 2")
    page.evaluate("document.querySelector('video.preview').play()")
    page.wait_for_function("() => document.querySelector('video.preview').currentTime > 0.1")


def test_link_for_the_participant(page: Page, stage: DeskStage) -> None:
    """The address says how questions are answered, and opens that person's page."""
    stage.there(lambda: stage.sessions.welcome("P07"))
    page.reload()
    page.locator("[data-participant='P07']").get_by_role("button", name="Link…").click()
    address = page.get_by_label("Address")
    page.get_by_label("Questions are answered by").select_option("square")
    page.wait_for_function("() => document.querySelector('.link-address').value.includes('token=')")
    assert "by=square" in address.input_value()
    assert "participant=P07" in address.input_value()


def test_erase_by_typing_the_name(page: Page, stage: DeskStage) -> None:
    """Only with the pseudonym typed; then it says what was erased."""
    past_session(stage)
    page.reload()
    page.locator("[data-participant='P07']").get_by_role("button", name="Erase…").click()
    erase = dialog(page).get_by_role("button", name="Erase everything")
    expect(erase).to_be_disabled()
    dialog(page).get_by_label("Type P07 to confirm").fill("P07")
    erase.click()
    expect(dialog(page)).to_contain_text("P07 was erased: 1 session, 4 records and 0 files.")
    assert "P07" not in stage.sessions.people
    expect(page.locator("[data-participant='P07']")).to_have_count(0)


def test_withdrawal_ends_the_session(page: Page, stage: DeskStage) -> None:
    """Taking consent back ends what runs."""
    stage.begin("P07")
    page.reload()
    page.locator("[data-participant='P07']").get_by_role("button", name="Withdraw…").click()
    dialog(page).get_by_role("button", name="Withdraw consent").click()
    expect(page.locator("[data-participant='P07']")).to_contain_text("Withdrawn")
    expect(page.locator("#running .card")).to_have_count(0)


def test_sensor_board(page: Page, stage: DeskStage) -> None:
    """Clock, quality with its remedy, and the guided calibration."""
    card = page.locator("[data-sensor='wrist']")
    expect(card).to_contain_text("38.0\u202fppm")
    expect(card).to_contain_text("Calibrated")
    expect(card).to_contain_text("Ask for the hand to lie still.")
    card.get_by_role("button", name="Calibrate…").click()
    expect(dialog(page)).to_contain_text("Take both electrodes off")
    assert not stage.sensors.commands
    dialog(page).get_by_role("button", name="Electrodes are off: measure").click()
    expect(dialog(page)).to_contain_text("Calibrated. Done")
    assert [(name, one.command) for name, one in stage.sensors.commands] == [("wrist", "calibrate")]
    dialog(page).get_by_role("button", name="Cancel").click()
    card.get_by_role("button", name="Self-test").click()
    expect(dialog(page)).to_contain_text("The board is well.")


def test_refusal_is_said(page: Page, visit: Visit, stage: DeskStage) -> None:
    """S0.40: what the appliance refuses is said with its reason, and nothing else changes."""
    visit.forgive("503", "409")
    stage.begin("P07")
    page.wait_for_selector("#running .card")
    stage.sessions.broken = True
    page.locator("#running .card").get_by_role("button", name="Mark (M)").click()
    expect(page.locator(".notice[data-tone='bad']").first).to_contain_text("The store cannot be read")


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


def test_rest(page: Page, stage: DeskStage) -> None:
    """The button declares a minute of rest and counts it down; the card says what normal a segment is held against."""
    session = stage.begin("P07")
    card = page.locator(f".card[data-session='{session.session_id}']")
    stage.segment(session.session_id, baseline="none")
    expect(card).to_contain_text("Compared without a rest of this person")
    card.get_by_role("button", name="Rest (1 min)").click()
    expect(card.get_by_role("button", name="Resting")).to_be_disabled()
    assert [one.name for one in stage.sessions.known[session.session_id].markers] == ["rest"]
    stage.segment(session.session_id, baseline="learning")
    expect(card).to_contain_text("Learning this person's rest")
    stage.segment(session.session_id, baseline="complete")
    expect(card).to_contain_text("Compared with this person's rest")
