"""What the page says, called as its own modules in a real browser: one sentence for each state, its names and units."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from edge.affect.signals.reading import DOWN, FAST_HEART, SLOW, SLOW_HEART, TURNED
from tests.support.browser import Visit, visiting
from tests.support.page_modules import BARE, run

_FAST = "A heart this fast is heard once heart_highest_bpm in the settings is higher."


def test_parts_are_called_by_what_they_do(page: Page) -> None:
    """By the names of cameras and sensors; what is not known keeps its own words."""
    script = """
      const named = (id, name) => new Map([[id, { name }]]);
      const names = { cameras: named("front", "Gate"), sensors: named("body", "Wrist") };
      return arg.map((part) => m.partName(part, names));
    """
    parts = ["vision.front", "sensor.body", "camera.yard", "affect.front", "wear", "night_watch", "objects"]
    expected = ["Analysis · Gate", "Sensor · Wrist", "Camera · yard", "Emotion · front"]
    assert run(page, "part-words.js", script, parts) == [*expected, "Disk wear", "Night watch", "Object storage"]


def test_only_trouble_is_listed(page: Page) -> None:
    """Parts that start and stop as they should are no news; trouble is, and its end."""
    states = ["starting", "ok", "degraded", "ok", "ok", "stopped", "failed"]
    records = [
        {
            "id": f"00000001-aa:{n}",
            "t": f"2026-11-21T06:00:0{n}.000Z",
            "body": {"kind": "health", "part": "broker", "state": s},
        }
        for n, s in enumerate(states)
    ]
    script = "return m.inOrder(arg).reduce(m.fold, []).map((e) => e.title)"
    expected = ["Broker: failed", "Broker: works again", "Broker: impaired"]
    assert run(page, "happenings.js", script, records) == expected
    assert run(page, "happenings.js", script, records[::-1]) == expected
    assert run(page, "happenings.js", script, records * 2) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("m.quantity(12.34, 'ms', 1)", "12.3\u202fms"),
        ("m.quantity(NaN, 'ms')", "\u2013"),
        ("m.number(1234567)", "1\u202f234\u202f567"),
        ("m.percent(0.876)", "88\u202f%"),
        ("m.percent(undefined)", "\u2013"),
        ("m.bytes(999)", "999\u202fB"),
        ("m.bytes(148_300_000)", "148\u202fMB"),
        ("m.bytes(999_999_999)", "1.00\u202fGB"),
        ("m.duration(59.6)", "1 min 00 s"),
        ("m.duration(3 * 3600 + 7 * 60)", "3 h 07 min"),
        ("m.duration(null)", "\u2013"),
        ("m.words('sudden_motion')", "Sudden motion"),
        ("m.words('stayed 40 s near_door')", "Stayed 40 s near_door"),
        ("m.severity('LOUD')", "HIGH"),
        ("m.activity(undefined)", "IDLE"),
    ],
)
def test_words_and_numbers(page: Page, call: str, expected: str) -> None:
    """What is not known is a dash, never a zero; units are apart from numbers by a thin space."""
    assert run(page, "format.js", f"return {call}") == expected


@pytest.mark.parametrize(
    ("facts", "view", "words"),
    [
        ({"known": False, "camera": None}, "loading", "Looking for cameras…"),
        ({"known": True, "camera": None}, "none", "No camera"),
        ({"known": True, "camera": {"state": "stopped"}}, "off", "The camera is stopped"),
        ({"known": True, "camera": {"state": "failed", "detail": "gone"}}, "lost", "Camera lost, trying again…"),
        ({"known": True, "camera": {"state": "starting"}, "picture": "loading"}, "loading", "Waiting for the first"),
        ({"known": True, "camera": {"state": "ok"}, "picture": "live"}, "live", ""),
        ({"known": True, "camera": {"state": "ok"}, "picture": "live", "link": "lost"}, "cut", ""),
        ({"known": True, "camera": {"state": "ok"}, "picture": "retrying", "link": "lost"}, "cut", "No connection to"),
        ({"known": True, "camera": {"state": "ok"}, "picture": "retrying"}, "loading", "The picture broke off"),
        ({"known": True, "camera": {"state": "ok"}, "pending": "stop"}, "loading", "Stopping the camera…"),
    ],
)
def test_stage(page: Page, facts: dict[str, Any], view: str, words: str) -> None:
    """Every state in which there is no picture has its own words."""
    found = run(page, "stage.js", "return m.stageOf(arg)", facts)
    assert found["view"] == view
    assert found["title"].startswith(words)


@pytest.mark.parametrize(
    ("sync", "text"),
    [
        ({"broker": "ok", "objects": "ok", "outbox_records": 0, "uploads_pending": 0}, "All delivered"),
        ({"broker": "ok", "objects": "ok", "outbox_records": 3, "uploads_pending": 0}, "Sending"),
        ({"broker": "failed", "objects": "ok", "outbox_records": 3}, "Waiting, nothing is lost"),
        ({"broker": "ok", "objects": "ok", "outbox_records": 3, "oldest_unacked_s": 60}, "Behind, nothing is lost"),
        ({"broker": "stopped", "objects": "stopped", "outbox_records": 3}, "Kept on the device"),
        ({"broker": "stopped", "broker_detail": "No cloud is set up", "objects": "ok"}, "No cloud is set up"),
        (None, ""),
    ],
)
def test_sync_in_one_sentence(page: Page, sync: dict[str, Any] | None, text: str) -> None:
    """The backlog in words."""
    assert run(page, "panels.js", "return m.verdict(arg).text", sync) == text


@pytest.mark.parametrize(
    ("threshold", "text"),
    [
        ({"luma": 13, "asked": 13}, "13.0 of 255"),
        ({"luma": 6.5, "asked": 13}, "6.5 of 255, dull view"),
        ({"luma": 0, "asked": 0}, "\u2013"),
        (None, "\u2013"),
    ],
)
def test_from_what_on_something_moves(page: Page, threshold: dict[str, float] | None, text: str) -> None:
    """In fog and by night faint things count: the page says so."""
    assert run(page, "panels.js", "return m.motionWords(arg)", threshold) == text


@pytest.mark.parametrize(
    ("channel", "state", "detail", "remedy"),
    [
        ("gsr_us", "noisy", SLOW, "Have its board say it at least twice a second: responses are not seen otherwise."),
        ("gsr_us", "noisy", "", "Press the electrodes on and keep the cable away from chargers."),
        ("pulse_raw", "noisy", DOWN, "Name this sensor in upside_down in the settings, or turn it over."),
        ("pulse_raw", "noisy", TURNED, "Take this sensor out of upside_down in the settings."),
        ("ibi_ms", "ok", SLOW_HEART, "A heart this slow is heard once heart_lowest_bpm in the settings is lower."),
        ("pulse_raw", "noisy", FAST_HEART, _FAST),
        ("gsr_raw", "ok", "not calibrated: amplitudes are relative", ""),
    ],
)
def test_what_helps_a_channel(page: Page, channel: str, state: str, detail: str, remedy: str) -> None:
    """The reason that the appliance gives comes before what helps as a rule."""
    quality = {"state": state, "index": 0.4, "detail": detail}
    assert run(page, "quality-words.js", "return m.qualityOf(...arg).remedy", [channel, quality]) == remedy


def test_words_that_count_and_lines_that_flow(page: Page) -> None:
    """One is one; a line that was broken by hand flows, and what stands in lines of its own stays in them."""
    assert run(page, "format.js", "return [m.counted(1, 'label'), m.counted(1200, 'label')]") == [
        "1 label",
        "1\u202f200 labels",
    ]
    text = f"{'word ' * 12}end\nof it.\n\nA heading\nits text\n\n- {'word ' * 12}end\n- two\n"
    assert run(page, "format.js", "return m.unwrapped(arg)", text) == text.replace("end\nof", "end of")
    flood = "return [m.floodWords({merged: 1}), m.floodWords({merged: 2, suppressed: 1}), m.floodWords()]"
    assert run(page, "event-words.js", flood) == [
        "1 more was counted with one like it",
        "2 more were counted with one like them; 1 more was held back so that nothing floods",
        "",
    ]


def test_zone_of_times(browser: Browser, visit: Visit) -> None:
    """Times are those of the reader's zone, and the page says which that is."""
    with visiting(browser, visit.url, timezone_id="Asia/Kolkata") as there:
        found = run(there.open(BARE), "format.js", "return [m.zoneOf(0), m.dayOf(81_000_000)]")
        assert found == ["UTC+05:30", "1970-01-02"]


def test_what_was_done_is_told_in_words(page: Page) -> None:
    """What the audit log keeps as a request or a command; what has no words is told as it is kept."""
    script = "return arg.map(([action, target]) => m.deedWords({ action, target }))"
    found = run(page, "audit-words.js", script, [["POST /v1/session", "account=lena"], ["constructor", ""]])
    assert found == [
        {"title": "Signed in", "raw": "POST /v1/session · account=lena"},
        {"title": "", "raw": "constructor"},
    ]
