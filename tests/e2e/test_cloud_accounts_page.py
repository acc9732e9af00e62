"""The cloud's accounts in a real browser: an admin says who may what, and each page shows what its reader may."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cloud.store.intake import Intake
from contract.messages import Status
from contract.times import to_wire
from tests.support.browser import DESK, visiting
from tests.support.cloud import BOOT, PASSWORD, START_MS, USER, CloudProcess, cloud_process, opened
from tests.support.ports import free_port


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    with cloud_process(tmp_path / "cloud", f"[broker]\nport = {free_port()}", free_port()) as found:
        assert found.command("account", "add", USER, stdin=f"{PASSWORD}\n").exit_code == 0
        for role in ("viewer", "member"):
            name = f"of-{role}"
            assert found.command("account", "add", name, "--role", role, stdin=f"{PASSWORD}\n").exit_code == 0
        thread = threading.Thread(target=asyncio.run, args=(_fill(found),))  # the browser's loop holds this one
        thread.start()
        thread.join()
        found.start(ready=False)
        yield found


async def _fill(cloud: CloudProcess) -> None:
    async with opened(f"sqlite:///{cloud.config.parent / 'cloud.db'}") as database:
        said = Status(device="gate", state="online", boot=BOOT, t=to_wire(START_MS), clock="trusted")
        await Intake(database).set_status(said, START_MS)


def test_each_page_shows_what_its_reader_may(browser: Browser, cloud: CloudProcess) -> None:
    with visiting(browser, cloud.url, size=DESK, scheme="light") as visit:
        visit.forgive("status of 401", "status of 409")
        page = visit.open("/")
        _look_after_accounts(page)
        _look_as_viewer(page)
        _look_as_member(page)


def _sign_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#state")).to_contain_text("Up to date")


def _look_after_accounts(page: Page) -> None:
    _sign_in(page, USER)
    page.get_by_role("link", name="Accounts").click()
    expect(page.locator("#own")).to_contain_text(f"You are {USER}. Your role is admin")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Name").fill("bob")
    page.get_by_label("Role", exact=True).select_option("operator")
    page.get_by_role("button", name="Add account").click()
    expect(page.locator("#told")).to_contain_text("Tell bob their password. It is shown this once: ")
    page.get_by_label("Role of bob").select_option("member")
    expect(page.locator("#told")).to_have_text("bob is member now.")
    _say_who_a_member_is(page)
    page.get_by_label(f"Role of {USER}").select_option("viewer")
    expect(page.locator("#problem")).to_contain_text("last admin: make another one first. Nothing was changed")
    expect(page.get_by_label(f"Role of {USER}")).to_have_value("admin")
    page.get_by_label("Remove bob").click()
    expect(page.locator("#accounts li")).to_have_count(3)
    page.get_by_label("About").fill("bob")
    page.get_by_label("About").press("Enter")
    expect(page.locator("#audit li").first).to_contain_text("Removed an account · bob")
    page.get_by_label("About").fill("nobody")
    page.get_by_label("About").press("Enter")
    expect(page.locator("#audit")).to_contain_text("Give the whole name")
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("button", name="Sign out").click()


def _say_who_a_member_is(page: Page) -> None:
    page.locator("#member").select_option("bob")
    expect(page.locator("#people")).to_contain_text("bob sees nothing yet")
    page.get_by_label("Device").fill("gate")
    page.get_by_label("Participant there").fill("../p 1")
    page.get_by_role("button", name="Let them see it").click()
    expect(page.locator("#people li")).to_contain_text("../p 1 on gate")
    expect(page.locator("#told")).to_have_text("bob now sees what gate recorded of ../p 1.")
    page.get_by_label("Device").fill("gaet")
    page.get_by_label("Participant there").fill("p2")
    page.get_by_role("button", name="Let them see it").click()
    expect(page.locator("#told")).to_contain_text("no device of that name has spoken yet")
    page.get_by_label("Remove p2 of gaet").click()
    expect(page.locator("#people li")).to_have_count(1)
    page.get_by_label("Remove ../p 1 of gate").click()
    expect(page.locator("#people")).to_contain_text("bob sees nothing yet")


def _look_as_viewer(page: Page) -> None:
    _sign_in(page, "of-viewer")
    page.get_by_role("link", name="Accounts").click()
    expect(page.locator("#own")).to_contain_text("of-viewer")
    expect(page.get_by_role("heading", name="Who may sign in")).to_be_hidden()
    page.get_by_role("link", name="Devices").click()
    page.get_by_role("link", name="gate").click()
    expect(page.locator("#standing")).to_contain_text("Nothing was asked for")
    for button in ("Save", "Send"):
        expect(page.get_by_role("button", name=button)).to_be_hidden()
    expect(page.locator("#desired")).not_to_be_editable()
    expect(page.locator("#may-not")).to_contain_text("ask an admin")
    page.get_by_role("button", name="Sign out").click()


def _look_as_member(page: Page) -> None:
    _sign_in(page, "of-member")
    expect(page.get_by_role("link", name="Devices")).to_be_hidden()
    expect(page.get_by_role("heading", name="Devices")).to_be_hidden()
    expect(page.get_by_role("heading", name="Recordings")).to_be_visible()
    expect(page.locator("#predictions")).to_contain_text("ask an admin under which name your account takes part")
