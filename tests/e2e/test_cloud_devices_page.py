"""The page Devices of the cloud in a real browser: who needs somebody, and asking one device for something."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

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


def test_a_device_is_found_asked_and_told_what_is_wrong(browser: Browser, cloud: CloudProcess) -> None:
    with visiting(browser, cloud.url, size=DESK, scheme="light") as visit:
        visit.forgive("status of 401", "status of 400")
        _go(visit)


def _go(visit: Visit) -> None:
    page = visit.open("/")
    page.get_by_label("Name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#state")).to_contain_text("Up to date")
    page.get_by_role("link", name="Devices").click()
    expect(page.locator("#devices li")).to_have_count(2)
    page.get_by_label("Show").select_option("attention")
    expect(page.locator("#devices li")).to_have_count(1)
    page.get_by_role("link", name="gate").click()

    expect(page.locator("#refused")).to_contain_text("<b>must be</b> <= 120")
    expect(page.locator("#standing")).to_contain_text("the device refuses it")
    editor = page.locator("#desired")
    editor.fill('{"settings": {"broker": {"host": "elsewhere"}}}')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#desired-problem")).to_contain_text("$.settings.broker")
    assert editor.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)") == '"broker"'
    editor.fill('{"settings": {"cameras": {"front": {"fps": 10}}}}')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#standing")).to_contain_text("Version 2, by ada")
    expect(page.locator("#desired-problem")).to_be_empty()

    page.get_by_label("Command").select_option("diagnostics")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#commands .tag")).to_have_text("queued")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#commands .tag")).to_have_text("cancelled")
