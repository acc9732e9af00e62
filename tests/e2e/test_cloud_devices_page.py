"""The page Devices of the cloud in a real browser: who needs somebody, and asking one device for something."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cloud.store.audit import Deed
from cloud.store.desired import Wish
from cloud.store.intake import Intake
from cloud.store.remote import remote_over
from contract.messages import Status
from contract.remote import Refused, Reported
from contract.times import to_wire
from tests.support.browser import DESK, Visit, visiting
from tests.support.cloud import BOOT, PASSWORD, START_MS, USER, CloudProcess, cloud_process, opened
from tests.support.ports import free_port
from tests.support.wanting import NOT_WANTING, WANTING, add_wanting

_WANTING, _OTHERS = sorted([*WANTING, "gate"]), [*NOT_WANTING, "yard"]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    with cloud_process(tmp_path / "cloud", f"[broker]\nport = {free_port()}", free_port()) as found:
        assert found.command("user", "add", USER, stdin=f"{PASSWORD}\n").exit_code == 0
        thread = threading.Thread(target=asyncio.run, args=(_fill(found),))  # the browser's loop holds this one
        thread.start()
        thread.join()
        found.start(ready=False)
        yield found


async def _fill(cloud: CloudProcess) -> None:
    async with opened(f"sqlite:///{cloud.config.parent / 'cloud.db'}") as database:
        intake, moment = Intake(database), to_wire(START_MS)
        for name in ("gate", "yard"):
            await intake.set_status(Status(device=name, state="online", boot=BOOT, t=moment, clock="trusted"), START_MS)
        wish, deed = Wish({"cameras": {"front": {"fps": 200}}}, {}, []), Deed("ada", "desired.set", "gate")
        await remote_over(database).desired.set("gate", wish, deed, expected=0, now_ms=START_MS)
        refused = [Refused(path="$.settings.cameras.front.fps", reason="<b>must be</b> <= 120")]
        said = Reported(device="gate", boot=BOOT, t=moment, seen=1, state="refused", refused=refused)
        await intake.set_reported(said, START_MS)
        await add_wanting(database, round(time.time() * 1000))  # as the cloud itself sees it


def test_a_device_is_found_asked_and_told_what_is_wrong(browser: Browser, cloud: CloudProcess) -> None:
    with visiting(browser, cloud.url, size=DESK, scheme="light") as visit:
        visit.forgive("status of 401", "status of 400", "status of 404")
        _go(visit)


_WHO = """async () => {
  const { needs } = await import("/console/words.js");
  const all = (await (await fetch("/v1/devices")).json()).items;
  const chosen = (await (await fetch("/v1/devices?attention=true")).json()).items;
  return [all.filter((one) => needs(one, Date.now()).length), chosen].map((list) => list.map((one) => one.device));
}"""


def _go(visit: Visit) -> None:
    page = visit.open("/")
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#state")).to_contain_text("Up to date")
    page.get_by_role("link", name="Devices", exact=True).click()
    expect(page.locator("#devices li")).to_have_count(len(_WANTING) + len(_OTHERS))
    told, chosen = page.evaluate(_WHO)
    assert told == chosen == _WANTING, "the page tells of something at just those that the cloud chooses"
    page.get_by_label("Show").select_option("attention")
    expect(page.locator("#devices li")).to_have_count(len(_WANTING))
    expect(page.locator("#count")).to_have_text(f"{len(_WANTING)} of {len(_WANTING) + len(_OTHERS)} devices")
    page.get_by_label("Name").fill("nowhere")
    expect(page.locator("#devices")).to_contain_text("Choose another name")
    page.get_by_label("Name").fill("")
    page.evaluate("location.hash = 'nowhere'")
    expect(page.locator("#facts")).to_have_text(
        "No device of this name has spoken. See on the page Devices which there are."
    )
    expect(page.get_by_role("button", name="Send"), "nothing can be asked of it").to_be_hidden()
    page.get_by_role("link", name="All devices").click()
    page.get_by_role("link", name="gate").click()
    expect(page.get_by_role("heading", name="gate"), "who reads aloud hears where they are").to_be_focused()
    assert page.title() == "gate · Devices · Afferent cloud"

    expect(page.locator("#facts")).to_contain_text("all 0 of its newest run are here; none waits on the device")
    assert page.get_by_role("link", name="What it sent").get_attribute("href") == "/?device=gate"
    expect(page.locator("#refused")).to_contain_text("<b>must be</b> <= 120")
    expect(page.locator("#standing")).to_contain_text("the device refuses it")
    editor = page.locator("#desired")
    editor.fill('{"settings": {"broker": {"host": "elsewhere"}}}')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#desired-problem")).to_contain_text("$.settings.broker")
    assert editor.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)") == '"broker"'
    editor.fill('{"settings": ')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#desired-problem")).to_contain_text("This is no JSON, so nothing was sent.")
    editor.fill('{"settings": {"cameras": {"front": {"fps": 10}}}}')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#standing")).to_contain_text("Version 2, by ada")
    expect(page.locator("#desired-problem")).to_be_empty()

    command = page.get_by_label("What it shall do once")
    command.select_option(label="Take a picture")
    expect(page.locator("#arguments-hint")).to_contain_text('Such as {"camera": "front"}')
    command.select_option("diagnostics")
    expect(page.get_by_label("With arguments")).to_be_hidden()
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#commands .tag")).to_have_text("waits to be sent")
    expect(page.locator("#commands .name")).to_have_text("Collect diagnostics")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#commands .tag")).to_have_text("cancelled")
    _leave_something_unsaved(page)


def _leave_something_unsaved(page: Page) -> None:
    """Neither a click on another page nor the end of a sign-in throws away what was typed."""
    editor = page.locator("#desired")
    editor.fill("{}")
    page.get_by_role("link", name="All devices").click()
    expect(page.get_by_role("heading", name="gate")).to_be_visible()
    page.context.clear_cookies()
    expect(page.locator("#lost")).to_contain_text("Copy your text, which is not saved")
    expect(editor).to_have_value("{}")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="All devices").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
