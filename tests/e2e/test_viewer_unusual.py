"""What is usual and what is not: learning by the hour, maps over the picture, sensitivity tried on the last hour."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from contract.plan import Plan, Zone
from edge.core.errors import PlanConflictError
from tests.support.browser import Visit, painted, visiting
from tests.support.stage import Stage, learned, staged

_LIVE = "() => document.getElementById('live').naturalWidth > 0"
_MINUTE_MS = 60_000
_COLOUR = """([x, y]) => {
  const canvas = document.getElementById("overlay");
  const view = { h: canvas.clientHeight, w: canvas.clientHeight * 640 / 480 };
  const ratio = canvas.width / canvas.clientWidth;
  const left = (canvas.clientWidth - view.w) / 2;
  const pixel = canvas.getContext("2d").getImageData((left + x * view.w) * ratio, y * view.h * ratio, 1, 1);
  const [red, green, blue, alpha] = pixel.data;
  return CONDITION;
}"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An appliance whose last hour had three peaks, of 9, 6 and 5 sigma."""
    folder: Path = tmp_path_factory.mktemp("unusual")
    with staged(folder) as opened:
        opened.vision(boxes=[], ai_status="IDLE")
        yield opened


@pytest.fixture(scope="module")
def visit(browser: Browser, stage: Stage) -> Iterator[Visit]:
    """Somebody at a desk."""
    with visiting(browser, stage.url) as opened:
        opened.forgive("409", "507")
        opened.sign_in(stage.password)
        yield opened


@pytest.fixture(scope="module")
def tab(visit: Visit) -> Page:
    """One tab for all."""
    return visit.open()


@pytest.fixture
def page(tab: Page, stage: Stage) -> Page:
    """The tab, loaded anew, with the plot of the hour."""
    stage.cameras["front"].heat = hour(stage)
    stage.cameras["front"].kept_plan = Plan(version=3)
    tab.reload()
    tab.wait_for_function(_LIVE)
    expect(tab.locator("#unusual")).to_be_visible()
    return tab


def hour(stage: Stage, **changes: Any) -> dict[str, Any]:
    """Three peaks above a calm hour; the upper left cell is unusual, the lower right one usual."""
    now = stage.now_ms
    calm = [(now - 1000 * n, 1.0) for n in range(3599, 0, -7)]
    peaks = [(now - minutes * _MINUTE_MS, sigma) for minutes, sigma in ((50, 5.0), (30, 6.0), (10, 9.0))]
    cells = [0.0] * 12
    heat, usual = [8.0, *cells[1:]], [*cells[1:], 0.5]
    return learned(scores=sorted([*calm, *peaks]), heat=heat, usual=usual) | changes


def move(page: Page, sensitivity: float) -> None:
    """Set the slider."""
    page.locator("#sensitivity").fill(f"{round(math.log2(sensitivity) / 0.05) * 0.05:.2f}")


def wait_colour(page: Page, at: tuple[float, float], condition: str) -> None:
    """Wait until what is drawn over this place of the picture is so."""
    page.wait_for_function(_COLOUR.replace("CONDITION", condition), arg=list(at))


def test_learning(page: Page, stage: Stage) -> None:
    """24 bars, one for each hour, as high as it is learned; told in words too."""
    bars = page.locator(".hour")
    assert bars.count() == 24
    heights = page.eval_on_selector_all(".hour", "all => all.map((e) => e.style.getPropertyValue('--share'))")
    assert [float(height) for height in heights] == hour(stage)["learning"]["hours"]
    expect(page.locator("#learned")).to_have_text("8 of 24 hours have a normal of their own.")
    name = page.locator("#learned-hours").get_attribute("aria-label") or ""
    assert name == "Hours learned: 0, 1, 2, 3, 4, 5, 6, 7; 1 in part"


def test_preview_follows_the_slider(page: Page, stage: Stage) -> None:
    """What each sensitivity would have raised in the last hour, in words, before it is kept; by keys too."""
    words = page.locator("#trial-words")
    expect(words).to_contain_text("Would have raised 3 alarms in the last hour, at ")
    assert painted(page, "#trial-plot") > 0
    move(page, 0.5)
    expect(words).to_contain_text("Would have raised 1 alarm in the last hour, at ")
    move(page, 0.25)
    expect(words).to_have_text("Would have raised no alarm in the last hour.")
    move(page, 4)
    expect(words).to_contain_text("3 alarms")
    page.focus("#sensitivity")
    page.keyboard.press("Home")
    expect(words).to_contain_text("no alarm")
    expect(page.locator("#sensitivity")).to_have_attribute("aria-valuetext", "\u00d70.25, much calmer")
    page.get_by_role("button", name="Back").click()
    expect(words).to_contain_text("3 alarms")
    assert stage.cameras["front"].kept_plan.version == 3


