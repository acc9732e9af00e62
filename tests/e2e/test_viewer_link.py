"""Signing in and out, losing the appliance and finding it again, and several tabs at once."""

from typing import Any

from playwright.sync_api import Browser, expect

from contract.messages import Event, HealthChange, Loss, Recording
from tests.support.browser import visiting, wait_text
from tests.support.processes import wait_until
from tests.support.stage import Stage

_LONG = "a-very-long-name-without-any-place-to-break-" * 3
_LIVE = "() => document.getElementById('live').naturalWidth > 0"


def test_sign_in(browser: Browser, stage: Stage) -> None:
    """A password is asked for; a wrong one is said to be wrong; the right one opens the page."""
    with visiting(browser, stage.url) as visit:
        visit.forgive("401")
        page = visit.open()
        form = page.locator("#signin")
        expect(form).to_be_visible()
        expect(page.locator("#password")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#signin-error")).to_have_text("Enter the password.")
        page.keyboard.type("not-the-password")
        page.keyboard.press("Enter")
        expect(page.locator("#signin-error")).to_have_text("Account and password do not match.")
        expect(page.locator("#password")).to_be_focused()
        page.keyboard.type(stage.password)
        page.keyboard.press("Enter")
        expect(form).to_be_hidden()
        page.wait_for_function(_LIVE)
        expect(page.locator("#device")).to_have_text("gate-1")


def test_too_many_wrong_passwords(browser: Browser, stage: Stage) -> None:
    """Somebody who guesses is told to wait."""
    with visiting(browser, stage.url) as visit:
        visit.forgive("401", "429")
        page = visit.open()
        for _ in range(6):
            page.fill("#password", "a guess")
            page.click("#signin-go")
            page.wait_for_function("() => !document.getElementById('signin-go').disabled")
        expect(page.locator("#signin-error")).to_contain_text("Too many wrong passwords")


def test_sign_out_everywhere(browser: Browser, stage: Stage) -> None:
    """Signing out in one tab shows the form in all, and gives the picture back."""
    with visiting(browser, stage.url) as visit:
        visit.forgive("401")
        visit.sign_in(stage.password)
        one, two = visit.open(), visit.open()
        for page in (one, two):
            page.wait_for_function(_LIVE)
        one.click("#sign-out")
        for page in (one, two):
            expect(page.locator("#signin")).to_be_visible()
            expect(page.locator("#live:not([src])")).to_have_count(1)
        two.fill("#password", stage.password)
        two.click("#signin-go")
        for page in (one, two):
            expect(page.locator("#signin")).to_be_hidden()
            page.wait_for_function(_LIVE)


def test_connection_lost_and_back(browser: Browser, stage: Stage) -> None:
    """S1.35: said in words, shown in grey, tried again by itself, nothing of the meantime missing."""
    with visiting(browser, stage.url) as visit:
        visit.forgive("net::ERR_")
        visit.sign_in(stage.password)
        page = visit.open()
        page.wait_for_function(_LIVE)
        expect(page.locator("#lost")).to_be_hidden()
        stage.unplug()
        expect(page.locator("#lost")).to_contain_text("Connection lost, trying again…")
        expect(page.locator("#stage")).to_have_attribute("data-view", "cut")
        assert "grayscale(1)" in page.eval_on_selector(".rail", "rail => getComputedStyle(rail).filter")
        expect(page.locator("#power")).to_be_disabled()
        stage.history.add(Event(event_id="e1", phase="close", camera="front", type="loitering", start_ms=stage.now_ms))
        stage.plug_in()
        expect(page.locator("#lost")).to_be_hidden(timeout=60_000)
        expect(page.locator("#stage")).to_have_attribute("data-view", "live")
        expect(page.locator("#events")).to_contain_text("Loitering")
        expect(page.locator("#power")).to_be_enabled()


def test_tabs_share_one_stream(browser: Browser, stage: Stage) -> None:
    """A browser gives a host six connections: four tabs take one event stream, and give it back when they go."""
    with visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        tabs = [visit.open() for _ in range(4)]
        stage.vision(ai_status="MOTION")
        for page in tabs:
            wait_text(page, "#activity", "MOTION")
        assert stage.hub.watchers == 1
        for page in tabs[1:]:
            page.close()
        assert stage.hub.watchers == 1
    wait_until(lambda: stage.hub.watchers == 0, "the stream ended with the last tab")


def test_tab_that_nobody_sees_takes_no_picture(browser: Browser, stage: Stage) -> None:
    """A hidden tab gives its picture back and takes it again when looked at."""
    with visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        page.wait_for_function(_LIVE)
        hide = """is => {
          Object.defineProperty(document, "hidden", { get: () => is, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
        page.evaluate(hide, True)
        expect(page.locator("#live:not([src])")).to_have_count(1)
        page.evaluate(hide, False)
        page.wait_for_function(_LIVE)


def test_what_happened_is_listed(browser: Browser, stage: Stage) -> None:
    """Newest first: alarms as they go on; what was recorded, failed and was given up in the log of the appliance."""
    with visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        expect(page.locator("#events-empty")).to_have_text("Nothing has happened yet.")
        now = stage.now_ms
        alarm: dict[str, Any] = {"event_id": "e1", "camera": "front", "type": "sudden_motion", "start_ms": now - 9_000}
        stage.record(Event(phase="open", severity="HIGH", confidence=0.87, reasoning=["it moved"], **alarm))
        entry = page.locator("#events .event").first
        expect(entry).to_contain_text("going on")
        expect(entry).to_contain_text("It moved")
        stage.record(Event(phase="close", severity="CRITICAL", end_ms=now - 4_000, **alarm))
        expect(entry).to_contain_text("Sudden motion")
        expect(entry).to_contain_text("5 s")
        expect(entry).not_to_contain_text("going on")
        expect(entry).to_have_attribute("data-severity", "CRITICAL")
        expect(page.locator("#events .event")).to_have_count(1)
        page.get_by_role("tab", name="Appliance").click()
        expect(page.locator("#feed-empty")).to_be_visible()
        stage.record(
            Recording(
                recording_id="rec-1",
                phase="uploaded",
                camera="front",
                reason="event",
                start_ms=now - 3_000,
                end_ms=now - 1_000,
                frames=50,
                size_bytes=4_200_000,
                sha256="0" * 64,
                codec="mjpeg",
                width_px=640,
                height_px=480,
                key="k",
            )
        )
        expect(page.locator("#feed li").first).to_contain_text("Recording delivered")
        stage.record(HealthChange(part="broker", state="failed", detail=f"refused the password {_LONG}"))
        stage.record(Loss(what="records", reason="disk_full", count=12))
        expect(page.locator("#feed")).to_contain_text("Broker: failed")
        expect(page.locator("#feed")).to_contain_text("refused the password")
        expect(page.locator("#feed")).to_contain_text("Given up: 12\u202frecords")
        expect(page.locator("#feed")).to_contain_text("The front camera")
        expect(page.locator("#feed li")).to_have_count(3)
        assert page.eval_on_selector("#feed", "feed => feed.scrollWidth <= feed.clientWidth"), "nothing is cut off"


def test_telemetry_and_backlog(browser: Browser, stage: Stage) -> None:
    """S1.24, S1.26 to S1.29: the figures with units; the latency is measured on the picture's own way."""
    with visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        stage.vision()
        stage.publish(
            "telemetry",
            {
                "kind": "telemetry",
                "cpu_share": 0.31,
                "rss_bytes": 148_300_000,
                "disk_free_bytes": 21_400_000_000,
                "outbox_records": 3,
                "uploads_pending": 1,
                "temperature_c": 51.2,
                "t_ms": stage.now_ms,
            },
            key="device",
        )
        stage.publish(
            "sync",
            {
                "broker": "failed",
                "broker_detail": "connection refused",
                "objects": "ok",
                "outbox_records": 42,
                "oldest_unacked_s": 125.0,
                "acked_total": 18234,
                "uploads_pending": 1,
                "upload": {"recording_id": "rec-1", "sent_bytes": 5_000_000, "size_bytes": 20_000_000},
            },
            key="device",
        )
        stage.publish(
            "health", {"part": "broker", "state": "failed", "detail": "connection refused", "since_ms": 1}, key="b"
        )
        readings = page.locator("#readings")
        for words in ("25.0\u202ffps", "2.5\u202fms", "31\u202f%", "148\u202fMB", "51\u202f°C", "21.4\u202fGB"):
            expect(readings).to_contain_text(words)
        for words in ("1\u202f547", "12"):
            expect(readings).to_contain_text(words)
        expect(page.locator("#sync-verdict")).to_have_text("Waiting, nothing is lost")
        rows = page.locator("#sync-rows")
        for words in ("Not reachable", "42", "2 min 05 s", "18\u202f234"):
            expect(rows).to_contain_text(words)
        expect(page.locator("#upload")).to_contain_text("5.00\u202fMB of 20.0\u202fMB")
        assert page.eval_on_selector("#upload progress", "bar => bar.value") == 0.25
        expect(page.locator("#parts-verdict")).to_have_text("1 needs attention")
        expect(page.locator("#parts")).to_contain_text("connection refused")
        latency = page.locator(".reading", has_text="Latency").locator("dd")
        expect(latency).not_to_have_text("\u2013")
