"""Zones and lines on the picture: drawn by mouse, finger and keys, given rules, saved, and never lost by accident."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from contract.plan import AfterHours, Line, LoiteringRule, Plan, RestrictedRule, WrongWayRule, Zone
from tests.support.browser import PHONE, Visit, visiting
from tests.support.stage import Stage, staged

_LIVE = "() => document.getElementById('live').naturalWidth > 0"
_SQUARE = ((0.2, 0.2), (0.6, 0.2), (0.6, 0.7), (0.2, 0.7))
_PIXEL = """([x, y]) => {
  const canvas = document.getElementById("overlay");
  const ratio = canvas.width / canvas.clientWidth;
  const [red, , blue, alpha] = canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data;
  return CONDITION;
}"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One appliance for all; each test begins with a plan of its own."""
    folder: Path = tmp_path_factory.mktemp("plan")
    with staged(folder) as opened:
        opened.vision(boxes=[], ai_status="IDLE")
        yield opened


@pytest.fixture(scope="module")
def visit(browser: Browser, stage: Stage) -> Iterator[Visit]:
    """Somebody at a desk."""
    with visiting(browser, stage.url) as opened:
        opened.forgive("409", "400")  # a browser notes each such answer, whatever the page makes of it
        opened.sign_in(stage.password)
        yield opened


@pytest.fixture(scope="module")
def tab(visit: Visit) -> Page:
    """One tab for all."""
    return visit.open()


def kept(stage: Stage) -> Plan:
    """What the device keeps."""
    return stage.cameras["front"].kept_plan


def begin(page: Page, stage: Stage, **plan: Any) -> None:
    """The page, loaded anew on this plan, with the editor open."""
    stage.cameras["front"].kept_plan = Plan(version=kept(stage).version + 1, **plan)
    page.reload()
    page.wait_for_function(_LIVE)
    page.click("#edit-plan")
    expect(page.locator("#plan-panel")).to_be_visible()


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the picture is on the screen."""
    box = page.locator("#editor").bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def click(page: Page, *points: tuple[float, float]) -> None:
    """Click places of the picture one after another."""
    for x, y in points:
        page.mouse.click(*at(page, x, y))


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one place of the picture to another."""
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, *((a + b) / 2 for a, b in zip(start, end, strict=True))))
    page.mouse.move(*at(page, *end))
    page.mouse.up()


def save(page: Page) -> None:
    """Save, and wait until it is."""
    page.click("#plan-save")
    expect(page.locator("#plan-said")).to_contain_text("Saved.")


def wait_colour(page: Page, at: tuple[float, float], condition: str) -> None:
    """Wait until what is drawn at this place of the stage is so."""
    page.wait_for_function(_PIXEL.replace("CONDITION", condition), arg=list(at))


def near(points: Any, expected: Any) -> bool:
    """Whether points are where they were put, to a hundredth of the picture."""
    return [list(point) for point in points] == [pytest.approx(list(point), abs=0.01) for point in expected]


def test_zone_by_mouse(tab: Page, stage: Stage) -> None:
    """Corners by clicks, closed at the first one; named, forbidden, saved, and there again after a reload."""
    begin(tab, stage)
    expect(tab.locator("#plan-empty")).to_be_visible()
    tab.click("#tool-zone")
    click(tab, *_SQUARE, _SQUARE[0])
    expect(tab.locator("#plan-list li")).to_have_count(1)
    expect(tab.get_by_label("Name")).to_be_focused()
    tab.keyboard.type("Gate")
    tab.get_by_label("Add a rule").select_option("restricted")
    tab.locator("#shape-form").get_by_label("Severity").select_option("HIGH")
    save(tab)
    zone = kept(stage).zones[0]
    assert (zone.name, zone.kind) == ("Gate", "watch")
    assert zone.rules == (RestrictedRule(severity="HIGH"),)
    assert near(zone.points, _SQUARE)
    tab.reload()
    tab.wait_for_function(_LIVE)
    tab.click("#edit-plan")
    expect(tab.locator("#plan-list")).to_contain_text("Gate")
    expect(tab.locator("#plan-list")).to_contain_text("Restricted")


