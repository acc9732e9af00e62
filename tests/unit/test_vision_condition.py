"""The condition of the picture: each fault is told in time, no light, weather or traffic is taken for one."""

from collections.abc import Iterable
from itertools import groupby, islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.models.session import Model
from edge.models.store import ModelStore
from edge.vision.findings import TAMPERED
from edge.vision.pixels.condition import Condition, PictureWatch, find_tampering
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.motion import MotionDetector
from edge.vision.state import ConditionKind
from tests.support.picture_faults import Bus, Glare, Nudged, still
from tests.support.recorded_video import planes
from tests.support.rendered_camera import RenderedCamera, Weather
from tests.support.rendered_weather import (
    Black,
    Covered,
    Defocused,
    Floats,
    Frozen,
    Light,
    Night,
    Rain,
    Shake,
    Tree,
    Turned,
)

SIZE = (160, 120)
FPS = 10.0
AT_S, BACK_S = 5.0, 14.0
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def model() -> Model:
    return ModelStore().load("motion")


class _Seat:
    """Watch and motion detector as analysis joins them."""

    def __init__(self, model: Model, size: tuple[int, int] = SIZE) -> None:
        self.motion = MotionDetector(model, size, np.random.default_rng(0), threshold=13, age_limit=900)
        self.watch = PictureWatch(size)
        self.told: list[tuple[float, Condition]] = []

    def look(self, plane: Plane, at_s: float) -> Condition:
        background = None if self.motion.learning else self.motion.background
        condition = self.watch.step(
            plane, background=background, moving_share=self.motion.moving_share, at_ns=round((at_s + 1) * SECOND)
        )
        if condition.relearn:
            self.motion.reset()
        if condition.judged:
            self.motion.step(plane)
        self.told.append((at_s, condition))
        return condition

    def kinds(self) -> list[ConditionKind]:
        """What was told, one after the other."""
        return [kind for kind, _ in groupby(condition.kind for _, condition in self.told)]

    def when(self, kind: ConditionKind) -> float:
        """The second in which it was first told."""
        return next(at_s for at_s, condition in self.told if condition.kind == kind)


def _play(model: Model, *weather: Weather, seconds: float = 18.0, fps: float = FPS, noise: float = 2.5) -> _Seat:
    seat, camera = _Seat(model), RenderedCamera([], weather, size=SIZE, noise=noise)
    for at_s, plane in camera.pictures(seconds, fps):
        seat.look(plane, at_s)
    return seat


@pytest.mark.parametrize("fps", [7.5, 15.0])
@pytest.mark.parametrize(
    ("weather", "kind", "within_s"),
    [
        (Covered(AT_S, BACK_S), "covered", 4.0),
        (Black(AT_S, BACK_S), "black", 2.0),
        (Glare(AT_S, BACK_S), "bright", 3.0),
        (Frozen(AT_S, BACK_S), "frozen", 6.0),
    ],
)
def test_a_fault_that_passes_is_told_and_taken_back(
    model: Model, weather: Weather, kind: ConditionKind, within_s: float, fps: float
) -> None:
    seat = _play(model, weather, fps=fps)
    assert seat.kinds() == ["starting", "ok", kind, "ok"]
    assert AT_S < seat.when(kind) <= AT_S + within_s
    last = max(at_s for at_s, condition in seat.told if condition.kind == kind)
    assert last <= BACK_S + 1.5


@pytest.mark.parametrize(
    ("weather", "kind"), [(Turned(AT_S, 60, 20), "moved"), (Turned(AT_S, 30, 0), "moved"), (Defocused(AT_S), "blurred")]
)
def test_a_fault_that_stays_is_told_and_goes_on(model: Model, weather: Weather, kind: ConditionKind) -> None:
    seat = _play(model, weather)
    assert seat.kinds() == ["starting", "ok", kind]
    assert seat.when(kind) <= AT_S + 6
    assert all(condition.judged == (condition.kind != kind) for at_s, condition in seat.told if at_s > AT_S + 6)


def test_what_is_only_suspected_already_keeps_the_frame_from_the_motion_detector(model: Model) -> None:
    seat = _play(model, Black(AT_S, BACK_S))
    suspected = [condition for at_s, condition in seat.told if AT_S <= at_s < AT_S + 0.5]
    assert suspected
    assert all(condition.kind == "ok" and not condition.judged for condition in suspected)
    assert not seat.motion.learning
    assert seat.motion.moving_share < 0.01, "the background of before the fault still holds"


