"""What the page computes of vision, called as its own modules in a real browser: exact numbers, no picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from contract.plan import MOST_BYTES, Plan, Zone, area, decode_plan
from tests.support.browser import visiting
from tests.support.stage import Stage, staged

_EMPTY = msgspec.to_builtins(Plan())
_TRIANGLE = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.8]]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One appliance for all: nothing here changes it."""
    folder: Path = tmp_path_factory.mktemp("vision")
    with staged(folder, cameras=()) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """A page of the same origin that runs none of our code by itself."""
    with visiting(browser, stage.url) as visit:
        visit.forgive("404")  # the icon that a browser asks for beside any file
        yield visit.open("/viewer/icon.svg")


def run(page: Page, module: str, body: str, arg: Any = None) -> Any:
    """The value of `body`, in which `m` is the module and `arg` the argument."""
    return page.evaluate(f"async arg => {{ const m = await import('/viewer/{module}'); {body} }}", arg)


def test_trails_are_bounded(page: Page) -> None:
    """A trail fades within 4 s, has at most 48 points, and ends with its track; a standing thing makes none."""
    script = """
      const trails = m.createTrails();
      const at = (t, x, track = 1) => ({ camera: "a", t_ms: t, boxes: [{ x, y: 0.2, w: 0.1, h: 0.2, track }] });
      for (let n = 0; n < 200; n += 1) trails.take(at(n * 20, (n % 80) / 100));
      const long = trails.of(1).length;
      const oldest = 199 * 20 - trails.of(1)[0].t;
      for (let n = 0; n < 50; n += 1) trails.take(at(4000 + n * 20, 0.5, 2));
      const still = trails.of(2).length;
      trails.take({ camera: "a", t_ms: 9000, boxes: [] });
      const gone = trails.size;
      for (let track = 0; track < 500; track += 1) trails.take(at(10_000, 0.1, track));
      const many = trails.size;
      trails.take({ camera: "b", t_ms: 10_001, boxes: [] });
      return { long, oldest, still, gone, many, other: trails.size, feet: m.createTrails().of(7) };
    """
    found = run(page, "trails.js", script)
    assert found["long"] == 48
    assert found["oldest"] <= 4000
    assert (found["still"], found["gone"], found["many"], found["other"]) == (1, 0, 64, 0)


@pytest.mark.parametrize(
    ("heading", "aspect", "dx", "dy"), [(0, 1, 0, -1), (90, 1, 1, 0), (180, 2, 0, 2), (270, 1, -1, 0)]
)
def test_arrow_points_where_it_goes(page: Page, heading: float, aspect: float, dx: float, dy: float) -> None:
    """Headings are clockwise from up; speed is in widths, so a way down is longer in shares of the height."""
    box = {"x": 0.4, "y": 0.4, "w": 0.2, "h": 0.2, "speed": 0.2, "heading_deg": heading}
    found = run(page, "overlay-boxes.js", f"return m.arrowOf(arg, {aspect})", box)
    assert found["to"]["x"] - found["from"]["x"] == pytest.approx(0.12 * dx, abs=1e-9)
    assert found["to"]["y"] - found["from"]["y"] == pytest.approx(0.12 * dy, abs=1e-9)
    assert run(page, "overlay-boxes.js", "return m.arrowOf(arg, 1)", box | {"speed": 0}) is None


@pytest.mark.parametrize(
    ("box", "caption", "alarm"),
    [
        ({"label": "motion", "track": 3}, "#3", False),
        ({"label": "person", "track": 3}, "Person #3", False),
        ({"label": "roi_violation", "track": 3}, "In a restricted zone #3", True),
        ({}, "", False),
    ],
)
def test_boxes_say_what_they_are(page: Page, box: dict[str, Any], caption: str, alarm: bool) -> None:
    """S1.15: a label where there is more to say than that it moves, red where an alarm is about it."""
    assert run(page, "overlay-boxes.js", "return [m.caption(arg), m.alarming(arg)]", box) == [caption, alarm]