def test_zone_by_keyboard(tab: Page, stage: Stage) -> None:
    """Tab, arrows, Space and Enter draw, move, add and remove points; each is told in words."""
    begin(tab, stage)
    expect(tab.locator("#tool-zone")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("#editor")).to_be_focused()
    for keys in ("Space", "Shift+ArrowRight Shift+ArrowRight Space", "Shift+ArrowDown Shift+ArrowDown Space"):
        for key in keys.split():
            tab.keyboard.press(key)
    expect(tab.locator("#plan-said")).to_have_text("Point 3 set.")
    tab.keyboard.press("Enter")
    tab.keyboard.type("Door")
    first = tab.locator("[data-point='0']")
    first.focus()
    expect(first).to_have_attribute("aria-label", "Point 1 of 3 of Door: 50 % from the left, 50 % from the top")
    tab.keyboard.press("Shift+ArrowLeft")
    tab.keyboard.press("ArrowUp")
    expect(first).to_be_focused()
    tab.keyboard.press("+")
    expect(tab.locator("[data-point='1']")).to_be_focused()
    expect(tab.locator("[data-point]")).to_have_count(4)
    tab.keyboard.press("Delete")
    expect(tab.locator("[data-point]")).to_have_count(3)
    tab.keyboard.press("Delete")
    expect(tab.locator("#plan-said")).to_contain_text("It needs these points")
    tab.focus("#plan-save")
    tab.keyboard.press("Enter")
    expect(tab.locator("#plan-said")).to_contain_text("Saved.")
    assert kept(stage).zones[0].name == "Door"
    assert near(kept(stage).zones[0].points, [(0.45, 0.495), (0.6, 0.5), (0.6, 0.6)])


def test_line_and_its_arrow(tab: Page, stage: Stage) -> None:
    """Two clicks; who goes to the right hand goes forward, and the arrow can be turned."""
    begin(tab, stage)
    tab.click("#tool-line")
    click(tab, (0.5, 0.9), (0.5, 0.1))
    tab.get_by_label("Name").fill("Door")
    tab.get_by_role("button", name="Turn the arrow round").click()
    tab.get_by_label("Alarm").select_option("none")
    save(tab)
    line = kept(stage).lines[0]
    assert (line.name, line.alarm) == ("Door", "none")
    assert near([line.a, line.b], [(0.5, 0.1), (0.5, 0.9)])


def test_points_and_shapes_are_dragged(tab: Page, stage: Stage) -> None:
    """A corner, the middle of an edge for one more corner, the whole; undo and redo step by drag."""
    begin(tab, stage, zones=(Zone(id="a", points=_SQUARE),))
    click(tab, (0.4, 0.4))
    drag(tab, (0.2, 0.2), (0.1, 0.1))
    drag(tab, (0.6, 0.45), (0.8, 0.45))
    drag(tab, (0.4, 0.5), (0.45, 0.6))
    expect(tab.locator("[data-point]")).to_have_count(5)
    tab.keyboard.press("Control+z")
    tab.keyboard.press("Control+z")
    expect(tab.locator("[data-point]")).to_have_count(4)
    tab.click("#tool-redo")
    expect(tab.locator("[data-point]")).to_have_count(5)
    save(tab)
    assert near(kept(stage).zones[0].points, [(0.1, 0.1), (0.6, 0.2), (0.8, 0.45), (0.6, 0.7), (0.2, 0.7)])


def test_bad_value_is_told_at_its_field(tab: Page, stage: Stage) -> None:
    """Nothing is sent, the zone is opened, the field has the focus and says what would be right."""
    begin(tab, stage, zones=(Zone(id="a", points=_SQUARE, rules=(LoiteringRule(after_s=60),)),))
    version = kept(stage).version
    tab.locator(".plan-item").click()
    field = tab.get_by_label("Longer than (s)")
    field.fill("0")
    tab.locator(".plan-item").click()
    tab.click("#plan-save")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(tab.locator(".bad:not(:empty)")).to_have_text("From 1 to 86400.")
    assert kept(stage).version == version
    field.fill("90")
    expect(tab.locator(".bad:not(:empty)")).to_have_count(0)
    save(tab)
    assert kept(stage).zones[0].rules == (LoiteringRule(after_s=90),)


