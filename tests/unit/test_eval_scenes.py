"""The drawn scenes' own truth: how what was said is held against it, and that every scene can come true."""

from itertools import pairwise

import numpy as np
import pytest

from tests.eval.scenes.measure import all_scenes
from tests.eval.scenes.truth import Expected, ExpectedCondition, Glimpse, Opened, Scene, Tolerated, judge
from tests.support.rendered_camera import RenderedCamera
from tests.support.rendered_movers import Person, is_seen, place_at
from tests.support.rendered_weather import Frozen, Shake

PATH = ((10.0, 0.0, 0.6), (20.0, 1.0, 0.6))
WANTED = Scene(
    name="one",
    seconds=30,
    movers=(Person(path=PATH),),
    expected=(Expected(type="roi_violation", zone="yard", at_s=12.0, within_s=1.5),),
    tolerated=(Tolerated(type="loitering", from_s=0, to_s=5),),
)


def _shown(*conditions: str) -> list[Glimpse]:
    return [
        Glimpse(at_s=float(at), condition=kind, tracks=(1,) if at < 15 else (2,), occupancy={"yard": 1}, counts={})
        for at, kind in enumerate(conditions)
    ]


@pytest.mark.parametrize(
    ("opened", "found", "false"),
    [
        ([Opened(12.4, "roi_violation", "yard")], 1, 0),
        ([Opened(11.5, "roi_violation", "yard")], 1, 0),
        ([Opened(10.9, "roi_violation", "yard")], 0, 1),
        ([Opened(13.6, "roi_violation", "yard")], 0, 1),
        ([Opened(12.4, "roi_violation", "other")], 0, 1),
        ([Opened(12.4, "roi_violation", "yard"), Opened(13.0, "roi_violation", "yard")], 1, 1),
        ([Opened(4.0, "loitering", None)], 0, 0),
        ([Opened(6.0, "loitering", None)], 0, 1),
        ([Opened(11.0, "motion", None)], 0, 0),
        ([Opened(21.4, "motion", None)], 0, 0),
        ([Opened(8.0, "motion", None)], 0, 1),
        ([Opened(25.0, "motion", None)], 0, 1),
    ],
)
def test_events_are_found_in_time_or_false(opened: list[Opened], found: int, false: int) -> None:
    verdict = judge(WANTED, opened, _shown("ok"))
    assert (verdict.found, len(verdict.false)) == (found, false)
    assert verdict.due == 1


@pytest.mark.parametrize(
    ("conditions", "found", "false"),
    [
        (["starting", "ok", "ok", "covered", "covered", "ok", "ok", "ok"], 1, 0),
        (["ok", "ok", "ok", "blurred", "covered", "ok", "ok", "ok"], 1, 0),
        (["ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok"], 0, 0),
        (["ok", "covered", "ok", "covered", "covered", "ok", "ok", "ok"], 1, 1),
        (["ok", "ok", "ok", "covered", "covered", "covered", "covered", "covered"], 1, 1),
        (["ok", "ok", "ok", "ok", "ok", "ok", "ok", "moved"], 0, 1),
    ],
)
def test_conditions_are_told_in_time_and_taken_back(conditions: list[str], found: int, false: int) -> None:
    wanted = ExpectedCondition(kind="covered", at_s=2, within_s=2, to_s=4.5, recovers_s=1)
    verdict = judge(Scene(name="c", seconds=8, conditions=(wanted,)), [], _shown(*conditions))
    assert (verdict.found, len(verdict.false)) == (found, false), verdict


def test_counts_occupancy_and_numbers_are_compared() -> None:
    scene = Scene(
        name="states",
        seconds=30,
        counts=(("gate", 1, 0),),
        occupied=(("yard", 3.0, 1), ("yard", 4.0, 2)),
        same_track=((3.0, 5.0), (3.0, 20.0)),
    )
    verdict = judge(scene, [], _shown(*["ok"] * 25))
    assert verdict.found == 2
    assert [words.split()[0] for words in verdict.missed] == ["gate", "1", "track"]


def test_every_scene_has_a_name_of_its_own_and_its_truth_within_its_time() -> None:
    scenes = all_scenes()
    assert len({scene.name for scene in scenes}) == len(scenes)
    for scene in scenes:
        ends = [event.at_s + event.within_s for event in scene.expected]
        ends += [condition.at_s + condition.within_s for condition in scene.conditions]
        assert max(ends, default=0) <= scene.seconds, scene.name
        assert all(wanted.at_s >= 15 for wanted in scene.expected), f"{scene.name}: the background is learned first"
        known = {zone.id for zone in scene.plan.zones} | {line.id for line in scene.plan.lines} | {None}
        assert {wanted.zone for wanted in scene.expected} <= known, scene.name


def test_a_path_is_straight_between_waypoints() -> None:
    assert place_at(PATH, 15.0) == (0.5, 0.6)
    assert place_at(PATH, 9.9) is None
    assert place_at(((0.0, 0.1, 0.1), (0.0, 0.2, 0.2), (1.0, 0.2, 0.2)), 0.0) == (0.2, 0.2)
    assert is_seen(Person(path=PATH), 12.0)
    assert not is_seen(Person(path=PATH), 22.0)


def test_pictures_are_the_same_for_the_same_seed_and_a_mover_is_where_it_should_be() -> None:
    def pictures(*movers: Person) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
        return [picture for _, picture in RenderedCamera(movers, (Shake(1.0),), seed=3).pictures(1.0, fps=4)]

    assert all(np.array_equal(a, b) for a, b in zip(pictures(), pictures(), strict=True))
    person = Person(path=((0.0, 0.5, 0.6), (9.0, 0.5, 0.6)), coat=250)
    empty, full = (RenderedCamera(movers, seed=3, noise=0).picture(0.0) for movers in ((), (person,)))
    changed = np.argwhere(empty != full)
    top, left = changed.min(axis=0) / empty.shape
    bottom, right = changed.max(axis=0) / empty.shape
    assert 0.25 < top < 0.35
    assert 0.57 < bottom < 0.66
    assert 0.42 < left < right < 0.65


def test_a_frozen_camera_repeats_itself_exactly() -> None:
    camera = RenderedCamera((), (Frozen(0.5, 1.5),), seed=2)
    shown = [picture for _, picture in camera.pictures(2.0, fps=4)]
    same = [np.array_equal(a, b) for a, b in pairwise(shown)]
    assert same == [False, True, True, True, True, False, False]