def test_line_forward_is_to_the_right(page: Page) -> None:
    """As in contract/plan.py: forward is to the right hand of one who looks from a to b."""
    script = "return m.lineNormal({ x: 0.5, y: 1 }, { x: 0.5, y: 0 })"
    assert run(page, "plan-words.js", script) == {"x": 1, "y": 0}


def test_preview(page: Page) -> None:
    """Seconds above threshold / sensitivity are alarms; those within 6 s of each other are one."""
    scores = [[0, 5.0], [1000, 5.5], [5000, 4.5], [60_000, 3.0], [120_000, 9.0], [130_000, 1.0]]
    script = """
      const at = (s) => m.alarmsAt(arg, m.thresholdAt(4, s)).map(({ from, to, peak }) => [from, to, peak]);
      return [at(1), at(0.5), at(2), m.alarmsAt([], 4)];
    """
    assert run(page, "preview.js", script, scores) == [
        [[0, 5000, 5.5], [120_000, 120_000, 9.0]],
        [[120_000, 120_000, 9.0]],
        [[0, 5000, 5.5], [60_000, 60_000, 3.0], [120_000, 120_000, 9.0]],
        [],
    ]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        ([], "Would have raised no alarm in the last hour."),
        ([2], "Would have raised 1 alarm in the last hour, at 14:02."),
        ([2, 17, 40], "Would have raised 3 alarms in the last hour, at 14:02, 14:17 and 14:40."),
        ([1, 2, 3, 4, 5], "Would have raised 5 alarms in the last hour, at 14:01, 14:02, 14:03 and 2 times more."),
    ],
)
def test_preview_in_words(page: Page, minutes: list[int], words: str) -> None:
    """Counted and named, but no endless list."""
    script = """
      const at = (minute) => new Date(2026, 10, 21, 14, minute).getTime();
      return m.previewWords(arg.map((minute) => ({ from: at(minute), to: at(minute) })), [[at(0), 1]]);
    """
    assert run(page, "preview.js", script, minutes) == words


def test_slider_is_one_of_doublings(page: Page) -> None:
    """Half as and twice as sensitive are equally far from the middle, and every position can be saved."""
    script = "return [0.25, 0.5, 1, 2, 4].map((s) => [m.toSlider(s), m.fromSlider(m.toSlider(s))])"
    assert run(page, "preview.js", script) == [[-2, 0.25], [-1, 0.5], [0, 1], [1, 2], [2, 4]]


def test_heat_is_clear_where_nothing_is_unusual(page: Page) -> None:
    """Below one sigma nothing is drawn, at the threshold and above all; nonsense counts as nothing."""
    answer = {"rows": 1, "columns": 5, "heat": [0, 1, 2.5, 4, 99], "usual": [0, 0.25, 1, 0, 0], "threshold_raw": 4}
    script = """
      const nonsense = m.mapImage("heat", { rows: 2, columns: 2, heat: [1] });
      return [m.strengths("heat", arg), m.strengths("usual", arg), nonsense];
    """
    heat, usual, nonsense = run(page, "heat.js", script, answer)
    assert heat == [0, 0, 0.5, 1, 1]
    assert usual == [0, 0.5, 1, 0, 0]
    assert nonsense is None


def test_drawn_plans_are_those_of_the_contract(page: Page) -> None:
    """Every kind, every rule with what is usual, a line: the device takes what the page makes."""
    script = """
      const w = await import("/viewer/plan-words.js");
      const [empty, points] = arg;
      let { plan, id } = m.addZone(empty, points);
      plan = m.withShape(plan, id, { rules: Object.keys(w.RULES).map(m.freshRule) });
      for (const kind of Object.keys(w.KINDS)) {
        const made = m.addZone(plan, points);
        plan = m.withShape(made.plan, made.id, { kind });
      }
      return JSON.stringify(m.addLine(plan, points).plan);
    """
    plan = decode_plan(run(page, "plan-edit.js", script, [_EMPTY, _TRIANGLE]).encode())
    assert len(plan.zones[0].rules) == 9
    assert {zone.kind for zone in plan.zones} == {"watch", "include", "exclude", "privacy"}
    assert plan.lines[0].id == "line-1"


