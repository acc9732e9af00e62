"""What must move by how much, in a clear view and in a dull one."""

from pathlib import Path

import numpy as np
import pytest

from contract.plan import Plan, Zone
from edge.core.frame import Frame
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis
from edge.vision.pixels.blobs import find_blobs
from edge.vision.pixels.contrast import FairThreshold
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.motion import MotionDetector
from edge.vision.settings import VisionSettings
from tests.support.moving_scene import FRAME_NS, Mover, MovingScene

SIZE = (160, 120)


NOTHING = np.zeros((SIZE[1], SIZE[0]), np.uint8)


def _view(spread: float) -> Plane:
    """Half of it so much brighter than the middle, half so much darker: that is its standard deviation."""
    plane = np.full((SIZE[1], SIZE[0]), 100 - spread)
    plane[:, : SIZE[0] // 2] = 100 + spread
    return plane.astype(np.uint8)


def _measured(threshold: FairThreshold, view: Plane, frames: int = 8) -> float:
    for _ in range(frames):
        threshold.measure(view, view, NOTHING)
    return threshold.luma


@pytest.mark.parametrize(
    ("asked", "spread", "fair"),
    [(13, 60, 13), (13, 32, 13), (13, 16, 6.5), (13, 4, 5), (13, 0, 5), (30, 16, 15), (4, 16, 4), (4, 60, 4)],
)
def test_a_dull_view_asks_for_less(asked: float, spread: float, fair: float) -> None:
    threshold = FairThreshold(asked)
    assert threshold.luma == asked
    assert _measured(threshold, _view(spread)) == pytest.approx(fair)


def test_it_follows_the_view_and_begins_anew_with_another() -> None:
    threshold = FairThreshold(13)
    assert _measured(threshold, _view(16)) == 6.5
    assert _measured(threshold, _view(40), frames=7) == 6.5
    assert _measured(threshold, _view(40), frames=1) == 13
    assert _measured(threshold, _view(16), frames=16) == 13, "while the light changes little is certain"
    assert _measured(threshold, _view(16), frames=1000) == pytest.approx(6.5, abs=0.1)
    threshold.forget()
    assert threshold.luma == 13


def test_what_is_painted_over_makes_no_dull_view_clear() -> None:
    view, shown = _view(16), np.full((SIZE[1], SIZE[0]), 255, np.uint8)
    view[:30] = shown[:30] = 0
    painted, seen = FairThreshold(13), FairThreshold(13)
    for _ in range(8):
        painted.measure(view, view, NOTHING)
        seen.measure(view, view, NOTHING, shown)
    assert painted.luma == 13
    assert seen.luma == 6.5


def test_a_plain_view_in_which_things_stand_out_is_clear() -> None:
    """After a few seconds of a car on an even road at 13; in fog, where all is faint, nothing like it."""
    for differs, at_most, at_least in ((80, 13, 13), (10, 5.5, 5)):
        threshold, road = FairThreshold(13), _view(8)
        car, mask = road.copy(), NOTHING.copy()
        car[40:80, 40:80] += np.uint8(differs)
        mask[40:80, 40:80] = 255
        for _ in range(48):
            threshold.measure(car, road, mask)
        assert at_least <= threshold.luma <= at_most
        assert _measured(threshold, road, frames=200) == threshold.luma


class _Fog:
    """A scene of which a fifth of the contrast remains."""

    def __init__(self, noise: float) -> None:
        self._scene = MovingScene(SIZE, noise=0.0)
        self._rng, self._noise = np.random.default_rng(3), noise
        self.truth = self._scene.truth

    def plane(self, *movers: Mover) -> Plane:
        faint = 140 + (self._scene.plane(*movers).astype(np.float64) - 140) * 0.2
        return np.clip(faint + self._rng.normal(0, self._noise, faint.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [0.3, 1.0, 2.5])
def test_in_fog_who_walks_is_seen_and_nothing_else(noise: float) -> None:
    """Somebody who is 8 to 18 luma darker than what is behind: less than half of it is at 13."""
    fog = _Fog(noise)
    detector = MotionDetector(ModelStore().load("motion"), SIZE, np.random.default_rng(0), threshold=13, age_limit=900)
    for _ in range(160):
        assert not find_blobs(detector.step(fog.plane()), 0.002)
    walker = Mover(x=0, y=40, w=16, h=36, vx=1.5, luma=40)
    hits = false = missed = 0
    for _ in range(60):
        truth = fog.truth(walker)
        mask = detector.step(fog.plane(walker)) > 0
        hits += int((mask & truth).sum())
        false += int((mask & ~truth).sum())
        missed += int((~mask & truth).sum())
    assert hits / (hits + missed) > 0.8
    assert hits / (hits + false) > 0.9


def test_in_fog_who_walks_is_seen_whole_beside_what_a_plan_paints_over(tmp_path: Path) -> None:
    top = Zone(id="top", kind="privacy", points=((0.0, 0.0), (1.0, 0.0), (1.0, 0.25), (0.0, 0.25)))
    motion, fog = ModelStore().load("motion"), _Fog(1.0)
    analysis = FrameAnalysis(
        motion, None, VisionSettings(), np.random.default_rng(0), tmp_path, plan=Plan(zones=(top,))
    )
    walker, heights = Mover(x=0, y=40, w=16, h=36, vx=1.5, luma=40), []
    for seq in range(220):
        plane = fog.plane(*([walker] if seq >= 160 else []))
        plane[: SIZE[1] // 4] = 0
        seen = analysis.step(Frame("front", seq, b"", *SIZE, 1_000_000_000 + seq * FRAME_NS, plane))
        heights.append(sum(thing.box.h for thing in seen.things))
    assert not any(heights[:160])
    assert seen.motion_threshold.luma < seen.motion_threshold.asked == VisionSettings().motion_threshold
    assert np.median(heights[170:]) == pytest.approx(walker.h / SIZE[1], rel=0.15)
