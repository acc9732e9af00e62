"""Changes of the light: measured against known ones, and neither whole nor in part taken for motion."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.models.session import Model
from edge.models.store import ModelStore
from edge.vision.pixels.blobs import find_blobs
from edge.vision.pixels.exposure import fit_light, relight
from edge.vision.pixels.light import LightWatch, find_relit
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.motion import MotionDetector
from edge.vision.pixels.shake import Pose
from tests.support.picture_faults import Bus, Lamp
from tests.support.rendered_camera import RenderedCamera, Weather
from tests.support.rendered_movers import Person
from tests.support.rendered_weather import Light, Night, Rain

SIZE = (160, 120)
AT_S = 4.0
FPS = 10.0


@pytest.fixture(scope="module")
def model() -> Model:
    return ModelStore().load("motion")


def _detector(model: Model) -> MotionDetector:
    return MotionDetector(model, SIZE, np.random.default_rng(0), threshold=13, age_limit=900)


def _halved(picture: Plane) -> Plane:
    return np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _alarms(model: Model, *weather: Weather, seconds: float = 12.0, from_s: float = AT_S) -> list[float]:
    """The seconds from `from_s` on in which something was said to move in an empty place."""
    detector, camera = _detector(model), RenderedCamera([], weather)
    masks = [(at_s, detector.step(_halved(picture)).copy()) for at_s, picture in camera.pictures(seconds, FPS)]
    return [round(at_s, 1) for at_s, mask in masks if at_s >= from_s and find_blobs(mask, 0.002)]


def test_a_plane_in_another_light_is_rounded_and_stays_within_bytes() -> None:
    plane = np.array([[0, 9, 100, 255]], np.uint8)
    np.testing.assert_array_equal(relight(plane, 1.5, -10), [[0, 4, 140, 255]])
    np.testing.assert_array_equal(relight(relight(plane, 0.5, 20), 2.0, -40), [[0, 8, 100, 255]])
    np.testing.assert_array_equal(relight(plane, 1.0, 0.0), plane)


@given(
    seed=st.integers(0, 2**32 - 1),
    gain=st.floats(0.5, 2.0),
    offset=st.floats(-40, 40),
    hidden=st.floats(0.0, 0.2),
)
@settings(max_examples=40, deadline=None)
def test_the_light_is_what_it_was_made_to_be(seed: int, gain: float, offset: float, hidden: float) -> None:
    """To the six luma that count as none at every brightness, even though something hides a fifth of the picture."""
    rng = np.random.default_rng(seed)
    then = rng.uniform(30, 200, (12, 16)).astype(np.float32)
    now = (then * gain + offset + rng.normal(0, 0.3, then.shape)).astype(np.float32)
    now[:, : round(16 * hidden)] = rng.uniform(0, 255)
    found, added = fit_light(now, then)
    at = np.array([30.0, 115.0, 200.0])
    assert np.abs(at * found + added - (at * gain + offset)).max() < 6.5


@given(seed=st.integers(0, 2**32 - 1), level=st.floats(0, 255), wide=st.floats(0.0, 0.45))
@settings(max_examples=40, deadline=None)
def test_a_thing_however_bright_is_no_light(seed: int, level: float, wide: float) -> None:
    rng = np.random.default_rng(seed)
    then = rng.uniform(30, 200, (12, 16)).astype(np.float32)
    now = (then + rng.normal(0, 0.5, then.shape)).astype(np.float32)
    now[:, : round(16 * wide)] = level
    assert fit_light(now, then) == (1.0, 0.0)


def test_what_is_dark_does_not_tell_that_the_light_is_the_same() -> None:
    """No lamp changes it; and a crowd before most of a lit view is no lamp."""
    rng = np.random.default_rng(3)
    street = np.concatenate([rng.uniform(0, 1, 80), rng.uniform(60, 180, 112)]).astype(np.float32)
    gain, _ = fit_light((street * 1.4).astype(np.float32), street)
    assert gain > 1.2
    lit = rng.uniform(60, 180, 192).astype(np.float32)
    crowded = lit.copy()
    crowded[:110] = rng.uniform(0, 255, 110)
    assert fit_light(crowded, lit) == (1.0, 0.0)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_any_cells_give_a_light_within_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    now, then = (rng.uniform(0, rng.uniform(0, 255), (6, 30)).astype(np.float32) for _ in range(2))
    gain, offset = fit_light(now, then, (rng.uniform(0.3, 3), rng.uniform(-50, 50)))
    assert 0.25 <= gain <= 4.0
    assert np.isfinite(offset)


@pytest.mark.parametrize(
    "weather",
    [
        Light(((AT_S, 1.0), (AT_S, 0.45), (8, 0.45), (8, 1.0))),
        Light(((AT_S, 1.0), (AT_S + 0.4, 1.35), (7, 1.35), (7.2, 1.1), (9, 0.8))),
        Light(((AT_S, 1.0), (6, 0.7), (9, 1.0)), shaded=0.2),
        Lamp(AT_S, 8.0),
        Lamp(AT_S, 8.0, place=(0.0, 0.5, 0.5, 1.0), gain=0.5),
        Night(AT_S, 8.0, clicks_s=0.0),
    ],
    ids=["switch", "exposure", "cloud", "lamp", "shade", "infrared"],
)
def test_a_change_of_the_light_is_no_motion(model: Model, weather: Weather) -> None:
    """One frame without track may flicker while the light changes; no two in a row do."""
    alarms = _alarms(model, weather)
    assert len(alarms) <= 2
    assert all(after - before > 1.5 / FPS for before, after in pairwise(alarms))


def test_rain_is_no_motion(model: Model) -> None:
    assert len(_alarms(model, Rain(), from_s=2.0)) <= 2


def test_somebody_who_walks_through_a_cloud_s_shadow_and_a_ramp_of_exposure_is_seen(model: Model) -> None:
    walker = Person(path=((AT_S, -0.1, 0.6), (AT_S + 6, 1.1, 0.6)), tall=0.4)
    camera = RenderedCamera([walker], [Light(((AT_S, 1.0), (AT_S + 3, 1.3), (AT_S + 6, 0.9)))])
    detector, seen = _detector(model), []
    for at_s, picture in camera.pictures(AT_S + 5, FPS):
        mask = detector.step(_halved(picture))
        if at_s > AT_S + 1.0:
            blobs = find_blobs(mask, 0.002)
            seen.append(len(blobs) == 1 and blobs[0].area < 0.1)
    assert np.mean(seen) > 0.95


def test_a_bus_is_motion_and_not_light(model: Model) -> None:
    """It fills four fifths of the picture within a second, and when it has gone nothing moves."""
    detector, camera, shares = _detector(model), RenderedCamera([], [Bus(AT_S)], size=SIZE), []
    for at_s, plane in camera.pictures(AT_S + 4, 15.0):
        detector.step(plane)
        shares.append((at_s, detector.moving_share))
    passing = [share for at_s, share in shares if AT_S + 0.6 < at_s < AT_S + 1.3]
    after = [share for at_s, share in shares if at_s > AT_S + 2.4]
    assert min(passing) > 0.4
    assert max(after) < 0.01
    assert not detector.learning


def _textured(seed: int = 3) -> Plane:
    return RenderedCamera([], [], size=SIZE, seed=seed, noise=1.0).picture(0)


def test_a_region_in_another_light_keeps_its_edges_and_a_thing_does_not() -> None:
    background, other = _textured().astype(np.float32), _textured(seed=8)
    mask = np.zeros((120, 160), np.uint8)
    mask[10:60, 20:80] = mask[70:115, 90:150] = 255
    luma = background.copy()
    luma[10:60, 20:80] = luma[10:60, 20:80] * 0.6 + 10
    luma[70:115, 90:150] = other[10:55, 20:80]
    relit = find_relit(mask, np.clip(luma, 0, 255).astype(np.uint8), background)
    assert relit is not None
    assert relit[12:58, 22:78].all()
    assert not relit[72:113, 92:148].any()


def test_small_or_flat_regions_are_never_forgiven() -> None:
    background = np.full((120, 160), 90, np.float32)
    mask = np.zeros((120, 160), np.uint8)
    assert find_relit(mask, background.astype(np.uint8), background) is None
    mask[10:60, 20:80] = 255
    assert find_relit(mask, background.astype(np.uint8) + 30, background) is None


def test_everything_at_once_is_another_light_and_everything_bit_by_bit_is_not() -> None:
    switch, bus = LightWatch(), LightWatch()
    assert [switch.changed(share) for share in (0.0, 0.02, 0.1, 0.8)] == [False, False, False, True]
    assert not any(bus.changed(share) for share in (0.0, 0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8))
    stuck = LightWatch()
    assert [stuck.changed(0.9) for _ in range(15)].index(True) == 14


def test_a_jump_of_exposure_is_told_from_its_drift() -> None:
    jump, drift = LightWatch(), LightWatch()
    assert not jump.jumped(Pose())
    assert jump.jumped(Pose(gain=0.5, offset=10))
    assert not any(drift.jumped(Pose(offset=float(offset))) for offset in range(0, 80, 4))
