"""The page on a desk and on a phone, by day and by night, by keyboard, and for who cannot see it."""

from contextlib import suppress
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect

from contract.messages import Event, Prediction
from contract.plan import AfterHours, LoiteringRule, Plan, WrongWayRule, Zone
from tests.support.browser import DESK, PHONE, poor_contrast, visiting
from tests.support.stage import Stage

_LIVE = "() => document.getElementById('live').naturalWidth > 0"
_OUTSIDE = """() => [...document.querySelectorAll("main :not(.annunciator-reasons li, #editor *)")].filter((e) => {
  const { left, right, width } = e.getBoundingClientRect();
  return width && (left < -1 || right > innerWidth + 1);
}).map((e) => e.className || e.tagName)"""
_LONG = "a-very-long-name-without-any-place-to-break-" * 3


def fill(stage: Stage) -> None:
    """Something in every part of the page, with words that are hard to break."""
    now = stage.now_ms
    rules = LoiteringRule(), WrongWayRule(allowed=0)
    zone = Zone(id="z", name=_LONG[:60], points=((0, 0), (1, 0), (1, 1)), rules=rules)
    stage.cameras["front"].kept_plan = Plan(zones=(zone,), after_hours=AfterHours())
    stage.anomaly("CRITICAL", reasoning=[f"reason {_LONG}", "another"])
    stage.samples(*({"t_ms": now - 250 * n, "gsr_us": 4.0, "hr_bpm": 70, "skin_c": 33.1} for n in range(9, 0, -1)))
    segment: dict[str, Any] = {
        "task": "emotion",
        "model": "m",
        "model_version": "1",
        "source": "wrist",
        "segment_index": 0,
    }
    stage.record(Prediction(start_ms=now - 9_000, end_ms=now - 4_000, probe="HH", confidence=0.5, **segment))
    stage.record(
        Event(event_id="e", phase="open", camera="front", type="loitering", start_ms=now, reasoning=[_LONG, "b"])
    )
    stage.publish("health", {"part": "broker", "state": "failed", "detail": _LONG, "since_ms": 1}, key="broker")
    stage.publish(
        "sync",
        {
            "broker": "failed",
            "broker_detail": _LONG,
            "objects": "degraded",
            "outbox_records": 123_456_789,
            "oldest_unacked_s": 1e6,
            "acked_total": 123_456_789,
            "uploads_pending": 12,
            "upload": {"recording_id": _LONG, "sent_bytes": 5_000_000, "size_bytes": 20_000_000},
        },
        key="device",
    )


def filled(page: Page) -> None:
    """Wait until all of it is shown."""
    page.wait_for_function(_LIVE)
    page.wait_for_selector(".segment")
    page.wait_for_selector("[data-channel='skin_c']")
    page.wait_for_selector("#upload:not([hidden])")
    expect(page.locator("#banner")).to_have_attribute("data-severity", "CRITICAL")


def test_nothing_runs_out_at_the_side(browser: Browser, stage: Stage) -> None:
    """No scrolling sideways and nothing cut off, from a small phone to a large desk, whatever the words."""
    fill(stage)
    with visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        filled(page)
        for size in (PHONE, (320, 568), (768, 1024), (1024, 700), DESK, (2560, 1440)):
            check_inside(page, size)
        edit(page)
        for size in ((1024, 700), (768, 1024), (320, 568)):
            check_inside(page, size)


