"""What the signals show: derived lanes, marks, and what a reload brings back; and the words for all of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.affect.signals.reading import SLOW
from tests.support.browser import Visit, painted, visiting
from tests.support.desk_stage import DeskStage, at_the_desk
from tests.support.processes import wait_until


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskStage]:
    """One appliance with one sensor."""
    folder: Path = tmp_path_factory.mktemp("signals")
    with at_the_desk(folder, "wrist") as opened:
        yield opened


@pytest.fixture(scope="module")
def visit(browser: Browser, stage: DeskStage) -> Iterator[Visit]:
    """Somebody signed in."""
    with visiting(browser, stage.url) as opened:
        opened.sign_in(stage.password)
        opened.forgive("404")  # the icon that a browser asks for beside a plain file
        yield opened


@pytest.fixture(scope="module")
def plain(visit: Visit) -> Page:
    """A page of the same origin that runs none of our code by itself."""
    return visit.open("/viewer/icon.svg")


def run(page: Page, module: str, body: str, arg: Any = None) -> Any:
    """The value of `body`, in which `m` is the module and `arg` the argument."""
    return page.evaluate(f"async arg => {{ const m = await import('/viewer/{module}'); {body} }}", arg)


def test_signals_have_lanes_and_marks(visit: Visit, stage: DeskStage) -> None:
    """Heart rate, variability and the quick part of skin conductance as lanes; after a reload, what segments kept."""
    session = stage.begin("P07")
    kept = {"hr_bpm": 64.0, "rmssd_ms": 40.0, "scl_us": 4.0}
    for place in range(4):
        start = stage.now_ms - 60_000 + place * 5000
        stage.segment(session.session_id, start_ms=start, end_ms=start + 5000, signals=kept)
    page = visit.open()
    expect(page.locator("[data-sensor='wrist']")).to_contain_text("Calibrated")
    stage.signal()
    for channel, value in (("rate_bpm", "71"), ("rmssd_ms", "42"), ("phasic_us", "0.12")):
        expect(page.locator(f"[data-channel='{channel}'] .now-value")).to_have_text(value)
    wait_until(lambda: painted(page, "[data-channel='rmssd_ms'] canvas") > 300, "a line is drawn")
    page.close()


@pytest.mark.parametrize(
    ("channel", "state", "words", "remedy"),
    [
        ("gsr_us", "electrode_off", "electrode off", "Press both electrodes onto the fingers; a drop of gel helps."),
        ("pulse_raw", "motion", "disturbed by movement", "Ask for the hand to lie still."),
        ("skin_c", "flat", "flat", "Check that the sensor touches the skin."),
        ("gsr_us", "ok", "good", ""),
    ],
)
def test_quality_in_plain_words(plain: Page, channel: str, state: str, words: str, remedy: str) -> None:
    """Every state has a word, and every bad one a remedy."""
    found = run(plain, "quality-words.js", "return m.qualityOf(...arg)", [channel, {"state": state, "index": 0.5}])
    assert (found["words"], found["remedy"]) == (words, remedy)


def test_a_skin_that_is_told_too_seldom_wants_no_pressing_of_electrodes(plain: Page) -> None:
    quality = {"state": "noisy", "index": 0, "detail": SLOW}
    found = run(plain, "quality-words.js", "return m.qualityOf(...arg)", ["gsr_us", quality])
    assert found["remedy"] == "Have its board say it at least twice a second: responses are not seen otherwise."


def test_reasons_in_plain_words(plain: Page) -> None:
    """Voices as shares that sum to one; pushes by what they mean, the strongest first, both ways."""
    segment = {
        "emotion": "Happy",
        "voices": {"body": 0.6, "labels": 0.9, "consensus": 0.0},
        "pushes": {"scr_count": 0.8, "scl_slope_us_s": 0.1, "hr_bpm": -0.4, "rmssd_ms": 0.01},
        "changeScore": 1.4,
        "quality": 0.9,
        "baseline": "none",
    }
    assert run(plain, "segment-words.js", "return m.explain(arg)", segment) == [
        "Their own answers 60\u202f%, body 40\u202f%",
        "Towards Happy: skin responses, the trend of skin conductance",
        "Against Happy: heart rate",
        "The body changed here",
        "Compared without a rest of this person",
    ]


def test_film_time(plain: Page) -> None:
    """Minutes and seconds, and hours where there are."""
    script = "return [0, 65_400, 3_725_000].map(m.filmTime)"
    assert run(plain, "session-timeline.js", script) == ["0:00", "1:05", "1:02:05"]


def test_connection_errors_in_words(plain: Page) -> None:
    """S0.40: no answer at all, and an answer without a reason."""
    script = "return m.wordsOf({ status: 0 })"
    expected = {"title": "Backend Unavailable", "text": "Please ensure the backend server is running."}
    assert run(plain, "notice.js", script) == expected
    script = "return m.refusal(502, null, { statusText: 'Bad Gateway' }).message"
    assert run(plain, "request.js", script) == "HTTP 502: Bad Gateway"


def test_labels_in_a_full_browser(plain: Page) -> None:
    """Where a browser keeps nothing, labels still are sent, in order, under one id each; a refused one blocks none."""
    script = """
      const storage = { getItem: () => null, setItem: () => { throw new Error("full"); } };
      const sent = [];
      let state = null;
      const send = async (session, labels) => {
        if (session === "bad") throw Object.assign(new Error("no"), { status: 404 });
        sent.push(...labels.map(({ label_id, probe }) => [label_id, probe]));
      };
      const store = m.createLabelStore({ key: "k", send, storage, onChange: (now) => (state = now) });
      store.begin();
      store.add("bad", { probe: "HH" });
      store.add("good", { probe: "LL" });
      store.add("good", { probe: "HL" });
      while (sent.length < 2 || state.waiting || !state.refused) await new Promise((done) => setTimeout(done, 5));
      return [sent.map(([, probe]) => probe), new Set(sent.map(([id]) => id)).size, state];
    """
    probes, ids, state = run(plain, "label-store.js", script)
    assert probes == ["LL", "HL"]
    assert ids == 2
    assert state == {"waiting": 0, "refused": 1, "failing": False}


def test_answer_that_breaks_off(plain: Page) -> None:
    """An appliance that dies amid its answer did not answer."""
    script = """
      const real = globalThis.fetch;
      globalThis.fetch = async () => new Response('{"half": ', { status: 200 });
      const problem = await m.ask("GET", "/v1/status").catch((found) => found);
      globalThis.fetch = async () => new Response(null, { status: 204 });
      const nothing = await m.ask("DELETE", "/v1/session");
      globalThis.fetch = real;
      return [problem.status, nothing];
    """
    assert run(plain, "request.js", script) == [0, None]
