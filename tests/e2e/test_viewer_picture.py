"""The live picture, what is drawn over it, what is announced, and the buttons below it."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.browser import Visit, painted, visiting, wait_text
from tests.support.processes import wait_until
from tests.support.stage import Stage, picture, staged
from tests.support.web import VISION

_LIVE = "() => document.getElementById('live').naturalWidth > 0"
_SEVERITIES = {
    "LOW": "rgb(63, 183, 106)",
    "MEDIUM": "rgb(242, 207, 58)",
    "HIGH": "rgb(245, 143, 44)",
    "CRITICAL": "rgb(214, 58, 58)",
}
_ALPHA_AT = """([x, y]) => {
  const canvas = document.getElementById("overlay");
  const ratio = canvas.width / canvas.clientWidth;
  const reach = Math.ceil(3 * ratio);
  const data = canvas.getContext("2d").getImageData(x * ratio - reach, y * ratio - reach, 2 * reach, 2 * reach).data;
  return Math.max(...data.filter((_, i) => i % 4 === 3));
}"""


def view_of(page: Page) -> tuple[float, float, float, float]:
    """Where a 4:3 picture lies within the stage: left, top, width, height in CSS pixels of the stage."""
    box = page.locator("#stage").bounding_box()
    assert box
    scale = min(box["width"] / 640, box["height"] / 480)
    width, height = 640 * scale, 480 * scale
    return (box["width"] - width) / 2, (box["height"] - height) / 2, width, height


def test_picture_shows(page: Page) -> None:
    """S1.32, S1.33: the video replaces the placeholder."""
    page.wait_for_function(_LIVE)
    expect(page.locator("#stage")).to_have_attribute("data-view", "live")
    expect(page.locator("#stage-note")).to_be_hidden()
    assert page.evaluate("[live.naturalWidth, live.naturalHeight]") == [640, 480]
    assert page.get_attribute("#live", "alt") == "Live picture of The front camera"


def test_boxes_lie_on_what_they_mean(page: Page, stage: Stage) -> None:
    """S1.15, S1.34: the picture is letterboxed in its stage, and the boxes with it."""
    stage.vision(boxes=[{"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4, "label": "motion", "track": 1}])
    page.wait_for_function(_LIVE)
    page.wait_for_function("() => document.getElementById('overlay').width > 0")
    left, top, width, height = view_of(page)
    for x, y in [(0.1, 0.4), (0.4, 0.4), (0.25, 0.2), (0.25, 0.6)]:
        page.wait_for_function(f"(at) => ({_ALPHA_AT})(at) > 0", arg=[left + x * width, top + y * height])
    assert page.evaluate(_ALPHA_AT, [left + 0.25 * width, top + 0.4 * height]) == 0
    assert page.evaluate(_ALPHA_AT, [left / 2, top + 0.4 * height]) == 0


def test_boxes_go_with_the_motion(page: Page, stage: Stage) -> None:
    """S1.34: nothing stays drawn once nothing moves."""
    stage.vision()
    page.wait_for_function(_LIVE)
    wait_until(lambda: painted(page, "#overlay") > 0, "boxes are drawn")
    stage.vision(boxes=[], ai_status="IDLE")
    wait_until(lambda: painted(page, "#overlay") == 0, "none is drawn any more")


def test_activity_is_told(page: Page, stage: Stage) -> None:
    """S1.9, S1.34: IDLE, MOTION, ALERT."""
    for state in ("IDLE", "MOTION", "ALERT"):
        stage.vision(ai_status=state)
        wait_text(page, "#activity", state)


def test_severity_has_its_colour(page: Page, stage: Stage) -> None:
    """S1.23, X.23: LOW green, MEDIUM yellow, HIGH orange, CRITICAL red; with type, confidence and reasons."""
    banner = page.locator("#banner")
    for severity, colour in _SEVERITIES.items():
        stage.anomaly(severity)
        expect(banner).to_have_css("background-color", colour)
        expect(banner).to_contain_text(severity)
        expect(banner).to_contain_text("Sudden motion")
        expect(banner).to_contain_text("87\u202f% confident")
        expect(banner).to_contain_text("3.4\u202f\u03c3 from usual")
        expect(banner).to_contain_text("Speed 9.1 px a frame is 3.4 sigma")
        expect(page.get_by_role("alert")).to_have_text(f"{severity}: Sudden motion")
        assert page.title() == f"{severity}: Sudden motion · Afferent"


def test_announcement_ends(page: Page, stage: Stage) -> None:
    """It stays for a moment after the alarm, so that it can be read, and then goes (U1.4)."""
    stage.anomaly("HIGH")
    expect(page.locator("#banner")).to_have_attribute("data-severity", "HIGH")
    stage.vision()
    expect(page.locator("#banner")).to_have_attribute("data-severity", "none")
    expect(page.locator("#banner")).to_contain_text("Nothing unusual")


def test_learning_is_told(page: Page, stage: Stage) -> None:
    """S1.22: learning_complete and how far it is."""
    stage.vision(learning={"complete": False, "progress": 0.64})
    wait_text(page, "#learning", "Learning what is usual: 64\u202f%")
    assert page.eval_on_selector("#learning progress", "bar => bar.value") == pytest.approx(0.64)
    stage.vision()
    wait_text(page, "#learning", "Has learned what is usual here")


def test_words_of_others_are_text(page: Page, stage: Stage) -> None:
    """What a camera, a model or a config says is never taken for markup."""
    evil = "<img src=x onerror=alert(1)>"
    stage.anomaly("HIGH", anomaly_type=evil, reasoning=[evil])
    wait_text(page, "#banner-reasons", evil)
    assert page.locator("#banner img").count() == 0


def test_stop_and_start(page: Page, stage: Stage) -> None:
    """S1.18, S1.21: stop takes the picture away and the camera down; start brings both back after a spinner."""
    page.wait_for_function(_LIVE)
    power = page.locator("#power")
    power.click()
    expect(page.locator("#stage")).to_have_attribute("data-view", "off")
    expect(page.locator("#stage-note")).to_contain_text("The camera is stopped")
    expect(page.locator("#live:not([src])")).to_have_count(1)
    assert not stage.cameras["front"].running
    expect(power).to_have_text("Start")
    expect(page.locator("#snapshot")).to_be_disabled()
    asked: list[Route] = []
    page.route("**/start", lambda route: asked.append(route))  # noqa: PLW0108 - no built-in method will do
    power.click()
    expect(page.locator("#stage-note")).to_contain_text("Starting the camera")
    expect(page.locator(".stage-note .spinner")).to_be_visible()
    asked[0].continue_()
    expect(page.locator("#stage")).to_have_attribute("data-view", "live")
    expect(power).to_have_text("Stop")


def test_stopped_by_somebody_else(page: Page, stage: Stage) -> None:
    """X.10: the page of everybody else says so, and gives its connection back."""
    page.wait_for_function(_LIVE)
    stage.cameras["front"].running = False
    expect(page.locator("#stage")).to_have_attribute("data-view", "off")
    expect(page.locator("#live:not([src])")).to_have_count(1)


def test_start_that_fails(visit: Visit, stage: Stage) -> None:
    """S1.33, S1.35: a camera that is not there is an error in words, and the button works again."""
    visit.forgive("503")
    stage.cameras["front"].running = False
    page = visit.open()
    expect(page.locator("#stage")).to_have_attribute("data-view", "off")
    stage.cameras["front"].start = _refuse  # type: ignore[method-assign]
    page.click("#power")
    expect(page.locator("#said")).to_contain_text("No such device")
    expect(page.locator("#said")).to_contain_text("Check that camera front is connected")
    expect(page.locator("#power")).to_be_enabled()


async def _refuse() -> None:
    from edge.core.errors import SourceUnavailableError

    raise SourceUnavailableError("no such device")


def test_record_and_snapshot(page: Page, stage: Stage) -> None:
    """Recording by hand is told on the picture; a snapshot can be looked at (S1.12)."""
    page.click("#record")
    expect(page.locator("#rec-mark")).to_be_visible()
    expect(page.locator("#record")).to_have_attribute("aria-pressed", "true")
    assert stage.cameras["front"].recording
    page.click("#record")
    expect(page.locator("#rec-mark")).to_be_hidden()
    page.click("#snapshot")
    link = page.locator("#said a")
    expect(link).to_contain_text("Saved as snapshot_")
    kept = page.request.get(f"{stage.url}{link.get_attribute('href')}")
    assert kept.body() == picture()


def test_no_room_for_a_recording(visit: Visit, stage: Stage) -> None:
    """A full disk is told where the button is."""
    visit.forgive("507")
    page = visit.open()
    stage.cameras["front"].broken = True
    page.click("#record")
    expect(page.locator("#said")).to_contain_text("The disk is full")
    expect(page.locator("#said")).to_have_attribute("data-tone", "bad")


def test_camera_lost_and_back(page: Page, stage: Stage) -> None:
    """S1.35: said on the picture with the reason, nothing drawn where nothing is seen; back by itself."""
    stage.vision()
    page.wait_for_function(_LIVE)
    camera = stage.cameras["front"]
    camera.detail, camera.broken = "the cable is out", True
    expect(page.locator("#stage-note")).to_contain_text("Camera lost, trying again…")
    expect(page.locator("#stage-note")).to_contain_text("the cable is out")
    wait_until(lambda: painted(page, "#overlay") == 0, "nothing is drawn")
    camera.detail, camera.broken = "", False
    expect(page.locator("#stage")).to_have_attribute("data-view", "live")


def test_broken_picture_is_tried_again(visit: Visit) -> None:
    """S1.20: after 2 s, with another t."""
    visit.forgive("Failed to load resource")
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.abort()
        else:
            route.continue_()

    page = visit.open("/viewer/icon.svg")
    page.route("**/live/**", answer)
    page.goto(f"{visit.url}/viewer/")
    page.wait_for_function(_LIVE)
    assert len(asked) >= 2
    assert asked[0] != asked[1]
    waited_ms = int(asked[1].partition("?t=")[2]) - int(asked[0].partition("?t=")[2])
    assert waited_ms > 1900


def test_no_camera(browser: Browser, tmp_path: Path) -> None:
    """A page without a camera says what to do."""
    with staged(tmp_path, cameras=()) as stage, visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        expect(page.locator("#stage-note")).to_contain_text("No camera")
        expect(page.locator("#stage-note")).to_contain_text("edge doctor")
        expect(page.locator("#power")).to_be_disabled()
        for what in ("#banner", ".unusual-panel", "#activity", "#view-bar"):  # of nothing that could be seen
            expect(page.locator(what)).to_be_hidden()


def test_several_cameras(browser: Browser, tmp_path: Path) -> None:
    """S1.11: each by its name; the boxes and words are those of the chosen one."""
    with staged(tmp_path, cameras=("front", "yard")) as stage, visiting(browser, stage.url) as visit:
        visit.sign_in(stage.password)
        stage.vision("front", ai_status="IDLE", boxes=[])
        stage.vision("yard", ai_status="MOTION", boxes=VISION["boxes"])
        page = visit.open()
        wait_text(page, "#activity", "IDLE")
        page.get_by_role("button", name="The yard camera").click()
        wait_text(page, "#activity", "MOTION")
        page.wait_for_function("() => document.getElementById('live').src.includes('/live/yard')")
        page.wait_for_function(_LIVE)
        expect(page.get_by_role("button", name="The yard camera")).to_have_attribute("aria-pressed", "true")
