"""What is left and what is taken: from drawn pictures to findings through all of the analysis, and by hand."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.messages import Box
from contract.plan import LeftRule, Line, LoiteringRule, Plan, RemovedRule, Rule, Zone
from edge.core.frame import Frame
from edge.models.session import Model
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis, Seen
from edge.vision.findings import Thing
from edge.vision.places.watch import Places, View
from edge.vision.settings import VisionSettings
from tests.support.moving_scene import Mover, MovingScene

SIZE = (160, 120)
FPS = 15
SECOND = 1_000_000_000
LEARNED_S = 11.0
"""Scenes begin after so long an empty picture."""
ABSORBED_S = 15.0
"""What stands still becomes background after so long: told by a frame rate, for it takes a minute at that."""
FLOOR = ((0.1, 0.2), (0.9, 0.2), (0.9, 0.98), (0.1, 0.98))
Draw = Callable[[float], Iterable[Mover]]


@pytest.fixture(scope="module")
def model() -> Model:
    return ModelStore().load("motion")


class Stage:
    """Draws a scene second by second and keeps what was seen, by the time since the scene began."""

    def __init__(self, model: Model, folder: Path, *rules: Rule, lines: tuple[Line, ...] = ()) -> None:
        plan = Plan(zones=(Zone(id="floor", name="Floor", points=FLOOR, rules=rules),), lines=lines)
        settings = VisionSettings(anomaly=False, loitering_s=20, max_fps=ABSORBED_S * FPS / 60)
        self._analysis = FrameAnalysis(model, None, settings, np.random.default_rng(0), folder / "kept", plan=plan)
        self._scene = MovingScene(SIZE, noise=2.0)
        self._count = 0
        self.seen: list[tuple[float, Seen]] = []

    def play(self, draw: Draw, seconds: float, light: Callable[[float], object] | None = None) -> None:
        """Draw on. `light` may change a region of each picture: it returns an array to add, or 0."""
        for _ in range(round(seconds * FPS)):
            at_s = self._count / FPS - LEARNED_S
            plane = self._scene.plane(*draw(at_s)).astype(np.float32)
            plane += np.asarray(light(at_s) if light else 0, np.float32)
            luma = np.clip(plane, 0, 255).astype(np.uint8)
            frame = Frame("front", self._count, b"", *SIZE, SECOND + self._count * SECOND // FPS, luma)
            self.seen.append((at_s, self._analysis.step(frame)))
            self._count += 1

    def told(self, kind: str) -> list[float]:
        """When findings of a type were told."""
        return [at_s for at_s, seen in self.seen if any(one.type == kind for one in seen.findings)]

    def words(self, kind: str) -> tuple[str, ...]:
        """The reasons of the first of a type."""
        return next(one.reasoning for _, seen in self.seen for one in seen.findings if one.type == kind)


def _walker(at_s: float, start: float, *, speed: float = 20, y: int = 50, h: int = 46, luma: int = 235) -> list[Mover]:
    """Somebody who comes in at the left at `start` and leaves at the right; pixels a second."""
    x = 2 + speed * (at_s - start)
    return [Mover(x=x, y=y, w=14, h=h, luma=luma)] if 2 <= x <= SIZE[0] - 16 else []


def _bringer(at_s: float, *, stop: float, put: float) -> list[Mover]:
    """Somebody with a dark bag who comes in, stops in the middle at `stop`, sets it down at `put`, waits, goes on."""
    x = 80 + min(20 * (at_s - stop), 0) + max(20 * (at_s - put - 1.5), 0)
    bag = Mover(x=x + 14 if at_s < put else 94, y=80, w=12, h=14, luma=20)
    return [bag, Mover(x=x, y=50, w=14, h=46, luma=235)] if 2 <= x <= SIZE[0] - 16 else [bag] if at_s > stop else []


def test_a_bag_that_is_left_is_told_whoever_walks_past_until_it_is_fetched(model: Model, tmp_path: Path) -> None:
    """Set down at 6 s, alone from about 9; background from 21 s on; two walk in front of it; fetched at 32 s."""
    stage = Stage(model, tmp_path, LeftRule(after_s=10, severity="HIGH"), RemovedRule(after_s=3))

    def draw(at_s: float) -> list[Mover]:
        bag = _bringer(at_s, stop=4, put=6) if at_s >= 0 else []
        if at_s >= 32:
            bag = [mover for mover in bag if mover.luma != 20]
            carried = _walker(at_s, 28.2)
            bag += [Mover(x=mover.x + 14, y=80, w=12, h=14, luma=20) for mover in carried if mover.x < 130]
        return [*bag, *_walker(at_s, 12), *_walker(at_s, 20), *_walker(at_s, 28.2)]

    stage.play(draw, LEARNED_S + 40)
    told = stage.told("object_left")
    assert 15.5 <= told[0] <= 21
    assert 32 <= told[-1] <= 36
    assert len(told) > 0.98 * (told[-1] - told[0]) * FPS, "without a break, though people walk in front of it"
    assert (
        "was brought into zone Floor and stands there alone for 10 s; 10 s is the limit"
        in stage.words("object_left")[0]
    )
    assert not stage.told("object_removed")


def test_what_belongs_to_the_scene_and_is_carried_off_is_told_until_it_is_back(model: Model, tmp_path: Path) -> None:
    stage = Stage(model, tmp_path, RemovedRule(after_s=4), LeftRule(after_s=4))

    def draw(at_s: float) -> list[Mover]:
        away = 8 <= at_s < 30
        box = [] if away else [Mover(x=90, y=70, w=16, h=22, luma=15)]
        return [*box, *_walker(at_s, 4), *_walker(at_s, 14), *_walker(at_s, 26)]

    stage.play(draw, LEARNED_S + 36)
    told = stage.told("object_removed")
    assert 12 <= told[0] <= 14.5
    assert 30 <= told[-1] <= 32
    assert "that belonged to zone Floor is gone for" in stage.words("object_removed")[0]
    assert not stage.told("object_left")


def test_who_stood_before_it_a_while_ago_does_not_hide_a_theft(model: Model, tmp_path: Path) -> None:
    """Somebody stands quite still before a picture on the wall, and goes; a minute later another takes it away."""
    stage = Stage(model, tmp_path, RemovedRule(after_s=4))

    def draw(at_s: float) -> list[Mover]:
        picture = [Mover(x=80, y=50, w=16, h=20, luma=15)] if at_s < 22 else []
        x = 80 + min(20 * (at_s - 5), 0) + max(20 * (at_s - 9), 0)
        visitor = [Mover(x=x, y=44, w=18, h=30, luma=235)] if 2 <= x < 140 and at_s > 0 else []
        return [*picture, *visitor, *_walker(at_s, 18)]

    stage.play(draw, LEARNED_S + 32)
    assert 26 <= stage.told("object_removed")[0] <= 28.5


def test_light_that_falls_in_brings_nothing_and_takes_nothing(model: Model, tmp_path: Path) -> None:
    """A patch of sun appears and goes, with nobody near."""
    stage = Stage(model, tmp_path, RemovedRule(after_s=2), LeftRule(after_s=2))

    def light(at_s: float) -> object:
        patch = np.zeros(SIZE[::-1], np.float32)
        patch[60:90, 60:90] = 45 if 2 <= at_s < 14 else 0
        return patch

    stage.play(lambda _: [], LEARNED_S + 26, light)
    assert not stage.told("object_left")
    assert not stage.told("object_removed")


def test_what_came_by_itself_and_stood_until_it_was_background_is_not_missed(model: Model, tmp_path: Path) -> None:
    """A car parks, becomes background, and drives off: nothing that belonged there is gone."""
    stage = Stage(model, tmp_path, RemovedRule(after_s=2))

    def draw(at_s: float) -> list[Mover]:
        x = 70 + min(20 * (at_s - 3), 0) + max(20 * (at_s - 30), 0)
        return [Mover(x=x, y=60, w=30, h=20, luma=240)] if 2 <= x < 128 and at_s > 0 else []

    stage.play(draw, LEARNED_S + 42)
    assert not any(seen.things for at_s, seen in stage.seen if 28 < at_s < 30), "it is background by then"
    assert any(seen.things for at_s, seen in stage.seen if 30 < at_s < 42)
    assert not stage.told("object_removed")


def test_who_stays_loiters_in_the_zone_and_who_pass_each_other_are_two_and_counted_once(
    model: Model, tmp_path: Path
) -> None:
    """Two pass each other on the line, in one blob for a while; then one stays and sways."""
    line = Line(id="trip", a=(0.5, 0.95), b=(0.5, 0.3))
    stage = Stage(model, tmp_path, LoiteringRule(after_s=8), lines=(line,))

    def draw(at_s: float) -> list[Mover]:
        right, left = 10 + 20 * min(at_s, 5.0), 136 - 20 * at_s
        sways = round(2 * np.sin(3 * at_s)) if at_s > 5 else 0
        going = [Mover(x=right + sways, y=48, w=14, h=46, luma=235)]
        coming = [Mover(x=left, y=54, w=13, h=40, luma=20)] if left > 2 else []
        return going + coming if at_s >= 0 else []

    stage.play(draw, LEARNED_S + 20)
    (counted,) = stage.seen[-1][1].places.lines
    assert (counted.forward, counted.backward) == (1, 1)
    between = [seen.places.zones[0].occupancy for at_s, seen in stage.seen if 2.0 <= at_s <= 5.0]
    assert set(between) == {2}, "also while one hides the other"
    assert stage.told("loitering")[0] == pytest.approx(0.3 + 8, abs=1.0)
    assert all(seen.places.zones[0].occupancy == 1 for at_s, seen in stage.seen if at_s > 9)


class Table:
    """Hand-made planes with one dark object on them, and what is said about it; a frame a second."""

    def __init__(self, *rules: Rule, size: tuple[int, int] = SIZE) -> None:
        self._zone = Zone(id="floor", points=FLOOR, rules=rules)
        self._places = Places(Plan(zones=(self._zone,)))
        self.size = size
        self.at_s = 0.0

    def look(
        self, *things: Thing, seconds: float = 1.0, there: bool = True, light: float = 0.0, hidden: bool = False
    ) -> list[str]:
        """Show the same for some seconds; return the types that were told in the end."""
        for _ in range(round(seconds)):
            background = _ground(self.size)
            luma, mask = background + light, np.zeros_like(background, np.uint8)
            if there:
                luma[_part(self.size)] = 30 + light
                mask[_part(self.size)] = 255
            if hidden:
                luma[_part(self.size)] = 240
            self.at_s += 1
            view = View(luma=luma.astype(np.uint8), background=background.astype(np.uint8), mask=mask)
            report = self._places.step(things, view, round(self.at_s * SECOND), None)
        return [finding.type for finding in report.findings]

    def thing(self, *, moving_s: float = 2.0, label: str = "still", track: int = 1) -> Thing:
        """The object as a thing that came, and has stood still for more than a second."""
        return _thing(Box(x=0.5, y=0.5, w=0.1, h=0.1, label=label, track=track), still=True, moving_s=moving_s)

    def walker(self, x: float = 0.45) -> Thing:
        """Somebody larger who moves."""
        return _thing(Box(x=x, y=0.3, w=0.15, h=0.4, label="motion", track=2), still=False, moving_s=5, speed=0.2)


def _thing(box: Box, *, still: bool, moving_s: float, speed: float = 0.0) -> Thing:
    return Thing(box=box, still=still, since_ns=0, moving_s=moving_s, dwell_s=0, habitual_share=0, speed=speed, age_s=9)


def _ground(size: tuple[int, int]) -> NDArray[np.float32]:
    return np.full((size[1], size[0]), 120, np.float32)


def _part(size: tuple[int, int]) -> tuple[slice, slice]:
    return slice(size[1] // 2, size[1] * 6 // 10), slice(size[0] // 2, size[0] * 6 // 10)


def test_an_object_needs_somebody_who_brought_it() -> None:
    rule = LeftRule(after_s=5)
    came, alone, carried = Table(rule), Table(rule), Table(rule)
    assert came.look(came.thing(), seconds=8) == ["object_left"]
    assert alone.look(alone.thing(moving_s=0.0), seconds=8) == []
    carried.look(carried.walker())
    assert carried.look(carried.thing(moving_s=0.0), seconds=8) == ["object_left"]


def test_a_person_who_stands_is_no_object_and_labels_choose() -> None:
    table = Table(LeftRule(after_s=5))
    assert table.look(table.thing(label="person"), seconds=8) == []
    cases = Table(LeftRule(after_s=5, labels=("suitcase",)))
    assert cases.look(cases.thing(), seconds=8) == []
    assert Table(LeftRule(after_s=5, labels=("suitcase",))).look(cases.thing(label="suitcase"), seconds=8)


def test_who_stays_with_an_object_has_not_left_it_and_who_passes_changes_nothing() -> None:
    table = Table(LeftRule(after_s=10))
    assert table.look(table.thing(), table.walker(), seconds=30) == []
    assert table.look(table.thing(), seconds=8) == []
    assert table.look(table.thing(), table.walker(), seconds=2, hidden=True) == ["object_left"]
    assert table.look(seconds=60, hidden=True) == ["object_left"], "somebody stands in front of it"
    assert table.look(seconds=70, hidden=True) == [], "nobody can know any more"


def test_light_that_changes_for_all_does_not_hide_an_object_that_the_tracker_has_forgotten() -> None:
    table = Table(LeftRule(after_s=5))
    table.look(table.thing(), seconds=3)
    assert table.look(seconds=20, light=25) == ["object_left"]
    assert table.look(seconds=4, there=False, light=25) == []
    assert table.look(seconds=20, light=25) == [], "what is put back later must be seen to come"


def test_something_that_stirs_is_alone_only_since_then() -> None:
    table = Table(LeftRule(after_s=10))
    table.look(table.thing(), seconds=7)
    assert table.look(table.thing(), seconds=3, light=0) == []
    stirring = Table(LeftRule(after_s=10))
    for _ in range(6):
        stirring.look(stirring.thing(), seconds=2)
        assert stirring.look(_thing(stirring.thing().box, still=False, moving_s=9), seconds=1) == []


def test_it_is_told_for_ten_minutes_and_belongs_to_the_scene_after_an_hour() -> None:
    table = Table(LeftRule(after_s=5), RemovedRule(after_s=2))
    assert table.look(table.thing(), seconds=600) == ["object_left"]
    assert table.look(table.thing(), seconds=60) == []


def test_another_size_of_picture_begins_anew_and_a_frame_without_a_view_says_nothing() -> None:
    table = Table(LeftRule(after_s=5))
    assert table.look(table.thing(), seconds=8) == ["object_left"]
    table.size = (80, 60)
    assert table.look(seconds=8) == []
    assert table.look(table.thing(), seconds=8) == ["object_left"]
    assert table._places.step([], None, round(table.at_s * SECOND), None).findings == ()
    table._places.reset()
    assert table.look(seconds=2) == []


def test_outside_of_the_zone_nothing_is_left() -> None:
    table = Table(LeftRule(after_s=5))
    outside = _thing(Box(x=0.5, y=0.02, w=0.1, h=0.1, label="still", track=1), still=True, moving_s=2)
    assert table.look(outside, seconds=8) == []
