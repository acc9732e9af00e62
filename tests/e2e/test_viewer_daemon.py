"""The page at the whole appliance: a real daemon with its made-up scene and participant, killed and started again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Visit, painted, visiting, wait_text
from tests.support.ports import free_port
from tests.support.processes import Daemon, running

_LIVE = "() => document.getElementById('live').naturalWidth > 0"
_SETTINGS = """
device = "viewed"
state_dir = "{state}"

[[cameras]]
id = "hall"
name = "Hall"
source = "simulated"
width = 640
height = 360

[[sensors]]
id = "wrist"
source = "simulated"

[broker]
port = {nobody}

[web]
host = "127.0.0.1"
port = {port}
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """The appliance without a broker to talk to."""
    port, settings = free_port(), tmp_path / "edge.toml"
    settings.write_text(_SETTINGS.format(state=tmp_path / "state", nobody=free_port(), port=port), encoding="utf-8")
    with running("edge", settings, port) as started:
        yield started


@pytest.fixture
def visit(browser: Browser, daemon: Daemon) -> Iterator[Visit]:
    """Somebody who signed in with the password of the first start."""
    password = (daemon.settings.parent / "state" / "first-password").read_text(encoding="ascii").strip()
    with visiting(browser, daemon.url) as opened:
        opened.sign_in(password)
        yield opened


def lively(page: Page) -> None:
    """Picture, motion, boxes, body signals and emotion are there."""
    page.wait_for_function(_LIVE)
    wait_text(page, "#activity", "MOTION")
    page.wait_for_function(
        """() => {
          const canvas = document.getElementById("overlay");
          const data = canvas.width && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          return data && data.some((v, i) => i % 4 === 3 && v);
        }"""
    )
    for channel in ("gsr_us", "hr_bpm", "skin_c"):
        page.wait_for_selector(f"[data-channel='{channel}']")
        assert painted(page, f"[data-channel='{channel}'] canvas") > 0
    page.wait_for_selector(".segment", timeout=60_000)


def test_everything_of_the_appliance(visit: Visit, daemon: Daemon) -> None:
    """Issue 2, point 6: the whole page from the whole appliance; its own state of affairs in words."""
    page = visit.open("/")
    lively(page)
    expect(page.locator("#device")).to_have_text("viewed")
    expect(page.locator("#picture-title")).to_be_visible()
    expect(page.locator("#parts")).to_contain_text("Camera · Hall")
    expect(page.locator("[data-part='broker']")).to_have_attribute("data-state", "failed")
    expect(page.locator("#sync-rows")).to_contain_text("Not reachable")
    expect(page.locator("#sync-verdict")).to_have_text("Waiting, nothing is lost")
    expect(page.locator("#events")).to_contain_text("Motion")
    expect(page.locator(".reading", has_text="Memory")).to_contain_text("MB")
    expect(page.locator(".reading", has_text="Latency").locator("dd")).not_to_have_text("\u2013", timeout=60_000)
    page.click("#power")
    expect(page.locator("#stage")).to_have_attribute("data-view", "off")
    page.click("#power")
    expect(page.locator("#stage")).to_have_attribute("data-view", "live", timeout=60_000)
    page.click("#snapshot")
    expect(page.locator("#said a")).to_contain_text("snapshot_")


def test_zone_that_is_forbidden(visit: Visit) -> None:
    """Issue 3, points 3, 6 and 7: drawn where the made-up walkers go, the next one is an event with a picture."""
    page = visit.open()
    page.wait_for_function(_LIVE)
    page.click("#edit-plan")
    page.click("#tool-zone")
    box = page.locator("#editor").bounding_box()
    assert box
    for x, y in ((0.3, 0.5), (0.7, 0.5), (0.7, 1.0), (0.3, 1.0), (0.3, 0.5)):
        page.mouse.click(box["x"] + x * box["width"], box["y"] + min(y * box["height"], box["height"] - 1))
    page.keyboard.type("Path")
    page.get_by_label("Add a rule").select_option("restricted")
    page.click("#plan-save")
    expect(page.locator("#plan-said")).to_contain_text("Saved.")
    page.click("#editor-done")
    page.get_by_label("Type", exact=True).select_option("roi_violation")
    event = page.locator("#events .event").first
    expect(event).to_contain_text("Path", timeout=45_000)
    expect(event).to_contain_text("In a restricted zone")
    page.wait_for_function("() => document.querySelector('#events img').naturalWidth > 0", timeout=60_000)
    event.click()
    page.wait_for_function("() => document.getElementById('event-picture').naturalWidth > 0")
    expect(page.locator("#event-reasons")).to_contain_text("Path")


def test_daemon_killed_and_back(visit: Visit, daemon: Daemon) -> None:
    """S1.35: the page needs nobody to come back, not even a new sign-in."""
    visit.forgive("net::ERR_", "404")  # what was told of may have lost its picture with the kill
    page = visit.open()
    page.wait_for_function(_LIVE)
    daemon.kill()
    expect(page.locator("#lost")).to_contain_text("Connection lost, trying again…")
    daemon.start()
    expect(page.locator("#lost")).to_be_hidden(timeout=30_000)
    expect(page.locator("#stage")).to_have_attribute("data-view", "live", timeout=60_000)
    lively(page)