@pytest.mark.parametrize(
    "weather",
    [
        Light(((AT_S, 1.0), (AT_S, 0.3), (9, 0.3), (9, 1.0))),
        Light(((AT_S, 1.0), (AT_S, 1.8), (9, 1.8), (9, 0.6)), shaded=0.5),
        Night(AT_S, 12),
        Bus(AT_S),
        Bus(AT_S, takes_s=5.0, length=2.5),
        Shake(2.0, from_s=AT_S),
        Rain(from_s=AT_S),
        Tree(),
        Nudged(AT_S, 3, 2),
    ],
    ids=lambda weather: type(weather).__name__,
)
def test_light_weather_and_traffic_are_no_fault(model: Model, weather: Weather) -> None:
    assert _play(model, weather, seconds=16).kinds() == ["starting", "ok"]


def test_another_view_that_stays_becomes_the_normal_one_and_says_so(model: Model) -> None:
    seat, camera = _Seat(model), RenderedCamera([], [Turned(AT_S, 60, 20)], size=SIZE)
    for at_s, plane in camera.pictures(80, 4.0):
        seat.look(plane, at_s)
    assert seat.kinds() == ["starting", "ok", "moved", "ok"]
    (accepted,) = (at_s for at_s, condition in seat.told if condition.relearn)
    assert AT_S + 60 <= accepted <= AT_S + 62
    assert "normal" in seat.told[-1][1].reasoning[0]
    assert seat.motion.moving_share < 0.01


def test_a_night_without_light_is_learned_anew_in_the_morning(model: Model) -> None:
    seat, camera = _Seat(model), RenderedCamera([], [Black(10, 710)], size=SIZE)
    for at_s, plane in camera.pictures(730, 2.5):
        seat.look(plane, at_s)
    assert [round(at_s) for at_s, condition in seat.told if condition.relearn] == [711]


def test_only_what_is_done_to_a_camera_is_tampering(model: Model) -> None:
    """Nightfall is not, though it ends in black; a cap on the lens is."""
    cap = _play(model, Black(AT_S))
    finding = find_tampering(cap.told[-1][1])
    assert finding is not None
    assert (finding.type, finding.severity, finding.boxes) == (TAMPERED, "HIGH", ())
    assert finding.since_ns == round((AT_S + 1) * SECOND)
    assert "black" in finding.reasoning[0]
    dusk = _play(model, Light(((AT_S, 1.0), (150, 0.02))), seconds=150, fps=2.5, noise=1.0)
    assert dusk.kinds()[-1] == "black"
    assert find_tampering(dusk.told[-1][1]) is None


@pytest.mark.parametrize(("kind", "tampered"), [("frozen", False), ("bright", False), ("ok", False), ("moved", True)])
def test_health_and_tampering_are_two_things(kind: ConditionKind, *, tampered: bool) -> None:
    condition = Condition(kind=kind, since_ns=7, score=4.0, sudden=True, reasoning=("why",))
    assert (find_tampering(condition) is not None) == tampered


def test_a_still_source_is_said_to_be_one_and_does_not_flap(model: Model) -> None:
    """A drawn scene without noise in which something happens now and then: told less and less."""
    camera = RenderedCamera([], [], size=SIZE, noise=0.0)
    calm, other = camera.picture(0), camera.picture(0)
    other[40:60, 40:60] = 250
    seat, at_s = _Seat(model), 0.0
    for _ in range(8):
        for plane in (*still(calm, 80), *[np.roll(other, step, 1) for step in range(20)]):
            seat.look(plane, at_s)
            at_s += 1 / FPS
    told = [condition for _, condition in seat.told if condition.kind == "frozen"]
    assert "still picture" in told[0].reasoning[0]
    assert seat.kinds().count("frozen") == 1
    assert find_tampering(told[0]) is None


def test_a_plane_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(120, 160\)"):
        PictureWatch(SIZE).step(np.zeros((90, 160), np.uint8), background=None, moving_share=0.0, at_ns=0)


def test_after_a_reset_nothing_is_known(model: Model) -> None:
    seat = _play(model, Turned(AT_S, 60, 20))
    assert seat.told[-1][1].kind == "moved"
    seat.watch.reset()
    seat.motion.reset()
    assert seat.look(RenderedCamera([], [], size=SIZE).picture(0), 20).kind == "starting"


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 255), st.integers(0, 3)), min_size=1, max_size=12),
    st.sampled_from([(60, 60), (70, 130), (300, 60)]),
    st.integers(1, 3 * SECOND),
)
@settings(max_examples=40, deadline=None)
def test_any_planes_give_a_condition(
    pictures: list[tuple[int, int, int]], size: tuple[int, int], period_ns: int
) -> None:
    watch, shape = PictureWatch(size), (size[1], size[0])
    for number, (seed, level, kind) in enumerate(pictures):
        plane = np.full(shape, level, np.uint8)
        if kind:
            plane = np.random.default_rng(seed).integers(0, level + 1, shape, np.uint8)
        background = plane[:: -1 if kind == 1 else 1].copy() if kind > 1 else None
        condition = watch.step(plane, background=background, moving_share=0.1, at_ns=number * period_ns)
        assert 0 <= condition.score <= 5
        assert np.isfinite(condition.score)
        assert condition.since_ns <= number * period_ns
        assert not (condition.relearn and not condition.judged)
        assert bool(condition.reasoning) or condition.kind in {"ok", "starting"}


