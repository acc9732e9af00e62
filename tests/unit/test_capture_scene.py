"""The made-up scene shows exactly the people that it says, the same for the same seed, and begins empty."""

import cv2
import numpy as np
import pytest

from edge.capture.auto import AutoCamera
from edge.capture.camera import Camera
from edge.capture.scene import Person, Scene
from edge.capture.settings import SimulatedSettings
from edge.capture.simulated import SimulatedCamera
from edge.core.clock import SystemClock
from edge.core.errors import SourceUnavailableError
from tests.support.still_camera import StillCamera

_SIZE = (320, 240)


def _scene(seed: int = 1, noise: float = 0.0) -> Scene:
    return Scene(*_SIZE, seed=seed, noise=noise)


def _box_of_change(scene: Scene, at_s: float) -> tuple[int, int, int, int]:
    """Where the picture differs from the empty scene under the same light."""
    shown = scene.draw(at_s).astype(np.int16)
    scene.people = lambda at_s: ()  # type: ignore[method-assign]
    empty = scene.draw(at_s).astype(np.int16)
    changed = (np.abs(shown - empty).max(axis=2) > 2).astype(np.uint8)
    x, y, w, h = cv2.boundingRect(changed)
    return x, y, w, h


def _alone(doing: str) -> tuple[float, Person]:
    """A moment when one person of this kind is wholly in the picture and nobody else."""
    scene = _scene()
    for tick in range(400 * 4):
        people = scene.people(tick / 4)
        if len(people) == 1 and people[0].doing == doing and 0 < people[0].x < _SIZE[0] - people[0].w:
            return tick / 4, people[0]
    raise AssertionError(f"nobody was {doing} alone")


@pytest.mark.parametrize("doing", ["walking", "running"])
def test_the_truth_is_where_the_picture_changes(doing: str) -> None:
    at_s, person = _alone(doing)
    x, y, w, h = _box_of_change(_scene(), at_s)
    assert person.x <= x
    assert x + w <= person.x + person.w
    assert abs(y - person.y) <= 2
    assert abs(y + h - (person.y + person.h)) <= 3
    assert w >= person.w * 0.3


def test_it_begins_empty_and_then_people_come_and_go() -> None:
    """S1.34"""
    scene = _scene()
    seen = [scene.people(second / 2) for second in range(400)]
    assert not any(seen[:8])
    assert {person.doing for people in seen for person in people} == {"walking", "running"}
    assert sum(1 for people in seen if not people) > 20
    runners = {person.number for people in seen for person in people if person.doing == "running"}
    assert 2 <= len(runners) <= 3


def test_a_runner_is_much_faster() -> None:
    scene = _scene()
    speeds = {}
    for doing in ("walking", "running"):
        at_s, before = _alone(doing)
        after = next(person for person in scene.people(at_s + 0.2) if person.number == before.number)
        speeds[doing] = abs(after.x - before.x)
    assert speeds["running"] > 2.5 * speeds["walking"]


def test_the_same_seed_is_the_same_scene_another_one_is_not() -> None:
    pictures = [_scene(seed, noise=1.5).draw(10.0).copy() for seed in (1, 1, 2)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    assert _scene(1).people(33.3) == _scene(1).people(33.3)


def test_nobody_leaves_a_trace() -> None:
    scene = _scene()
    first = scene.draw(0.0).copy()
    for tick in range(300):
        scene.draw(tick / 4)
    assert np.array_equal(scene.draw(0.0), first)


def test_light_and_noise_change_slowly_and_little() -> None:
    scene = _scene(noise=1.5)
    means = [float(scene.draw(at_s).mean()) for at_s in (0, 1, 30, 90)]
    assert abs(means[1] - means[0]) < 1
    assert 4 < means[2] - means[3] < 40
    calm = [scene.draw(1.0).astype(np.int16).copy() for _ in range(2)]
    assert 0.5 < float(np.abs(calm[0] - calm[1]).mean()) < 4


def test_the_camera_shows_the_scene_and_tells_the_truth() -> None:
    settings = SimulatedSettings(width=320, height=240, fps=100, seed=1)
    camera = SimulatedCamera(settings, clock=SystemClock())
    assert camera.people(0) == ()
    camera.open()
    picture = camera.read()
    assert picture.luma is not None
    assert camera.people(900) == _scene().people(9.0)
    camera.close()


class TestAuto:
    @staticmethod
    def _away(why: str) -> Camera:
        return StillCamera(fails_to_open=SourceUnavailableError(why))

    def test_takes_the_first_that_gives_a_picture_and_loses_none(self) -> None:
        settings = SimulatedSettings(width=64, height=48, fps=100)
        silent = StillCamera()
        silent.give(SourceUnavailableError("no picture for 5 s"))
        camera = AutoCamera(
            [
                lambda: self._away("busy"),
                lambda: silent,
                lambda: SimulatedCamera(settings, clock=SystemClock()),
                lambda: self._away("must not be asked"),
            ]
        )
        camera.open()
        reference = SimulatedCamera(settings, clock=SystemClock())
        reference.open()
        assert [camera.read().jpeg for _ in range(3)] == [reference.read().jpeg for _ in range(3)]
        assert camera.describe() == "simulated scene 1 (found by itself)"
        assert silent.closed
        camera.close()
        reference.close()

    def test_names_every_reason_when_none_works(self) -> None:
        camera = AutoCamera([lambda: self._away("/dev/video0: busy"), lambda: self._away("/dev/video1: no permission")])
        with pytest.raises(SourceUnavailableError, match="/dev/video0: busy; /dev/video1: no permission"):
            camera.open()
        camera.close()
        with pytest.raises(SourceUnavailableError, match="no camera to try"):
            AutoCamera([]).open()