def test_bounds_of_forms_are_those_of_the_contract(page: Page) -> None:
    """A number that a form takes the device takes too, and what is just beyond neither."""
    script = """
      const bounds = (type, fields) => fields.map(({ key, least, most }) => [type, key, least, most]);
      return Object.entries(m.RULES).flatMap(([type, { fields }]) => bounds(type, fields));
    """
    fields = run(page, "plan-words.js", script)
    usual = {"speed": {"limit": 1.0}, "wrong_way": {"allowed": 0.0}}
    for kind, key, least, most in fields:
        for value, right in ((least, True), (most, True), (least - 1, False), (most + 1, False)):
            rule = {"type": kind, **usual.get(kind, {}), key: value}
            zone = {"id": "a", "points": _TRIANGLE, "rules": [rule]}
            try:
                msgspec.convert(zone, Zone)
            except msgspec.ValidationError:
                assert not right, rule
            else:
                assert right, rule


def test_area_is_that_of_the_contract(page: Page) -> None:
    """The shoelace formula, both ways round."""
    for points in (_TRIANGLE, _TRIANGLE[::-1]):
        expected = area(tuple((x, y) for x, y in points))
        assert run(page, "plan-edit.js", "return m.areaOf(arg)", points) == pytest.approx(expected)


def test_crossed_edges_are_seen(page: Page) -> None:
    """A bow tie is doubtful, a dart is not."""
    bow = [[0, 0], [1, 1], [1, 0], [0, 1]]
    dart = [[0, 0], [0.5, 0.3], [1, 0], [0.5, 1]]
    assert run(page, "plan-edit.js", "return arg.map(m.crosses)", [bow, dart, _TRIANGLE]) == [True, False, False]


def test_shapes_stay_in_the_picture(page: Page) -> None:
    """Moved as far as the edge, with its form kept; a point as well; a triangle keeps its three corners."""
    script = """
      const { plan, id } = m.addZone(arg[0], arg[1]);
      const moved = m.shapeOf(m.moveShape(plan, id, 5, -5), id).points;
      const dragged = m.shapeOf(m.movePoint(plan, id, 0, [-3, 0.123456]), id).points[0];
      return [moved, dragged, m.removePoint(plan, id, 0) === plan, m.shapeOf(m.insertPoint(plan, id, 2), id).points[3]];
    """
    moved, dragged, kept, inserted = run(page, "plan-edit.js", script, [_EMPTY, _TRIANGLE])
    assert moved == [[0.2, 0], [1, 0], [0.6, 0.7]]
    assert dragged == [0, 0.1235]
    assert kept
    assert inserted == pytest.approx([0.3, 0.45])


def test_undo_and_redo(page: Page) -> None:
    """Steps of one drag are one; what was undone is done again; another change forgets that; saving keeps the steps."""
    script = """
      const e = await import("/viewer/plan-edit.js");
      const { plan, id } = e.addZone(arg[0], arg[1]);
      const draft = m.createDraft(plan);
      const x = () => e.shapeOf(draft.plan, id).points[0][0];
      const to = (v, tag) => draft.change(e.movePoint(draft.plan, id, 0, [v, 0.1]), tag);
      const seen = [];
      to(0.2, "d1"); to(0.3, "d1"); to(0.4, "d2");
      draft.undo(); seen.push(x()); draft.undo(); seen.push(x(), draft.dirty);
      draft.redo(); seen.push(x()); to(0.6); draft.redo(); seen.push(x());
      draft.rebase({ ...draft.plan, version: 7 }); seen.push(draft.dirty, draft.plan.version);
      draft.undo(); seen.push(x(), draft.dirty);
      return seen;
    """
    assert run(page, "plan-draft.js", script, [_EMPTY, _TRIANGLE]) == [0.3, 0.1, False, 0.3, 0.6, False, 7, 0.3, True]