def _conditions(model: Model, pictures: Iterable[Plane], size: tuple[int, int], fps: float) -> _Seat:
    seat = _Seat(model, size)
    for number, plane in enumerate(pictures):
        seat.look(plane, number / fps)
    return seat


class _Unsteady:
    """The lens loses its focus again and again, for six of eleven seconds."""

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `tests.support.rendered_weather.Optics`."""
        begins_s = max(AT_S, at_s - (at_s - AT_S) % 11)
        return Defocused(begins_s).expose(picture, at_s, rng) if begins_s <= at_s < begins_s + 6 else picture


def test_a_blur_that_comes_and_goes_is_told_of_once_and_then_must_last_longer(model: Model) -> None:
    seat = _play(model, _Unsteady(), seconds=80, fps=5.0)
    assert seat.kinds() == ["starting", "ok", "blurred", "ok"]
    assert all(condition.judged for at_s, condition in seat.told if at_s > AT_S + 11), "motion is looked for meanwhile"
    still_blurred = RenderedCamera([], [Defocused(-1.0)], size=SIZE)
    for at_s, plane in still_blurred.pictures(12, 5.0):
        seat.look(plane, 81 + at_s)
    assert seat.told[-1][1].kind == "blurred"


@pytest.mark.data
@pytest.mark.parametrize(
    ("clip", "size", "fps"),
    [
        ("anomaly/ped2_test_01.mp4", (180, 120), 10),
        ("clips/asl_yes.mkv", (160, 120), 30),
        ("clips/car-detection.mp4", (160, 90), 12.5),
        ("clips/one-by-one-person-detection.mp4", (160, 90), 10),
        ("motion/highway.crf10.mp4", (160, 120), 25),
        ("motion/traffic.mjpeg.avi", (160, 120), 30),
        ("motion/WavingTrees.crf18.mp4", (160, 120), 15),
    ],
)
def test_no_recording_played_again_and_again_is_tampered_with(
    model: Model, data_dir: Path, clip: str, size: tuple[int, int], fps: float
) -> None:
    """From the midst of things on, every other picture, with the jump at the seam: X.9."""
    shown = list(islice(planes(data_dir / "vision" / clip, size), 600))[::2]
    begin = len(shown) * 2 // 5
    seat = _conditions(model, [*shown[begin:], *shown, *shown[:begin]], size, fps / 2)
    assert seat.kinds() == ["starting", "ok"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("clip", "size", "fps"),
    [("clips/car-detection.mp4", (160, 90), 12.5), ("motion/highway.crf10.mp4", (160, 120), 25)],
)
def test_a_recording_out_of_focus_is(
    model: Model, data_dir: Path, clip: str, size: tuple[int, int], fps: float
) -> None:
    """Also over a plain road, with cars passing: said once, as they sharpen nothing."""
    shown = list(islice(planes(data_dir / "vision" / clip, size), 360))[::2]
    noise = np.random.default_rng(0).normal(0, 1.0, (size[1], size[0]))
    blurred = [np.clip(cv2.GaussianBlur(plane, (0, 0), 5) + noise, 0, 255).astype(np.uint8) for plane in shown]
    seat = _conditions(model, [*shown, *blurred], size, fps / 2)
    assert seat.kinds() == ["starting", "ok", "blurred"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("clip", "size", "fps"),
    [
        ("motion/highway.crf10.mp4", (160, 120), 25),
        ("motion/traffic.mjpeg.avi", (160, 120), 30),
        ("motion/WavingTrees.crf18.mp4", (160, 120), 15),
        ("clips/one-by-one-person-detection.mp4", (160, 90), 10),
        ("clips/car-detection.mp4", (160, 90), 12.5),
    ],
)
def test_nothing_is_wrong_with_a_camera_that_was_recorded(
    model: Model, data_dir: Path, clip: str, size: tuple[int, int], fps: float
) -> None:
    """Cars that fill a third of the picture, people close by, swaying trees, a camera that shakes."""
    seat = _conditions(model, islice(planes(data_dir / "vision" / clip, size), 500), size, fps)
    assert seat.kinds() == ["starting", "ok"]
    unjudged = sum(not condition.judged for _, condition in seat.told)
    assert unjudged <= 0.05 * len(seat.told)