def test_what_the_device_refuses(tab: Page, stage: Stage) -> None:
    """Its problem document names the field; the page shows it there."""
    begin(tab, stage, zones=(Zone(id="a", name="Gate", points=_SQUARE),))
    problem = {"status": 400, "detail": "this name is not nice", "field": "$.zones[0].name"}

    def refuse(route: Route) -> None:
        if route.request.method == "PUT":
            route.fulfill(status=400, json=problem)
        else:
            route.continue_()

    tab.route("**/plan", refuse)
    tab.locator(".plan-item").click()
    tab.get_by_label("Name").fill("Nasty")
    tab.click("#plan-save")
    expect(tab.get_by_label("Name")).to_be_focused()
    expect(tab.locator(".bad:not(:empty)")).to_have_text("This name is not nice.")
    tab.unroute("**/plan")
    save(tab)


def test_somebody_else_saved(tab: Page, stage: Stage) -> None:
    """409: what the other changed is said; theirs can be taken, and mine can be put over it."""
    begin(tab, stage, zones=(Zone(id="a", name="Gate", points=_SQUARE),))
    tab.locator(".plan-item").click()
    tab.get_by_label("Name").fill("Mine")
    other = Zone(id="b", name="Theirs", points=_SQUARE)
    theirs = msgspec.structs.replace(kept(stage), version=kept(stage).version + 1, zones=(*kept(stage).zones, other))
    stage.cameras["front"].kept_plan = theirs
    tab.click("#plan-save")
    expect(tab.get_by_role("alertdialog")).to_contain_text("Theirs is new")
    tab.click("#conflict-theirs")
    expect(tab.locator("#plan-list")).to_contain_text("Theirs")
    expect(tab.locator("#plan-list")).not_to_contain_text("Mine")
    tab.click("#tool-undo")
    expect(tab.locator("#plan-list")).to_contain_text("Mine")
    stage.cameras["front"].kept_plan = msgspec.structs.replace(theirs, version=theirs.version + 1)
    tab.click("#plan-save")
    tab.click("#conflict-mine")
    expect(tab.locator("#plan-said")).to_contain_text("Saved.")
    assert [zone.name for zone in kept(stage).zones] == ["Mine"]
    assert kept(stage).version == theirs.version + 2


def test_nothing_is_lost_by_accident(tab: Page, stage: Stage) -> None:
    """Escape steps out: sketch, tool, selection, and asks before it leaves what is not saved."""
    begin(tab, stage, zones=(Zone(id="a", name="Gate", points=_SQUARE),))
    tab.click("#tool-zone")
    click(tab, (0.7, 0.7), (0.9, 0.7))
    tab.keyboard.press("Escape")
    expect(tab.locator(".edit-put")).to_have_count(0)
    tab.keyboard.press("Escape")
    expect(tab.locator("#tool-select")).to_have_attribute("aria-pressed", "true")
    click(tab, (0.4, 0.4))
    tab.get_by_role("button", name="Delete this zone").click()
    expect(tab.locator("#plan-dirty")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator("#leave-dialog")).to_be_visible()
    tab.click("#leave-stay")
    expect(tab.locator("#plan-panel")).to_be_visible()
    tab.click("#editor-done")
    tab.click("#leave-drop")
    expect(tab.locator("#plan-panel")).to_be_hidden()
    expect(tab.locator("#edit-plan")).to_be_focused()
    assert [zone.name for zone in kept(stage).zones] == ["Gate"]