def check_inside(page: Page, size: tuple[int, int]) -> None:
    """Nothing of the page stands out at the side of a screen of this size."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    with suppress(TimeoutError):  # what follows the size of the window does so at the next frames
        page.wait_for_function(f"() => document.documentElement.scrollWidth <= innerWidth && !({_OUTSIDE})().length")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(_OUTSIDE) == [], size


def edit(page: Page) -> None:
    """Open the editor on the zone, with a field that will not do."""
    page.click("#edit-plan")
    page.locator(".plan-item").click()
    page.get_by_label("Longer than (s)").fill("")
    page.click("#plan-save")
    page.wait_for_timeout(200)


def test_long_words_leave_room_for_the_others(browser: Browser, stage: Stage) -> None:
    """What a button has to say may be two sentences; the title beside it stays one line and nothing runs out."""
    with visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        page.wait_for_selector("#power:not([disabled])")
        usual = page.locator("#picture-title").bounding_box()
        page.evaluate("document.getElementById('said').textContent = 'The camera cannot be opened. '.repeat(6)")
        title, said = page.locator("#picture-title").bounding_box(), page.locator("#said").bounding_box()
        panel = page.locator(".picture").bounding_box()
        assert usual and title and said and panel
        assert title["height"] == usual["height"]
        assert said["x"] + said["width"] <= panel["x"] + panel["width"]


def test_phone_shows_what_matters_first(browser: Browser, stage: Stage) -> None:
    """Alarm, picture and buttons stand on the first screen of a phone, large enough for a thumb."""
    fill(stage)
    with visiting(browser, stage.url, size=PHONE, has_touch=True) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        filled(page)
        bottom = page.locator("#stage").bounding_box()
        assert bottom
        assert bottom["y"] + bottom["height"] < PHONE[1]
        for name in ("Stop", "Record", "Snapshot"):
            box = page.get_by_role("button", name=name, exact=True).bounding_box()
            assert box
            assert box["height"] >= 44


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_words_can_be_read(browser: Browser, stage: Stage, scheme: Literal["dark", "light"]) -> None:
    """Contrast of every word with what is behind it is 4.5 or more (WCAG 1.4.3), by day and by night."""
    fill(stage)
    with visiting(browser, stage.url, scheme=scheme) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        filled(page)
        assert poor_contrast(page) == []
        for severity in ("LOW", "MEDIUM", "HIGH"):
            stage.anomaly(severity)
            expect(page.locator("#banner")).to_have_attribute("data-severity", severity)
            assert poor_contrast(page) == []
        page.locator("#events .event").first.click()
        assert poor_contrast(page) == []
        page.keyboard.press("Escape")
        edit(page)
        assert poor_contrast(page) == []


def test_everything_by_keyboard(page: Page, stage: Stage) -> None:
    """Each control is reached by Tab in the order of the page, shows its focus, and works by Enter and Space."""
    stage.publish("health", {"part": "sensor.wrist", "state": "ok", "detail": "", "since_ms": 1}, key="sensor.wrist")
    page.wait_for_function(_LIVE)
    expect(page.locator("#spans")).to_be_visible()
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(({ id, ariaLabel, textContent }) => id || ariaLabel || textContent)(document.activeElement)"
            )
        )
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", reached[-1]
        if reached[-1] == "timeline":
            break
    assert reached == [
        "Skip to the picture",
        "Overview",
        "Recordings",
        "Sessions",
        "Hand in",
        "who",
        "sign-out",
        "power",
        "record",
        "snapshot",
        "fullscreen",
        "show-boxes",
        "show-plan",
        "show-heat",
        "show-usual",
        "edit-plan",
        "tab-seen",
        "Type",
        "Severity",
        "events-scroll",
        "reset-open",
        "sensitivity",
        "1 min",
        "2 min",
        "10 min",
        "timeline",
    ]
    page.focus("#record")
    page.keyboard.press("Space")
    expect(page.locator("#record")).to_have_attribute("aria-pressed", "true")
    page.focus("#power")
    page.keyboard.press("Enter")
    expect(page.locator("#stage")).to_have_attribute("data-view", "off")


def test_for_who_listens(page: Page, stage: Stage) -> None:
    """Landmarks, names, and changes that are told: the alarm at once, the rest politely."""
    fill(stage)
    filled(page)
    snapshot = page.locator("body").aria_snapshot()
    for words in (
        "- banner:",
        "- main:",
        'complementary "How it is"',
        'region "Picture"',
        'img "Live picture of The front camera"',
        'region "Body"',
        'listbox "Emotion by time; use the arrow keys"',
        'region "Telemetry"',
        'region "To the cloud"',
        'region "Events"',
        'status "Activity"',
        "- alert:",
    ):
        assert words in snapshot, words
    assert page.locator("html").get_attribute("lang") == "en"
    nameless = page.eval_on_selector_all(
        "button, input:not(.away), canvas[role=img]",
        "all => all.filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.id)",
    )
    assert nameless == []


def test_calm_for_who_asks(browser: Browser, stage: Stage) -> None:
    """prefers-reduced-motion: the plots move once a second instead of flowing."""
    fill(stage)
    with visiting(browser, stage.url, reduced_motion="reduce") as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        filled(page)
        moves = page.evaluate(
            """async () => {
              const segment = document.querySelector(".segment");
              const seen = new Set();
              const until = performance.now() + 2000;
              while (performance.now() < until) {
                seen.add(segment.style.left);
                await new Promise((done) => setTimeout(done, 20));
              }
              return seen.size;
            }"""
        )
        assert moves <= 4
