"""The participant's own page: the stimulus with its clock, questions answered by key, place and trace, nothing lost."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from contract.sessions import SessionLabel, SessionView, StimulusClock
from tests.support.browser import PHONE, Visit, visiting
from tests.support.desk_stage import DeskStage, at_the_desk, small_video
from tests.support.processes import wait_until

WHO = "P07"


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskStage]:
    """One for all of them, with the file of a film."""
    folder: Path = tmp_path_factory.mktemp("participant")
    with at_the_desk(folder) as opened:
        small_video(folder / "videos" / "sea.mp4", seconds=4)
        yield opened


@pytest.fixture
def stage(appliance: DeskStage) -> DeskStage:
    """An appliance with somebody who agreed, and a film."""
    appliance.clear()
    appliance.there(lambda: appliance.sessions.welcome(WHO))
    appliance.there(lambda: appliance.sessions.show("sea", number=1, kind="file"))
    return appliance


@pytest.fixture
def visit(browser: Browser, stage: DeskStage) -> Iterator[Visit]:
    """Somebody who is not signed in."""
    with visiting(browser, stage.url) as opened:
        yield opened


def enter(visit: Visit, stage: DeskStage, *, more: str = "", ready: bool = True) -> Page:
    """The page by a fresh link, and its button pressed."""
    page = visit.open(f"{stage.link(WHO)}&participant={WHO}{more}")
    if ready:
        page.get_by_role("button", name="I am ready").click()
    return page


def labels(stage: DeskStage, session: SessionView) -> list[SessionLabel]:
    """What the appliance has of a session."""
    return stage.sessions.known[session.session_id].labels


def clock_of(stage: DeskStage, session: SessionView) -> StimulusClock:
    """What the page told last of the film; a film that nobody told of stands at its beginning at half speed."""
    return stage.sessions.known[session.session_id].clock or StimulusClock(at_ms=0, stimulus_ms=0, rate=0.5)


def test_link_leaves_the_address_bar(visit: Visit, stage: DeskStage) -> None:
    """A token is never shown nor kept in the history; a reload still knows who it is."""
    page = enter(visit, stage, ready=False)
    expect(page.locator("#words-title")).to_have_text("Welcome")
    assert urlsplit(page.url).query == ""
    page.reload()
    expect(page.locator("#words-title")).to_have_text("Welcome")


def test_without_a_link(visit: Visit) -> None:
    """The page alone says what it needs."""
    page = visit.open("/participant")
    expect(page.locator("#words-title")).to_have_text("This page needs its link")


def test_link_that_ended(visit: Visit, stage: DeskStage) -> None:
    """A link that is no longer good says so in words."""
    visit.forgive("401")
    page = visit.open(f"/participant?token=gone&participant={WHO}")
    expect(page.locator("#words-title")).to_have_text("This link no longer works")


def test_film_is_played_and_its_clock_told(visit: Visit, stage: DeskStage) -> None:
    """The page plays the file when the session starts, and tells play, pause and seek."""
    page = enter(visit, stage)
    expect(page.locator("#words-title")).to_have_text("Ready")
    session = stage.begin(WHO, stimulus="sea")
    page.wait_for_function("() => document.querySelector('#video').currentTime > 0.2")
    wait_until(lambda: clock_of(stage, session).rate == 1, "the film runs")
    page.evaluate("document.querySelector('#video').pause()")
    wait_until(lambda: clock_of(stage, session).rate == 0, "the film was paused")
    page.evaluate("document.querySelector('#video').currentTime = 3")
    wait_until(lambda: clock_of(stage, session).stimulus_ms == 3000, "the film was moved")
    assert abs(clock_of(stage, session).at_ms - stage.now_ms) < 5_000


def test_question_answered_by_key(visit: Visit, stage: DeskStage) -> None:
    """S0.35: key 2 is the second of the label set; it is acknowledged, and the question goes."""
    page = enter(visit, stage)
    session = stage.begin(WHO)
    expect(page.locator("#elsewhere")).to_be_visible()
    ask = stage.there(lambda: stage.sessions.ask(session.session_id))
    expect(page.locator("#ask")).to_have_attribute("data-open", "true")
    expect(page.locator("#ask-words")).to_have_text("How do you feel now?")
    page.keyboard.press("2")
    expect(page.locator("#ask-said")).to_have_text("Thank you")
    wait_until(lambda: len(labels(stage, session)) == 1, "the answer arrived")
    (label,) = labels(stage, session)
    assert (label.source, label.probe, label.ask_id) == ("probe", "HL", ask.ask_id)
    expect(page.locator("#ask")).to_have_attribute("data-open", "false")


def test_keys_are_where_the_digits_are_on_any_keyboard(visit: Visit, stage: DeskStage) -> None:
    """On a French keyboard the key with the 1 on it says `&`: that is an answer; a chord is none."""
    page = enter(visit, stage)
    session = stage.begin(WHO)
    expect(page.locator("#elsewhere")).to_be_visible()
    stage.there(lambda: stage.sessions.ask(session.session_id))
    expect(page.locator("#ask")).to_have_attribute("data-open", "true")
    press = "facts => dispatchEvent(new KeyboardEvent('keydown', facts))"
    page.evaluate(press, {"key": "!", "code": "Digit1", "shiftKey": True})
    expect(page.locator("#ask")).to_have_attribute("data-open", "true")
    page.evaluate(press, {"key": "&", "code": "Digit1"})
    wait_until(lambda: [one.probe for one in labels(stage, session)] == ["HH"], "the answer arrived")


def test_question_does_not_cover_the_film(browser: Browser, stage: DeskStage) -> None:
    """On a phone: large buttons with names beside the colours, below the film, and no jump when they come."""
    with visiting(browser, stage.url, size=PHONE) as visit:
        page = enter(visit, stage)
        session = stage.begin(WHO, stimulus="sea")
        expect(page.locator("#video")).to_be_visible()
        before = page.locator("#video").bounding_box()
        stage.there(lambda: stage.sessions.ask(session.session_id))
        expect(page.locator(".ask-key").first).to_be_visible()
        after, keys = page.locator("#video").bounding_box(), page.locator(".ask-key").all()
        assert before == after
        assert before is not None
        assert after is not None
        for key, name in zip(keys, ("Happy", "Neutral", "Angry", "Sad"), strict=True):
            box = key.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["y"] >= after["y"] + after["height"]
            assert name in (key.text_content() or "")
        keys[3].click()
        wait_until(lambda: [one.probe for one in labels(stage, session)] == ["LL"], "the answer arrived")


def test_question_answered_by_square(visit: Visit, stage: DeskStage) -> None:
    """By mouse, and by arrow keys and Enter."""
    page = enter(visit, stage, more="&by=square")
    session = stage.begin(WHO)
    expect(page.locator("#elsewhere")).to_be_visible()
    stage.there(lambda: stage.sessions.ask(session.session_id))
    field = page.locator("#ask-square .square-field")
    expect(field).to_be_visible()
    box = field.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    wait_until(lambda: len(labels(stage, session)) == 1, "the answer arrived")
    (label,) = labels(stage, session)
    assert label.source == "square"
    assert (label.valence, label.arousal) == pytest.approx((0.5, 0.5), abs=0.05)
    stage.there(lambda: stage.sessions.ask(session.session_id))
    expect(page.locator("#ask")).to_have_attribute("data-open", "true")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    wait_until(lambda: len(labels(stage, session)) == 2, "the second answer arrived")
    assert (labels(stage, session)[1].valence, labels(stage, session)[1].arousal) == (-0.2, 0.1)


def test_a_place_is_chosen_only_by_who_pressed_there(visit: Visit, stage: DeskStage) -> None:
    """A hand that was put down elsewhere and lets go over the square has said nothing."""
    page = enter(visit, stage, more="&by=square")
    session = stage.begin(WHO)
    expect(page.locator("#elsewhere")).to_be_visible()
    stage.there(lambda: stage.sessions.ask(session.session_id))
    field = page.locator("#ask-square .square-field")
    expect(page.locator("#ask")).to_have_attribute("data-open", "true")
    box = field.bounding_box()
    assert box is not None
    page.mouse.move(3, 3)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.up()
    expect(page.locator("#ask")).to_have_attribute("data-open", "true")
    page.mouse.down()
    page.mouse.up()
    wait_until(lambda: len(labels(stage, session)) == 1, "who presses there is heard")


def test_question_expires(visit: Visit, stage: DeskStage) -> None:
    """What was not answered in time vanishes, and keys mean nothing then."""
    page = enter(visit, stage)
    session = stage.begin(WHO)
    expect(page.locator("#elsewhere")).to_be_visible()
    stage.there(lambda: stage.sessions.ask(session.session_id, seconds=1.2))
    expect(page.locator("#ask")).to_have_attribute("data-open", "true")
    expect(page.locator("#ask")).to_have_attribute("data-open", "false")
    page.keyboard.press("1")
    assert not labels(stage, session)


def test_answer_while_offline_arrives_once(visit: Visit, stage: DeskStage) -> None:
    """An answer given while the network was away outlives a reload, and arrives once under its own id."""
    visit.forgive("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "ERR_NETWORK")
    page = enter(visit, stage)
    session = stage.begin(WHO)
    expect(page.locator("#elsewhere")).to_be_visible()
    ask = stage.there(lambda: stage.sessions.ask(session.session_id))
    expect(page.locator("#ask")).to_have_attribute("data-open", "true")
    page.route("**/labels", lambda route: route.abort())
    page.keyboard.press("3")
    expect(page.locator("#note")).to_contain_text("1 answer is kept here")
    page.unroute("**/labels")
    lost: list[str] = []

    def deliver_but_lose_the_answer(route: Route) -> None:
        """The appliance gets it, the page does not hear of that."""
        lost.append(route.fetch().text())
        route.abort()

    page.route("**/labels", deliver_but_lose_the_answer)
    wait_until(lambda: bool(page.evaluate("true")) and len(lost) >= 1, "it was sent, and the answer lost")
    page.unroute("**/labels")
    page.reload()
    page.wait_for_function(f"() => localStorage.getItem('afferent.labels.{WHO}') === '[]'")
    (label,) = labels(stage, session)
    assert (label.probe, label.ask_id) == ("LH", ask.ask_id)


def test_trace(visit: Visit, stage: DeskStage) -> None:
    """While the square is held, labels come twice a second; released, none."""
    page = enter(visit, stage, more="&by=trace")
    session = stage.begin(WHO)
    field = page.locator("#trace .square-field")
    expect(field).to_be_visible()
    box = field.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.9)
    page.mouse.down()
    wait_until(lambda: bool(page.evaluate("true")) and len(labels(stage, session)) >= 3, "a trace came")
    page.mouse.up()
    page.wait_for_function(f"() => localStorage.getItem('afferent.labels.{WHO}') === '[]'")
    count = len(labels(stage, session))
    page.wait_for_timeout(700)
    assert len(labels(stage, session)) == count
    assert {one.source for one in labels(stage, session)} == {"trace"}
    assert labels(stage, session)[0].valence == pytest.approx(0.8, abs=0.05)


def test_consent_on_the_page(visit: Visit, stage: DeskStage) -> None:
    """Where the operator chose so: the text in full, a tick, and no session without agreement."""
    stage.there(lambda: stage.sessions.welcome(WHO, consent=False))
    page = enter(visit, stage, more="&consent=here", ready=False)
    expect(page.locator("#consent-text")).to_have_text(stage.sessions.consent_text().text)
    expect(page.locator("#consent-yes")).to_be_disabled()
    page.locator("#consent-read").check()
    page.locator("#consent-yes").click()
    expect(page.locator("#words-title")).to_have_text("Welcome")
    consent = stage.sessions.people[WHO].consent
    assert consent is not None
    assert consent.given


def test_consent_is_each_one_s_own(visit: Visit, stage: DeskStage) -> None:
    """The next person at the same tab is asked anew; who declines takes back what was said for them before."""
    page = visit.open("/participant")
    for who in (WHO, "P08"):
        stage.there(partial(stage.sessions.welcome, who, consent=who == "P08"))
        address = f"{stage.url}{stage.link(who)}&participant={who}&consent=here"
        page.goto(address)
        expect(page.locator("#consent-text")).to_have_text(stage.sessions.consent_text().text)
        if who == WHO:
            page.locator("#consent-read").check()
            page.locator("#consent-yes").click()
            expect(page.locator("#words-title")).to_have_text("Welcome")
    page.locator("#consent-no").click()
    expect(page.locator("#words-title")).to_have_text("Nothing is recorded")
    agreed = [stage.sessions.people[who].consent for who in (WHO, "P08")]
    assert [consent.given for consent in agreed if consent] == [True, False]


def test_session_ends(visit: Visit, stage: DeskStage) -> None:
    """When it is stopped the page says thank you."""
    page = enter(visit, stage)
    session = stage.begin(WHO)
    expect(page.locator("#elsewhere")).to_be_visible()
    stage.end(session)
    expect(page.locator("#words-title")).to_have_text("Thank you")