def test_the_whole_picture(tab: Page, stage: Stage) -> None:
    """Privacy and face blur say what they do and do not; hours and time zone are kept."""
    begin(tab, stage, zones=(Zone(id="a", points=_SQUARE),))
    tab.locator(".plan-item").click()
    tab.get_by_label("Kind").select_option("privacy")
    expect(tab.locator("#shape-form")).to_contain_text("Burned into every picture")
    expect(tab.locator("#place-form")).to_contain_text("it misses some")
    tab.get_by_role("switch", name="Blur faces").check()
    tab.get_by_role("switch", name="After hours").check()
    tab.get_by_role("button", name="Sun").click()
    tab.get_by_label("From", exact=True).fill("21:30")
    tab.get_by_label("Time zone").fill("Europe/Nowhere")
    tab.click("#plan-save")
    expect(tab.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
    tab.get_by_label("Time zone").fill("Europe/Berlin")
    save(tab)
    plan = kept(stage)
    assert (plan.zones[0].kind, plan.face_blur, plan.timezone) == ("privacy", True, "Europe/Berlin")
    assert isinstance(plan.after_hours, AfterHours)
    assert plan.after_hours.hours.start == "21:30"
    assert "sun" not in plan.after_hours.hours.days


def test_direction_is_turned(tab: Page, stage: Stage) -> None:
    """The dial by keys and by pointer, in words for who cannot see it; and it is an arrow on the picture."""
    begin(tab, stage, zones=(Zone(id="a", points=_SQUARE, rules=(WrongWayRule(allowed=0),)),))
    tab.locator(".plan-item").click()
    dial = tab.get_by_role("slider", name="Allowed direction")
    dial.press("PageUp")
    dial.press("ArrowRight")
    expect(dial).to_have_attribute("aria-valuetext", "up and right, 50°")
    box = dial.bounding_box()
    assert box
    tab.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    expect(dial).to_have_attribute("aria-valuenow", "90")
    save(tab)
    assert kept(stage).zones[0].rules == (WrongWayRule(allowed=90),)


def test_everything_has_a_name(tab: Page, stage: Stage) -> None:
    """Each control of the editor can be told to who cannot see it."""
    rules = (RestrictedRule(), LoiteringRule(), WrongWayRule(allowed=0))
    begin(tab, stage, zones=(Zone(id="a", points=_SQUARE, rules=rules),), after_hours=AfterHours())
    tab.locator(".plan-item").click()
    nameless = tab.eval_on_selector_all(
        "#plan-panel :is(button, input, select, [role]), .tool-bar button, #editor [role]",
        """all => all.filter((e) => e.checkVisibility() && !["status", "alert"].includes(e.role))
          .filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML)""",
    )
    assert nameless == []
    snapshot = tab.locator("main").aria_snapshot()
    for words in ('region "Zones and lines"', 'toolbar "Drawing tools"', 'group "Loitering"', 'application "Zones and'):
        assert words in snapshot, words


def test_plan_is_drawn_over_the_picture(tab: Page, stage: Stage) -> None:
    """S1.15: red where nobody may be, calm where one only watches; counted; gone when it is switched off."""
    calm = ((0.7, 0.2), (0.9, 0.2), (0.9, 0.7), (0.7, 0.7))
    zones = (Zone(id="a", points=_SQUARE, rules=(RestrictedRule(),)), Zone(id="b", points=calm))
    begin(tab, stage, zones=zones, lines=(Line(id="c", a=(0.1, 0.9), b=(0.6, 0.9)),))
    tab.click("#editor-done")
    states: dict[str, Any] = {
        "zones": [{"id": "a", "occupancy": 2}, {"id": "b"}],
        "lines": [{"id": "c", "forward": 1, "backward": 0}],
    }
    stage.vision(**states, boxes=[])
    box = tab.locator("#stage").bounding_box()
    assert box
    height, width = box["height"], box["height"] * 640 / 480
    left = (box["width"] - width) / 2
    wait_colour(tab, (left + 0.6 * width, 0.45 * height), "alpha && red > 1.5 * blue")
    wait_colour(tab, (left + 0.9 * width, 0.45 * height), "alpha && blue > red")
    wait_colour(tab, (left + 0.3 * width, 0.9 * height), "alpha")
    tab.click("#show-plan")
    wait_colour(tab, (left + 0.3 * width, 0.9 * height), "!alpha")
    tab.click("#show-plan")
    stage.vision(boxes=[], ai_status="IDLE")


def test_drawn_with_a_finger(browser: Browser, stage: Stage) -> None:
    """On a phone taps set corners, a button closes the zone, large handles are dragged, and nothing runs out."""
    stage.cameras["front"].kept_plan = Plan(version=kept(stage).version + 1)
    with visiting(browser, stage.url, size=PHONE, has_touch=True, is_mobile=True) as visit:
        visit.sign_in(stage.password)
        page = visit.open()
        page.wait_for_function(_LIVE)
        page.tap("#edit-plan")
        page.tap("#tool-zone")
        page.locator("#editor").scroll_into_view_if_needed()
        for x, y in _SQUARE:
            page.touchscreen.tap(*at(page, x, y))
        page.tap("#tool-finish")
        expect(page.locator("[data-point]")).to_have_count(4)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        outside = page.evaluate(
            """() => [...document.querySelectorAll("#plan-panel *")].filter((e) => {
              const { left, right, width } = e.getBoundingClientRect();
              return width && (left < -1 || right > innerWidth + 1);
            }).map((e) => e.className || e.tagName)"""
        )
        assert outside == []
        page.tap("#plan-save")
        expect(page.locator("#plan-said")).to_contain_text("Saved.")
    assert near(kept(stage).zones[0].points, _SQUARE)