def test_sensitivity_is_kept(page: Page, stage: Stage) -> None:
    """It goes into the plan that is kept now, also where somebody saved another since."""
    camera = stage.cameras["front"]
    move(page, 2)
    camera.kept_plan = Plan(version=9, zones=(Zone(id="a", points=((0, 0), (1, 0), (1, 1))),))
    refusals = [PlanConflictError("somebody was quicker")]
    keep = camera.set_plan

    async def quicker(plan: Plan) -> Plan:
        if refusals:
            raise refusals.pop()
        return await keep(plan)

    camera.set_plan = quicker  # type: ignore[method-assign]
    page.get_by_role("button", name="Use this").click()
    expect(page.locator("#sensitivity-said")).to_have_text("Saved. It holds from now on.")
    camera.set_plan = keep  # type: ignore[method-assign]
    assert camera.kept_plan.sensitivity == 2
    assert len(camera.kept_plan.zones) == 1
    assert not refusals
    page.get_by_role("button", name="As configured").click()
    expect(page.get_by_role("button", name="As configured")).to_be_hidden()
    assert camera.kept_plan.sensitivity is None


def test_kept_sensitivity_stays_where_it_was_put(page: Page, stage: Stage) -> None:
    """Analysis takes a plan over with its next frame; until it answers so, the slider does not go back."""
    move(page, 2)
    with page.expect_response("**/anomaly") as answer:
        page.get_by_role("button", name="Use this").click()
    assert answer.value.json()["sensitivity"] == 1.0
    expect(page.locator("#sensitivity-said")).to_have_text("Saved. It holds from now on.")
    expect(page.locator("#sensitivity-value")).to_contain_text("\u00d72.0")
    stage.cameras["front"].heat = hour(stage, sensitivity=0.5)
    stage.cameras["front"].kept_plan = Plan(version=5)
    with page.expect_response("**/anomaly"):
        stage.vision(boxes=[], ai_status="IDLE", plan_version=5)
    expect(page.locator("#sensitivity-value")).to_contain_text("\u00d70.5")
    stage.vision(boxes=[], ai_status="IDLE")


def test_heat_is_on_the_picture(page: Page, stage: Stage) -> None:
    """Warm where it is unusual now, clear elsewhere, new each second while shown; the usual in another colour."""
    assert painted(page, "#overlay") == 0
    with page.expect_response("**/anomaly"):
        page.click("#show-heat")
    expect(page.locator("#map-legend")).to_contain_text("4.0 \u03c3 and more")
    wait_colour(page, (0.05, 0.05), "red > 2 * blue && alpha > 80")
    wait_colour(page, (0.95, 0.95), "alpha === 0")
    for _ in range(2):
        with page.expect_response("**/anomaly", timeout=60_000):
            pass
    page.click("#show-usual")
    expect(page.locator("#show-heat")).to_have_attribute("aria-pressed", "false")
    wait_colour(page, (0.95, 0.95), "green > red && alpha > 80")
    page.click("#show-usual")
    wait_colour(page, (0.95, 0.95), "alpha === 0")
    assert painted(page, "#overlay") == 0


def test_forgetting_asks_first(page: Page, stage: Stage) -> None:
    """It says what is lost and what stays; only then it is forgotten; a full disk is told."""
    camera = stage.cameras["front"]
    before = camera.forgotten
    page.click("#reset-open")
    expect(page.locator("#reset-lost")).to_contain_text("9 of 24 hours")
    page.click("#reset-stay")
    assert camera.forgotten == before
    page.click("#reset-open")
    camera.heat = hour(stage, learning={"complete": False, "progress": 0.0, "hours": [0.0] * 24}, scores=[])
    page.click("#reset-go")
    expect(page.locator("#sensitivity-said")).to_have_text("Forgotten. It learns anew from now on.")
    expect(page.locator("#learned")).to_have_text("Alarms begin when enough was seen.")
    expect(page.locator("#trial-words")).to_have_text("While it learns, nothing is called unusual.")
    assert camera.forgotten == before + 1


def test_condition_of_the_picture(page: Page, stage: Stage) -> None:
    """A picture that is not fit to be judged, after hours, and an analysis that is behind are notes on the stage."""
    condition = {"kind": "covered", "since_ms": stage.now_ms, "detail": "90 % of it is one colour"}
    stage.vision(boxes=[], condition=condition, after_hours=True, pace={"behind": True, "skipped": 12, "fps": 3.0})
    note = page.locator("#stage-condition")
    expect(note).to_contain_text("The camera is covered since ")
    expect(note).to_contain_text("90 % of it is one colour")
    expect(page.locator("#stage-badges li")).to_have_text(["After hours", "Analysis is behind · 12 skipped"])
    stage.vision(boxes=[], ai_status="IDLE")
    expect(note).to_be_hidden()
    expect(page.locator("#stage-badges li")).to_have_count(0)


def test_analysis_that_is_off(visit: Visit, stage: Stage) -> None:
    """A camera on which nothing is learned says so, and nobody asks it again until something changes."""
    visit.forgive("404")
    stage.cameras["front"].heat = None
    page = visit.open()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/anomaly") else None)
    page.clock.install()
    page.wait_for_function(_LIVE)
    expect(page.locator("#unusual-empty")).to_have_text("The analysis of what is unusual is off for this camera.")
    expect(page.locator("#unusual")).to_be_hidden()
    before = len(asked)
    page.clock.run_for(8_000)
    page.clock.run_for(8_000)
    assert len(asked) == before
    stage.cameras["front"].heat = hour(stage)
    stage.vision(boxes=[], ai_status="IDLE", threshold=0.0)
    expect(page.locator("#unusual")).to_be_visible()
    stage.vision(boxes=[], ai_status="IDLE")
    page.close()
