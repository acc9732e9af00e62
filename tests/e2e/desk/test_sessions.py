"""The session desk: consent before anything, two sessions at once, upload, markers, sensors, erasure."""

from functools import partial
from pathlib import Path

import cv2
import msgspec
import numpy as np
from playwright.sync_api import Page, expect

from contract.sessions import ChannelQuality, Check, CheckList, StimulusClock
from tests.support.browser import Visit, alive, dialog, held_frames
from tests.support.desk_stage import DeskStage, past_session, small_video
from tests.support.processes import wait_until


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


def test_who_uses_keys_goes_on_where_they_were(page: Page, visit: Visit) -> None:
    """After a dialog that led to another one, after a refusal, and after what was opened from is gone."""
    visit.forgive("409")
    page.locator("#participant-add").press("Enter")
    page.get_by_label("Pseudonym").fill("P07")
    page.route("**/v1/participants/P07", lambda route: route.fulfill(status=409, json={"detail": "Not now"}), times=1)
    add = dialog(page).get_by_role("button", name="Add")
    add.press("Enter")
    expect(dialog(page)).to_contain_text("Not now")
    expect(add).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Witness").fill("mk")
    page.get_by_role("switch").check()
    page.get_by_role("button", name="Record consent").press("Enter")
    expect(page.locator("#participant-add")).to_be_focused()
    page.locator("[data-participant='P07']").get_by_role("button", name="Erase…").press("Enter")
    page.get_by_label("Type P07 to confirm").fill("P07")
    with held_frames(page):
        dialog(page).get_by_role("button", name="Erase everything").press("Enter")
        dialog(page).get_by_role("button", name="Close").press("Enter")
        expect(page.locator("[data-participant='P07']").get_by_role("button", name="Erase…")).to_be_focused()
    expect(page.locator("#main")).to_be_focused()


def test_a_line_that_moves_keeps_the_focus(page: Page, stage: DeskStage) -> None:
    """What stops a session is listed first: a line that comes to stop it moves up under whoever is at its button."""
    stage.there(lambda: stage.sessions.welcome("P07"))
    noisy = Check(name="signal", state="warning", detail="noisy", remedy="sit still")
    consent = Check(name="consent", state="warning", detail="not yet", remedy="ask")
    stage.sessions.list_of_checks = CheckList(ready=True, checks=[noisy, consent])
    page.reload()
    page.locator("#start-participant").select_option("P07")
    button = page.locator("[data-check='consent']").get_by_role("button", name="Consent…")
    button.focus()
    stage.sessions.list_of_checks = CheckList(
        ready=False, checks=[noisy, msgspec.structs.replace(consent, state="stop")]
    )
    expect(page.locator("[data-check]").first).to_have_attribute("data-check", "consent")
    expect(button).to_be_focused()


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


def test_a_trace_is_counted_and_so_is_every_label(page: Page, stage: DeskStage) -> None:
    """The card shows the newest labels only, and no point of a trace, but it counts all."""
    session = stage.begin("P07")
    counts = page.locator(f".card[data-session='{session.session_id}'] .card-counts")
    expect(counts).to_have_text("0 segments \u00b7 0 labels \u00b7 0 markers")
    view = msgspec.structs.replace(stage.sessions.known[session.session_id], traced=1240)
    stage.there(lambda: stage.sessions._change(view))
    expect(counts).to_have_text("0 segments \u00b7 trace of 1\u202f240 points \u00b7 0 markers")
    stage.there(lambda: stage.sessions._change(msgspec.structs.replace(view, said=31)))
    expect(counts).to_have_text("0 segments \u00b7 31 labels \u00b7 trace of 1\u202f240 points \u00b7 0 markers")


