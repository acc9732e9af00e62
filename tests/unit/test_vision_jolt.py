"""A camera that begins to shake: the first moments of it are no motion, and who walks meanwhile is still seen."""

import cv2
import numpy as np
import pytest

from edge.models.store import ModelStore
from edge.vision.pixels.blobs import Blob, find_blobs
from edge.vision.pixels.jolt import JoltWatch, drop_explained
from edge.vision.pixels.motion import MotionDetector
from edge.vision.pixels.shake import Pose
from tests.support.rendered_camera import RenderedCamera
from tests.support.rendered_movers import Mover, Person
from tests.support.rendered_weather import Shake

SIZE = (160, 120)
SHAKEN = Pose(right=1.0, fits=0.8)


def _seen(seed: int, *movers: Mover) -> dict[float, list[Blob]]:
    """What moves in the two seconds from 6 s on, when the shaking begins."""
    camera = RenderedCamera(movers, [Shake(2.5, from_s=6)], seed=seed)
    detector = MotionDetector(ModelStore().load("motion"), SIZE, np.random.default_rng(0), threshold=13, age_limit=900)
    seen = {}
    for at_s, picture in camera.pictures(8):
        halved = cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA)
        seen[at_s] = find_blobs(detector.step(np.asarray(halved, np.uint8)), 0.002)
    return {at_s: blobs for at_s, blobs in seen.items() if at_s >= 6}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_beginning_of_a_shake_is_no_motion(seed: int) -> None:
    assert sum(bool(blobs) for blobs in _seen(seed).values()) <= 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_walks_while_a_shake_begins_is_seen(seed: int) -> None:
    person = Person(path=((4.0, -0.1, 0.75), (10.0, 1.1, 0.75)), tall=0.4)
    assert np.mean([any(blob.h > 0.2 for blob in blobs) for blobs in _seen(seed, person).values()]) > 0.85


def test_a_shake_is_new_after_a_rest_and_for_a_while() -> None:
    watch = JoltWatch()
    assert not watch.jolted(SHAKEN), "nothing is known yet of where the camera is"
    assert not any(watch.jolted(Pose()) for _ in range(64))
    new = [watch.jolted(SHAKEN) for _ in range(100)]
    assert 15 < sum(new) < 64
    assert new == sorted(new, reverse=True)
    assert not any(watch.jolted(Pose()) for _ in range(63))
    assert not watch.jolted(SHAKEN), "it shook a moment ago"


def test_a_place_that_hardly_fits_is_no_shake() -> None:
    watch = JoltWatch()
    for _ in range(100):
        watch.jolted(Pose())
    assert not watch.jolted(Pose(right=1.0, fits=0.5))


def test_another_view_has_to_rest_first() -> None:
    watch = JoltWatch()
    for _ in range(100):
        watch.jolted(Pose())
    watch.forget()
    assert not watch.jolted(SHAKEN)


def test_an_edge_one_pixel_off_is_explained_and_a_thing_is_not() -> None:
    background = np.full((20, 20), 60, np.uint8)
    background[:, 10:] = 160
    luma = np.roll(background, 1, axis=1)
    luma[5:9, 2:6] = 110
    mask = np.full_like(luma, 255)
    drop_explained(mask, luma, background, 13.0)
    assert (mask[5:9, 2:6] == 255).all()
    assert not mask[:, 8:].any()
