"""Body signals and emotion on one axis of time."""

import re

import pytest
from playwright.sync_api import Page, expect

from contract.emotions import EMOTIONS
from contract.messages import Prediction, Probe
from tests.support.browser import Visit, wait_text
from tests.support.stage import Stage

_STEP_MS = 5000


def prediction(
    start_ms: int,
    probe: Probe | None,
    *,
    end_ms: int | None = None,
    confidence: float = 0.8,
    source: str = "wrist",
) -> Prediction:
    """A segment of emotion."""
    return Prediction(
        task="emotion",
        model="emotion",
        model_version="1",
        source=source,
        segment_index=0,
        start_ms=start_ms,
        end_ms=end_ms or start_ms + _STEP_MS,
        probe=probe,
        confidence=confidence,
    )


def places(page: Page) -> list[tuple[float, float]]:
    """Left edge and width of each segment, in shares of the axis."""
    found = page.eval_on_selector_all(
        ".segment", "all => all.map((s) => [parseFloat(s.style.left) / 100, parseFloat(s.style.width) / 100])"
    )
    return [(left, width) for left, width in found]


def test_nothing_yet(page: Page) -> None:
    """S0.34: the empty state in its words; no sensor is no error."""
    expect(page.locator("#timeline-empty")).to_have_text("No predictions yet. Analysis in progress...")
    expect(page.locator("#body-empty")).to_contain_text("No body sensor is configured")


def test_sensor_that_does_not_speak(page: Page, stage: Stage) -> None:
    """Why there is no signal stands where it would be."""
    part = {"part": "sensor.wrist", "state": "failed", "detail": "no board at /dev/ttyUSB0", "since_ms": 1}
    stage.publish("health", part, key="sensor.wrist")
    expect(page.locator("#body-empty")).to_have_text("no board at /dev/ttyUSB0")


def test_segments_stand_where_they_were(page: Page, stage: Stage) -> None:
    """X.7: by start and end, with a hole where nothing was said, and a last partial segment of its own width."""
    now = stage.now_ms
    stage.record(prediction(now - 60_000, "HH"))
    stage.record(prediction(now - 55_000, "LL"))
    stage.record(prediction(now - 30_000, "LH", end_ms=now - 28_000))
    page.wait_for_function("() => document.querySelectorAll('.segment').length === 3")
    (first, wide), (second, _), (third, narrow) = places(page)
    assert second - first == pytest.approx(5 / 120, abs=2e-3)
    assert third - first == pytest.approx(30 / 120, abs=2e-3)
    assert wide == pytest.approx(5 / 120, abs=2e-3)
    assert narrow == pytest.approx(2 / 120, abs=2e-3)
    expect(page.locator("#timeline-empty")).to_be_hidden()


def test_segments_have_their_colours(page: Page, stage: Stage) -> None:
    """U0.3: the colours of the label set; an abstention is hatched grey and says "Not sure", never "Neutral"."""
    start = stage.now_ms - 40_000
    probes: tuple[Probe | None, ...] = ("HH", "HL", "LH", "LL", None)
    for at, probe in enumerate(probes):
        stage.record(prediction(start + at * _STEP_MS, probe))
    page.wait_for_function("() => document.querySelectorAll('.segment').length === 5")
    styles = page.eval_on_selector_all(
        ".segment", "all => all.map((s) => [getComputedStyle(s).backgroundColor, getComputedStyle(s).backgroundImage])"
    )
    expected = [tuple(bytes.fromhex(EMOTIONS[p].color[1:])) for p in probes if p]
    assert [tuple(map(int, re.findall(r"\d+", colour))) for colour, _ in styles[:4]] == expected
    assert styles[4][1].startswith("repeating-linear-gradient")
    expect(page.locator(".segment").nth(4)).to_have_attribute("aria-label", re.compile("^Not sure"))


def test_tooltip_by_pointer_and_by_keys(page: Page, stage: Stage) -> None:
    """S0.33: emotion, confidence and time of a segment, for hand and keyboard alike."""
    now = stage.now_ms
    stage.record(prediction(now - 90_000, "HH", end_ms=now - 30_000, confidence=0.62))
    stage.record(prediction(now - 30_000, "LL", end_ms=now - 5_000, confidence=0.51))
    page.wait_for_function("() => document.querySelectorAll('.segment').length === 2")
    tip = page.locator("#tip")
    page.locator(".segment").first.hover()
    expect(tip).to_have_text(re.compile(r"^Happy · 62\u202f% confident · \d\d:\d\d:\d\d\u2013\d\d:\d\d:\d\d$"))
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()
    page.locator("#timeline").focus()
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("Sad · 51\u202f% confident")
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("Happy")
    expect(page.locator("#timeline")).to_have_attribute("aria-activedescendant", re.compile("segment-"))
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_two_people_have_a_row_each(page: Page, stage: Stage) -> None:
    """Predictions of two sensors at the same time do not hide each other."""
    start = stage.now_ms - 20_000
    stage.record(prediction(start, "HH"))
    stage.record(prediction(start, "LL", source="belt"))
    page.wait_for_function("() => document.querySelectorAll('.segment').length === 2")
    tops = page.eval_on_selector_all(".segment", "all => all.map((s) => [s.style.top, s.style.height]).sort()")
    assert tops == [["0%", "50%"], ["50%", "50%"]]
    expect(page.locator(".row-names > span")).to_have_text(["belt", "wrist"])
    stage.record(prediction(stage.now_ms - 6_000, "HL", confidence=0.74))
    expect(page.locator(".row-names > span")).to_have_text(["belt", "wrist \u00b7 Neutral 74\u202f%"])
    expect(page.locator("#emotion-now")).to_be_hidden()
    tops_of = "all => all.map((s) => Math.round(s.getBoundingClientRect().top))"
    names = page.eval_on_selector_all(".row-names > span", tops_of)
    assert {*page.eval_on_selector_all(".segment", tops_of)} == {*names}, "each name stands in its own row"
    page.locator(".segment").first.hover()
    expect(page.locator("#tip")).to_contain_text(re.compile("wrist|belt"))


