"""A camera that shakes: shifts are found to a fraction of a pixel, and what moves before the camera is none."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.models.session import Model
from edge.models.store import ModelStore
from edge.vision.pixels.blobs import find_blobs
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.motion import MotionDetector
from edge.vision.pixels.shake import Pose, PoseFinder, shift, straighten
from tests.support.picture_faults import Bus, Nudged
from tests.support.rendered_camera import RenderedCamera, Weather
from tests.support.rendered_movers import Person
from tests.support.rendered_weather import Shake, Tree

SIZE = (160, 120)
FPS = 15.0


@pytest.fixture(scope="module")
def model() -> Model:
    return ModelStore().load("motion")


def _detector(model: Model) -> MotionDetector:
    return MotionDetector(model, SIZE, np.random.default_rng(0), threshold=13, age_limit=900)


def _halved(picture: Plane) -> Plane:
    return np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _view(right: float = 0.0, down: float = 0.0, *, light: float = 1.0, seed: int = 2) -> Plane:
    """A picture of 320x240 shifted by twice as many pixels, halved: it is off by a fraction of a pixel of its own."""
    camera = RenderedCamera([], [Nudged(1.0, -2 * right, -2 * down)], noise=2.5, seed=seed)
    camera.picture(0.0)
    picture = camera.picture(1.0).astype(np.float32) * light
    return np.clip(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("right", "down", "light"),
    [
        *((right, down, 1.0) for right, down in ((1.0, 0.0), (-2.5, 1.5), (4.0, -3.0), (6.5, 5.0), (0.0, -0.8))),
        *((right, down, light) for light in (0.7, 1.3) for right, down in ((1.0, 0.0), (-2.5, 1.5), (0.0, -0.8))),
    ],
)
def test_a_shift_is_found_in_whatever_light(right: float, down: float, light: float) -> None:
    finder = PoseFinder()
    finder.find(_view())
    pose = finder.find(_view(right, down, light=light))
    off = 0.45 + 0.1 * max(abs(right), abs(down))
    assert (pose.right, pose.down) == pytest.approx((right, down), abs=off)
    assert 100 * pose.gain + pose.offset == pytest.approx(100 * light, abs=4)


@pytest.mark.parametrize("weather", [Tree(), Bus(1.0, takes_s=4.0)], ids=["tree", "bus"])
def test_what_moves_before_the_camera_is_no_shake(weather: Weather) -> None:
    finder, camera = PoseFinder(), RenderedCamera([], [weather], size=SIZE)
    for at_s, plane in camera.pictures(6.0, FPS):
        pose = finder.find(plane)
        assert not pose.shifted, f"at {at_s:.1f} s"


def test_a_person_is_no_shake() -> None:
    finder = PoseFinder()
    camera = RenderedCamera([Person(path=((0.5, -0.1, 0.9), (6.0, 1.1, 0.9)), tall=0.8)], size=SIZE)
    assert not any(finder.find(plane).shifted for _, plane in camera.pictures(6.0, FPS))


def test_a_picture_without_edges_is_where_it_was() -> None:
    finder, rng = PoseFinder(), np.random.default_rng(0)
    for _ in range(10):
        pose = finder.find(rng.integers(98, 103, (120, 160)).astype(np.uint8))
        assert pose == Pose(fits=pose.fits)


@given(
    size=st.sampled_from([(60, 60), (300, 60), (60, 300), (90, 160), (180, 120)]),
    seeds=st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_any_planes_give_a_finite_pose(size: tuple[int, int], seeds: list[int]) -> None:
    finder = PoseFinder()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        plane = rng.integers(0, rng.integers(1, 257), (size[1], size[0])).astype(np.uint8)
        pose = finder.find(plane)
        assert np.isfinite([pose.right, pose.down, pose.gain, pose.offset, pose.fits]).all()
        assert 0.25 <= pose.gain <= 4.0


@given(right=st.integers(-5, 5), down=st.integers(-5, 5))
@settings(max_examples=40, deadline=None)
def test_what_is_straightened_and_put_back_is_where_it_was(right: int, down: int) -> None:
    plane = np.random.default_rng(1).integers(0, 256, (40, 50)).astype(np.uint8)
    pose = Pose(right=float(right), down=float(down))
    shaken = shift(plane, right, down)
    straight = straighten(shaken, pose, np.zeros_like(plane))
    np.testing.assert_array_equal(straight[5:-5, 5:-5], plane[5:-5, 5:-5])
    back = shift(straight, right, down)
    np.testing.assert_array_equal(back[10:-10, 10:-10], shaken[10:-10, 10:-10])


@pytest.mark.parametrize("from_s", [0.0, 5.0])
def test_a_camera_that_shakes_sees_nothing_move_but_what_moves(model: Model, from_s: float) -> None:
    """Seen at 320x240 and halved, as a camera's pictures are; when the shaking begins a few edges flicker."""
    path = ((12.0, -0.1, 0.75), (18.0, 1.1, 0.75))
    camera = RenderedCamera([Person(path=path, tall=0.4)], [Shake(3.0, from_s=from_s)])
    detector, empty, walking = _detector(model), [], []
    for at_s, picture in camera.pictures(17.0, FPS):
        blobs = find_blobs(detector.step(_halved(picture)), 0.002)
        if 2 < at_s < path[0][0]:
            empty.append(bool(blobs))
        elif at_s > path[0][0] + 1:
            walking.append(bool(blobs) and blobs[0].h > 0.2)
    assert np.mean(empty) < 0.1
    assert np.mean(walking) > 0.95


def test_the_mask_is_where_the_thing_is_seen(model: Model) -> None:
    """Not where it would be seen if the camera were at rest."""
    detector = _detector(model)
    for _ in range(60):
        detector.step(_view())
    thing = _view(4.0, 3.0)
    thing[40:70, 60:80] = 230
    mask = detector.step(thing)
    rows, columns = np.nonzero(mask)
    assert detector.pose.right == pytest.approx(4.0, abs=0.35)
    assert (np.median(rows), np.median(columns)) == pytest.approx((54.5, 69.5), abs=1.5)
    detector.absorb((slice(35, 75), slice(55, 85)))
    for _ in range(30):
        mask = detector.step(thing)
    assert not find_blobs(mask, 0.01)


def test_a_camera_that_was_nudged_is_at_home_in_its_new_place(model: Model) -> None:
    detector, camera = _detector(model), RenderedCamera([], [Nudged(4.0, 7, -5)])
    poses, moved = [], 0
    for at_s, picture in camera.pictures(12.0, FPS):
        moved += bool(find_blobs(detector.step(_halved(picture)), 0.002))
        poses.append((at_s, detector.pose))
    assert all(pose.shifted for at_s, pose in poses if 4.2 < at_s < 7.5)
    assert not any(pose.shifted for at_s, pose in poses if at_s > 9.5)
    assert moved <= 2
