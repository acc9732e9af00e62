"""The learned view: what was sharp by accident while it was learned does not make the picture look blurred."""

import cv2
import numpy as np
import pytest

from edge.vision.pixels.lasting import LOOKS, Lasting
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.view import View


def _road(rng: np.random.Generator) -> Plane:
    """A plain road with a few marks, and a sensor's noise."""
    road = np.full((120, 160), 110.0)
    for left in range(6, 150, 24):
        cv2.rectangle(road, (left, 12), (left + 9, 17), 190.0, -1)
        cv2.rectangle(road, (left + 4, 104), (left + 16, 108), 70.0, -1)
    return np.asarray(np.clip(road + rng.normal(0, 1.0, road.shape), 0, 255), np.uint8)


def _grained(road: Plane, rng: np.random.Generator) -> Plane:
    """The background where something white drove while it was learned."""
    grains = road.copy()
    lane = grains[25:100, 30:130]
    lane[rng.random(lane.shape) < 0.3] = 235
    return grains


def test_grains_in_the_background_do_not_make_a_sharp_picture_look_blurred() -> None:
    view, rng = View(), np.random.default_rng(3)
    for _ in range(LOOKS):
        road = _road(rng)
        view.learn(road, _grained(road, rng))
    sharp = view.compare(_road(rng))
    blurred = view.compare(np.asarray(cv2.GaussianBlur(_road(rng), (0, 0), 4), np.uint8))
    assert sharp is not None
    assert blurred is not None
    assert sharp.kept > 0.9
    assert sharp.faded == 0, "cells whose edges were grains do not count"
    assert sharp.sharpness > 0.8
    assert blurred.sharpness < 0.4


def test_a_place_without_detail_is_never_blurred_however_bright_it_becomes() -> None:
    waves = 70 - 50 * np.cos(np.arange(160) / 159 * 4 * np.pi)[None, :] + np.zeros((120, 1))
    view = View()
    for _ in range(LOOKS):
        view.learn(np.asarray(waves, np.uint8))
    like = view.compare(np.asarray(waves * 2, np.uint8))
    assert like is not None
    assert like.sharpness == 1.0
    assert like.layout > 0.99


def test_what_passed_while_a_place_was_learned_is_forgotten() -> None:
    lasting, calm, passing = Lasting(), np.ones((2, 3), np.float32), np.full((2, 3), 50, np.float32)
    for _ in range(LOOKS):
        lasting.see(passing, passing)
    assert lasting.full
    assert lasting.usual()[0].min() == 50
    for _ in range(LOOKS // 4):
        lasting.see(calm, calm)
    energy, detail = lasting.usual()
    assert energy.max() == detail.max() == 1


def test_before_the_first_picture_nothing_is_usual() -> None:
    with pytest.raises(IndexError):
        Lasting().usual()