def test_one_person_needs_no_name(page: Page, stage: Stage) -> None:
    """A single row is as it was."""
    stage.record(prediction(stage.now_ms - 6_000, "HL"))
    wait_text(page, "#emotion-now", "Neutral 80\u202f%")
    expect(page.locator(".row-names > span")).to_have_count(0)


def test_emotion_now(page: Page, stage: Stage) -> None:
    """The newest segment in words while it is fresh."""
    stage.record(prediction(stage.now_ms - 6_000, "HL", confidence=0.74))
    wait_text(page, "#emotion-now", "Neutral 74\u202f%")


def test_history_is_there_at_once(visit: Visit, stage: Stage) -> None:
    """A page that comes late shows what was; what it is then told again does not double."""
    start = stage.now_ms - 60_000
    for at in range(6):
        stage.record(prediction(start + at * _STEP_MS, "HH"))
    page = visit.open()
    page.wait_for_function("() => document.querySelectorAll('.segment').length === 6")
    page.reload()
    page.wait_for_function("() => document.querySelectorAll('.segment').length === 6")
    stage.record(prediction(start + 6 * _STEP_MS, "LL"))
    page.wait_for_function("() => document.querySelectorAll('.segment').length === 7")


def test_channels_have_units(page: Page, stage: Stage) -> None:
    """Each channel has its name, its newest value and its unit; what was not measured has no plot."""
    now = stage.now_ms
    stage.samples({"t_ms": now - 250, "gsr_us": 4.214, "hr_bpm": 71.6}, {"t_ms": now, "gsr_us": 4.2})
    page.wait_for_selector("[data-channel='gsr_us']")
    lanes = page.locator("#channels .lane")
    expect(lanes).to_have_count(2)
    expect(lanes.nth(0)).to_contain_text("Skin conductance")
    expect(lanes.nth(0)).to_contain_text("4.20µS")
    expect(lanes.nth(1)).to_contain_text("72bpm")
    expect(page.locator("#body-empty")).to_be_hidden()
    expect(lanes.nth(0).locator("canvas")).to_have_attribute("aria-label", re.compile("Skin conductance"))


def test_silent_channel_shows_no_value(page: Page, stage: Stage) -> None:
    """A value of long ago is not shown as if it were now."""
    stage.samples({"t_ms": stage.now_ms - 20_000, "hr_bpm": 71})
    expect(page.locator("[data-channel='hr_bpm'] .now-value")).to_have_text("\u2013")


def test_gap_is_drawn_as_a_gap(page: Page, stage: Stage) -> None:
    """No line where nothing was measured: the middle of the gap holds no pixel of the line's colour."""
    now = stage.now_ms
    times = [t for t in range(now - 100_000, now, 500) if not now - 70_000 < t < now - 40_000]
    stage.samples(*({"t_ms": t, "gsr_us": 4.0 + 0.2 * (t // 500 % 2)} for t in times))
    page.wait_for_selector("[data-channel='gsr_us'] canvas")
    page.wait_for_function(
        """() => {
          const canvas = document.querySelector("[data-channel='gsr_us'] canvas");
          if (!canvas.width) return false;
          const pen = canvas.getContext("2d");
          const strong = (x) => {
            const data = pen.getImageData(Math.round(x * canvas.width), 0, 1, canvas.height).data;
            return data.some((v, i) => i % 4 === 1 && v > 150 && data[i + 2] > 120);
          };
          return [0.25, 0.3, 0.5, 0.55, 0.6, 0.8, 0.9].map((x) => Number(strong(x))).join("") === "1100011";
        }""",
    )


def test_time_shown_can_be_chosen(page: Page, stage: Stage) -> None:
    """One minute shows half of what two show."""
    now = stage.now_ms
    stage.record(prediction(now - 90_000, "HH"))
    stage.record(prediction(now - 30_000, "LL"))
    page.wait_for_function("() => document.querySelectorAll('.segment').length === 2")
    page.get_by_role("button", name="1 min", exact=True).click()
    page.wait_for_function("() => document.querySelectorAll('.segment').length === 1")
    expect(page.get_by_role("button", name="1 min", exact=True)).to_have_attribute("aria-pressed", "true")