def test_a_film_that_is_over_is_not_called_paused(page: Page, stage: DeskStage) -> None:
    """Whoever leads the session waits for nothing more."""
    stage.there(lambda: stage.sessions.show("sea", duration_ms=70_000))
    session = stage.begin("P07", stimulus="sea")
    elapsed = page.locator(f".card[data-session='{session.session_id}'] .card-elapsed")
    for at_ms, words in ((30_000, "film at 30 s, paused"), (69_900, "film over")):
        stopped = StimulusClock(at_ms=stage.now_ms, stimulus_ms=at_ms, rate=0.0)
        view = msgspec.structs.replace(stage.sessions.known[session.session_id], clock=stopped)
        stage.there(partial(stage.sessions._change, view))
        expect(elapsed).to_contain_text(words)


def test_question_is_seen_at_the_desk(page: Page, stage: DeskStage) -> None:
    """The operator sees that a question waits, and that it was answered."""
    session = stage.begin("P07")
    card = page.locator(f".card[data-session='{session.session_id}']")
    stage.there(lambda: stage.sessions.ask(session.session_id))
    expect(card.locator(".card-ask")).to_contain_text("Asked, waiting for an answer")
    stage.there(lambda: stage.sessions.unask(session.session_id))
    expect(card.locator(".card-ask")).to_have_text("No question open")


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


def test_a_film_that_was_refused_is_tried_again_in_the_same_form(page: Page, visit: Visit, tmp_path: Path) -> None:
    """By Enter, and without another name: the stimulus itself was kept when its first file was not."""
    visit.forgive("409")
    (tmp_path / "no.webm").write_bytes(b"no film")
    film = small_video(tmp_path / "film.webm", seconds=1)
    page.route("**/v1/stimuli/sea/video", lambda route: route.fulfill(status=409, json={"detail": "No video"}), times=1)
    page.locator("#stimulus-add").click()
    page.get_by_label("Short name").fill("sea")
    page.get_by_label("Video file").set_input_files(str(tmp_path / "no.webm"))
    page.get_by_label("Title").press("Enter")
    expect(dialog(page)).to_contain_text("No video")
    page.get_by_label("Video file").set_input_files(str(film))
    page.get_by_label("Title").press("Enter")
    expect(page.locator("[data-stimulus='sea']")).to_contain_text("played here")


def test_a_sensor_has_its_name_and_a_session_is_counted_at_once(page: Page, stage: DeskStage) -> None:
    """No id where a name belongs, and the list of people does not say what was true when the page was opened."""
    stage.there(lambda: stage.sessions.welcome("P07", sensor="wrist"))
    page.reload()
    line = page.locator("[data-participant='P07']")
    expect(line).to_contain_text("wears The wrist sensor · no sessions")
    page.locator("#start-participant").select_option("P07")
    expect(page.locator("#start-sensor option").first).to_have_text("Theirs: The wrist sensor")
    stage.begin("P07")
    expect(page.locator("#running .card")).to_contain_text("wears The wrist sensor")
    expect(line).to_contain_text("1 session")


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


def test_a_phone_is_let_in_by_its_camera(page: Page, stage: DeskStage) -> None:
    """The code is of the address beside it, also once that was changed; there is none of an address of no use there."""
    stage.there(lambda: stage.sessions.welcome("P07"))
    page.reload()
    page.locator("[data-participant='P07']").get_by_role("button", name="Link…").click()
    expect(dialog(page)).to_contain_text("works on this machine only")
    expect(dialog(page).locator(".qr")).to_have_count(0)
    page.keyboard.press("Escape")
    page.evaluate(
        """async () => {
          const { openLink } = await import("/viewer/link-dialog.js");
          openLink({ id: "P07" }, {}, { hostname: "192.168.1.40", origin: "http://192.168.1.40:8000" });
        }"""
    )
    code = dialog(page).get_by_role("img", name="QR code of P07's page")
    expect(code).to_be_visible()
    before = code.locator("path").get_attribute("d") or ""
    page.get_by_label("Questions are answered by").select_option("square")
    expect(code.locator("path")).not_to_have_attribute("d", before)
    address = page.get_by_label("Address").input_value()
    assert address.startswith("http://192.168.1.40:8000/participant?token=")
    assert address.endswith("by=square")
    picture = cv2.imdecode(np.frombuffer(code.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == address


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