def test_undo_is_bounded(page: Page) -> None:
    """A hundred steps back, whatever was done."""
    script = """
      const draft = m.createDraft({ zones: [], lines: [], n: 0 });
      for (let n = 1; n <= 250; n += 1) draft.change({ ...draft.plan, n });
      let back = 0;
      while (draft.canUndo) { draft.undo(); back += 1; }
      return [back, draft.plan.n];
    """
    assert run(page, "plan-draft.js", script) == [100, 150]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"zones": [{"points": [[0, 0], [0.001, 0], [0, 0.001]]}]}, "zones.0.points"),
        ({"zones": [{"name": "x" * 61}]}, "zones.0.name"),
        ({"zones": [{"rules": [{"type": "crowding", "count": 2.5, "after_s": 1}]}]}, "zones.0.rules.0.count"),
        ({"zones": [{"rules": [{"type": "loitering", "after_s": None}]}]}, "zones.0.rules.0.after_s"),
        ({"after_hours": {"score_bonus": 6}}, "after_hours.score_bonus"),
        ({"after_hours": {"hours": {"days": [], "start": "22:00", "end": "06:00"}}}, "after_hours.hours.days"),
        ({"after_hours": {"hours": {"days": ["mon"], "start": "", "end": "06:00"}}}, "after_hours.hours.start"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_problems_name_their_field(page: Page, change: dict[str, Any], path: str) -> None:
    """Each is told at the field that it is about, before anything is sent."""
    zone = {"id": "a", "name": "", "kind": "watch", "points": _TRIANGLE, "rules": []}
    hours = {"hours": {"days": ["mon"], "start": "22:00", "end": "06:00"}, "score_bonus": 1.5}
    plan: dict[str, Any] = {"zones": [], "lines": [], "after_hours": None, "timezone": ""} | change
    rule: dict[str, Any] = {"severity": "LOW", "hours": None, "labels": []}
    plan["zones"] = [zone | one | {"rules": [rule | r for r in one.get("rules", [])]} for one in plan["zones"]]
    plan["after_hours"] = plan["after_hours"] and hours | plan["after_hours"]
    assert [one["path"] for one in run(page, "plan-check.js", "return m.problemsOf(arg)", plan)] == [path]


def test_paths_of_the_device(page: Page) -> None:
    """A problem document's field finds its place in the form."""
    fields = ["$.zones[0].rules[1].limit", "$.timezone", "$", None]
    assert run(page, "plan-check.js", "return arg.map(m.pathOf)", fields) == [
        "zones.0.rules.1.limit",
        "timezone",
        "",
        "",
    ]


def test_what_another_changed(page: Page) -> None:
    """In words, so that one can decide whose plan is to hold."""
    base = msgspec.to_builtins(Plan(zones=(Zone(id="a", name="Gate", points=((0, 0), (1, 0), (1, 1))),)))
    gone = base | {"zones": [], "face_blur": True}
    other = base | {"zones": [base["zones"][0] | {"name": "Door"}, base["zones"][0] | {"id": "b", "name": "Yard"}]}
    script = "return arg.slice(1).map((theirs) => m.differences(arg[0], theirs, (shape) => shape.name))"
    assert run(page, "plan-draft.js", script, [base, gone, other, base]) == [
        ["Gate is gone", "face blur was switched"],
        ["Door was changed", "Yard is new"],
        [],
    ]


def test_largest_plan_fits(page: Page) -> None:
    """The page cannot draw a plan that is too large for the device."""
    script = """
      const w = await import("/viewer/plan-words.js");
      let plan = arg;
      const on = (i) => [Math.sin(i / 5) / 3 + 0.5, Math.cos(i / 5) / 3 + 0.5];
      const points = Array.from({ length: m.MOST.points }, (_, i) => on(i));
      const rules = Array.from({ length: m.MOST.rules }, () => m.freshRule("wrong_way"));
      for (let n = 0; n < m.MOST.zones; n += 1) {
        const made = m.addZone(plan, points);
        plan = m.withShape(made.plan, made.id, { name: "x".repeat(60), rules });
      }
      return JSON.stringify(plan);
    """
    raw = run(page, "plan-edit.js", script, _EMPTY).encode()
    assert len(raw) < MOST_BYTES
    assert len(decode_plan(raw).zones) == 32


def test_steps_of_one_event_are_one_entry(page: Page) -> None:
    """Open, update and close are one; newest first; what is filtered away is not added, what is there is kept."""

    def step(event: str, phase: str, start: int, **more: Any) -> dict[str, Any]:
        body = {"kind": "event", "event_id": event, "phase": phase, "camera": "front", "type": "loitering"}
        return {"body": {**body, "start_ms": start, **more}}

    records = [
        step("a", "open", 1000),
        step("b", "open", 2000, severity="CRITICAL"),
        step("a", "close", 1000, end_ms=9000, reasoning=["stayed_long"], picture=True),
        step("c", "open", 3000, type="motion"),
        {"body": {"kind": "telemetry"}},
    ]
    script = """
      const book = m.createEventBook();
      book.seek({ type: "loitering", severity: "LOW,CRITICAL" });
      const changed = arg.map((record, row) => book.hear(record, row));
      return [changed, book.views.map((v) => [v.event_id, v.severity, v.phase, v.thumbnail, v.row])];
    """
    changed, views = run(page, "event-book.js", script, records)
    assert changed == [True, True, True, False, False]
    assert views == [
        ["b", "CRITICAL", "open", None, 1],
        ["a", "LOW", "close", "/v1/events/a/thumbnail.jpg", 2],
    ]


def test_events_of_days_stay_few_and_late_answers_change_nothing(page: Page) -> None:
    """A page that is open for days keeps the newest; an answer older than what was heard since is let go."""
    script = """
      const book = m.createEventBook();
      const same = { kind: "event", phase: "open", camera: "front", type: "motion" };
      const record = (n) => ({ body: { ...same, event_id: `e${n}`, start_ms: n } });
      book.page({ events: [], next: 7 }, false);
      for (let n = 0; n < 5000; n += 1) book.hear(record(n), n);
      const newest = book.views[0];
      book.put({ ...newest, row: newest.row - 1, phase: "late" });
      const kept = Array.from({ length: 5000 }, (_, n) => book.of(`e${n}`)).filter(Boolean).length;
      return [newest.event_id, book.views.length, book.views[0].phase, kept < 1000, book.next];
    """
    assert run(page, "event-book.js", script) == ["e4999", 400, "open", True, None]


def test_newer_plan_is_read_at_once(page: Page) -> None:
    """`plan_version` of analysis against that of the plan; an analysis that does not tell is never newer."""
    script = "return arg.map(([v, p]) => m.isNewer({ plan_version: v }, p && { version: p }))"
    assert run(page, "plans.js", script, [[5, 4], [4, 4], [3, 4], [None, 4], [5, None]]) == [True, *[False] * 4]


@pytest.mark.parametrize(
    ("vision", "title"),
    [
        ({"condition": {"kind": "frozen", "since_ms": 0}}, "The picture is frozen"),
        ({"condition": {"kind": "covered", "since_ms": 0, "detail": "x"}}, "The camera is covered"),
        ({"condition": {"kind": "ok", "since_ms": 0}}, None),
        ({"condition": {"kind": "starting", "since_ms": 0}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_condition_in_words(page: Page, vision: dict[str, Any] | None, title: str | None) -> None:
    """Each state in which a picture is not fit to be judged is told; a camera that begins is no fault."""
    found = run(page, "condition.js", "return m.conditionNote(arg)?.title ?? null", vision)
    assert found == title


def test_badges(page: Page) -> None:
    """After hours, and that analysis is behind."""
    vision = {"after_hours": True, "pace": {"behind": True, "skipped": 1234}, "condition": {"kind": "ok"}}
    expected = ["After hours", "Analysis is behind · 1\u202f234 skipped"]
    assert run(page, "condition.js", "return m.badges(arg)", vision) == expected


def test_edges_that_cross_are_told_by_what_comes_of_it(page: Page) -> None:
    """Of a privacy zone all is painted over; of any other a part does not count."""
    script = """
      const points = [[0, 0], [1, 1], [1, 0], [0, 1]];
      return ["privacy", "watch"].map((kind) => m.doubtsOf({ kind, points }));
    """
    private, watched = run(page, "plan-check.js", script)
    assert "painted over too" in private
    assert "does not count" in watched
