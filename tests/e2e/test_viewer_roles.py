"""Accounts in a browser: a viewer looks and is told why nothing else goes; an admin does, and sees what was done."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PHONE, Visit, poor_contrast, too_wide, visiting
from tests.support.stage import Stage, staged


def sign_in(visit: Visit, account: str, password: str, path: str = "/viewer/") -> Page:
    """By the form."""
    visit.forgive("401")
    page = visit.open(path)
    expect(page.locator("#signin")).to_be_visible()
    page.fill("#account", account)
    page.fill("#password", password)
    page.click("#signin-go")
    expect(page.locator("#signin")).not_to_be_visible()
    return page


def test_an_admin_makes_a_viewer_who_cannot_and_sees_what_was_tried(browser: Browser, stage: Stage) -> None:
    with visiting(browser, stage.url) as admins, visiting(browser, stage.url) as viewers:
        admin = sign_in(admins, "admin", stage.password, "/viewer/accounts.html")
        expect(admin.locator("#own-about")).to_contain_text("You are signed in as admin, an admin.")
        admin.click("#account-add")
        admin.get_by_label("Name").fill("lena")
        admin.get_by_role("button", name="Add", exact=True).click()
        password = admin.locator(".new-password").inner_text()
        admin.locator(".sheet [data-action=close]").click()
        expect(admin.locator("[data-account=lena]")).to_contain_text("not signed in")

        page = sign_in(viewers, "lena", password)
        expect(page.locator("#who")).to_have_text("lena · viewer")
        expect(page.locator("#stage")).to_have_attribute("data-view", "live")
        power = page.locator("#power")
        expect(power).to_have_attribute("aria-disabled", "true")
        expect(power).to_have_attribute(
            "title", "You may look only. An operator or admin of this appliance may do this."
        )
        power.click(force=True)
        expect(page.locator(".denied")).to_contain_text("You may look only.")
        assert stage.cameras["front"].running
        viewers.forgive("403")
        told = page.evaluate("fetch('/v1/cameras/front/stop', {method: 'POST'}).then((a) => a.status)")
        assert told == 403
        page.click("#who")
        expect(page.locator("#own-about")).to_contain_text("You are signed in as lena, a viewer.")
        expect(page.locator("#accounts-title")).not_to_be_visible()
        expect(page.locator("#audit-title")).not_to_be_visible()

        admin.reload()
        expect(admin.locator("#audit")).to_contain_text("Stopped a cameraPOST /v1/cameras/{camera}/stop · camera=front")
        admin.fill("#audit-outcome", "refused")
        expect(admin.locator("#audit tr")).to_have_count(1)
        expect(admin.locator("#audit tr")).to_contain_text("lena")
        admin.locator("[data-account=lena] select").select_option("operator")
        expect(admin.locator("#notices")).to_contain_text("lena is operator now.")
        page.goto(f"{stage.url}/viewer/")
        expect(page.locator("#who")).to_have_text("lena · operator")
        page.click("#power")
        expect(page.locator("#power")).to_have_text("Start")
        assert not stage.cameras["front"].running

        admin.locator("[data-account=lena]").get_by_role("button", name="Remove…").click()
        admin.locator(".sheet [data-action=go]").click()
        expect(admin.locator("[data-account=lena]")).to_have_count(0)
        expect(page.locator("#signin")).to_be_visible()


def test_over_https_with_our_own_certificate_all_works_as_before(browser: Browser, tmp_path: Path) -> None:
    with (
        staged(tmp_path, https="own") as stage,
        visiting(browser, stage.url, ignore_https_errors=True) as visit,
    ):
        page = sign_in(visit, "admin", stage.password)
        expect(page.locator("#link-text")).to_have_text("Live")
        expect(page.locator("#stage")).to_have_attribute("data-view", "live")
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        kept = cookies["afferent_session"]
        assert (kept["secure"], kept["httpOnly"], kept["sameSite"]) == (True, True, "Strict")
        page.click("#power")
        expect(page.locator("#power")).to_have_text("Start")


def test_one_s_own_password_and_the_look_of_the_page(browser: Browser, stage: Stage) -> None:
    with visiting(browser, stage.url, size=PHONE) as visit:
        visit.forgive("403")
        visit.sign_in(stage.password)
        page = visit.open("/viewer/accounts.html")
        expect(page.locator("#sign-ins .line")).to_have_count(1)
        expect(page.locator("#sign-ins")).to_contain_text("admin (here)")
        assert poor_contrast(page) == []
        assert too_wide(page) == []
        page.click("#own-password")
        page.get_by_label("Password until now").fill("not the password")
        page.get_by_label("New password").fill("a longer password")
        page.get_by_label("Once more").fill("a longer password")
        page.locator(".sheet [data-action=go]").click()
        expect(page.locator(".sheet .said")).to_contain_text("The password is wrong")
        page.get_by_label("Password until now").fill(stage.password)
        page.locator(".sheet [data-action=go]").click()
        expect(page.locator("#notices")).to_contain_text("Your other sessions have ended.")
        visit.forgive("401")
        page.click("#own-everywhere")
        expect(page.locator("#signin")).to_be_visible()
        page.fill("#password", "a longer password")
        page.click("#signin-go")
        expect(page.locator("#own-about")).to_contain_text("You are signed in as admin, an admin.")
