"""Motion on drawn scenes whose truth is known."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import ModelError
from edge.models.session import Model
from edge.models.store import ModelStore
from edge.vision.pixels.blobs import find_blobs
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.motion import MotionDetector
from edge.vision.pixels.stillness import is_trace, window_of
from edge.vision.things.tracks import overlap
from tests.support.moving_scene import Mover, MovingScene

SIZE = (160, 120)


@pytest.fixture(scope="module")
def model() -> Model:
    return ModelStore().load("motion")


def _detector(model: Model, *, age_limit: float = 900, seed: int = 0) -> MotionDetector:
    return MotionDetector(model, SIZE, np.random.default_rng(seed), threshold=13, age_limit=age_limit)


def _learned(model: Model, scene: MovingScene, frames: int = 160) -> MotionDetector:
    detector = _detector(model)
    for _ in range(frames):
        detector.step(scene.plane())
    return detector


@pytest.mark.parametrize("noise", [0.0, 3.0, 8.0])
def test_nothing_moves_in_a_static_noisy_scene(model: Model, noise: float) -> None:
    scene, detector = MovingScene(SIZE, noise=noise), _detector(model)
    for count in range(250):
        mask = detector.step(scene.plane())
        assert not find_blobs(mask, 0.002), f"frame {count}"


def test_what_moves_is_found_where_it_is(model: Model) -> None:
    """Drawn truth: precision and recall of the mask above nine tenths."""
    scene = MovingScene(SIZE, noise=3.0)
    detector = _learned(model, scene)
    mover = Mover(x=0, y=40, w=16, h=36, vx=1.5, vy=0.3)
    hits = false = missed = 0
    for _ in range(60):
        truth = scene.truth(mover)
        mask = detector.step(scene.plane(mover)) > 0
        hits += int((mask & truth).sum())
        false += int((mask & ~truth).sum())
        missed += int((~mask & truth).sum())
    assert hits / (hits + false) > 0.9
    assert hits / (hits + missed) > 0.9


def test_it_sees_after_two_seconds_and_what_the_start_showed_leaves_no_trace(model: Model) -> None:
    """15 frames a second: somebody who walks through the first picture is found from frame 21 on, and nothing else."""
    scene, detector = MovingScene(SIZE, noise=3.0), _detector(model)
    mover = Mover(x=20, y=40, w=16, h=36, vx=1.5)
    for frame in range(1, 80):
        truth = scene.truth(mover)
        mask = detector.step(scene.plane(mover)) > 0
        assert detector.learning == (frame <= 20)
        if frame > 30:
            assert (mask & truth).sum() > 0.8 * truth.sum(), f"frame {frame}"
            assert (mask & ~truth).sum() < 0.2 * truth.sum(), f"frame {frame}"


def test_a_change_of_the_light_is_no_motion_and_is_learned(model: Model) -> None:
    scene = MovingScene(SIZE)
    detector = _learned(model, scene)
    scene.light = 60.0
    for _ in range(12):
        assert not find_blobs(detector.step(scene.plane()), 0.002)
    detector.step(scene.plane(Mover(x=60, y=40, w=20, h=40)))
    assert 0.02 < detector.moving_share < 0.1


def test_what_stands_long_enough_becomes_background(model: Model) -> None:
    scene, detector = MovingScene(SIZE), _detector(model, age_limit=40)
    for _ in range(160):
        detector.step(scene.plane())
    parked = Mover(x=60, y=40, w=20, h=40)
    assert find_blobs(detector.step(scene.plane(parked)), 0.002)
    for _ in range(100):
        mask = detector.step(scene.plane(parked))
    assert not find_blobs(mask, 0.002)


def test_the_same_seed_sees_the_same(model: Model) -> None:
    masks = []
    for _ in range(2):
        scene, detector = MovingScene(SIZE), _detector(model, seed=5)
        masks.append([detector.step(scene.plane(Mover(0, 30, 20, 30, vx=2))).copy() for _ in range(20)])
    np.testing.assert_array_equal(masks[0], masks[1])


def test_after_a_reset_the_first_picture_is_the_background(model: Model) -> None:
    scene, other = MovingScene(SIZE), MovingScene(SIZE, seed=9)
    detector = _learned(model, scene)
    assert detector.step(other.plane()).any() or detector.learning
    detector.reset()
    assert detector.learning
    assert not find_blobs(detector.step(other.plane()), 0.002)


@pytest.mark.parametrize(("name", "value"), [("rate", -0.1), ("rate", 1.5), ("start_rate", 1.5), ("fading", -5.0)])
def test_a_number_that_makes_no_share_is_a_model_error(model: Model, name: str, value: float) -> None:
    """Of a model of one's own; the graph takes whole numbers, which have no room for it."""
    manifest = msgspec.structs.replace(model.manifest, parameters={**model.manifest.parameters, name: value})
    strange = type("Strange", (), {"manifest": manifest, "bind": model.bind})()
    with pytest.raises(ModelError, match=f"'{name}'"):
        _detector(strange)


def test_a_manifest_without_its_numbers_is_a_model_error(model: Model) -> None:
    class Bare:
        manifest = type("Paper", (), {"parameters": {"samples": "eight"}})

    with pytest.raises(ModelError, match="'samples'"):
        MotionDetector(Bare(), SIZE, np.random.default_rng(0), threshold=13, age_limit=9)  # type: ignore[arg-type]


def test_a_thing_shows_its_outline_and_a_trace_does_not(model: Model) -> None:
    """Someone stood there while the background was learned, and left; someone else came and stands."""
    scene, detector = MovingScene(SIZE, noise=1.0), _detector(model)
    left, came = Mover(x=20, y=30, w=20, h=50), Mover(x=100, y=30, w=20, h=50)
    for _ in range(160):
        detector.step(scene.plane(left))
    plane = scene.plane(came)
    mask = detector.step(plane)
    trace, thing = sorted(find_blobs(mask, 0.01), key=lambda blob: blob.x)
    assert is_trace(trace, mask, plane, detector.background)
    assert not is_trace(thing, mask, plane, detector.background)
    detector.absorb(window_of(trace, mask.shape))
    for _ in range(30):
        mask = detector.step(scene.plane(came))
    (remaining,) = find_blobs(mask, 0.01)
    assert overlap(remaining, thing) > 0.8


def test_blobs_are_boxes_in_shares_of_the_picture_biggest_first() -> None:
    mask, changed = np.zeros((100, 200), np.uint8), np.zeros((100, 200), np.uint8)
    mask[10:30, 20:60] = mask[50:60, 100:120] = 255
    mask[90, 190] = 255
    changed[10:20, 20:60] = 1
    big, small = find_blobs(mask, 0.002, changed.__getitem__)
    assert (big.x, big.y, big.w, big.h, big.area, big.changed) == (0.1, 0.1, 0.2, 0.2, 0.04, 0.5)
    assert (small.x, small.y, small.changed) == (0.5, 0.5, 0.0)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.4))
def test_every_blob_lies_in_the_picture_and_is_big_enough(seed: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    mask: Plane = np.where(rng.random((30, 40)) < density, 255, 0).astype(np.uint8)
    for blob in find_blobs(mask, 0.003):
        assert 0 <= blob.x <= blob.x + blob.w <= 1 + 1e-9
        assert 0 <= blob.y <= blob.y + blob.h <= 1 + 1e-9
        assert 0.003 <= blob.area <= blob.w * blob.h + 1e-9
        rows, columns = window_of(blob, mask.shape)
        assert mask[rows, columns].any()
