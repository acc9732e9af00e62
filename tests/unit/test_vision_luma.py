"""Reduced luma: the right size for each shape of picture, from any JPEG, and a clear error from anything else."""

import contextlib
import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.frame import Frame
from edge.vision.pixels.luma import CELL, FrameUndecodableError, analysis_size, read_luma
from tests.support.moving_scene import MovingScene


@pytest.mark.parametrize(
    ("frame", "analysed"),
    [
        ((640, 480), (160, 120)),
        ((320, 240), (160, 120)),
        ((1280, 720), (160, 90)),
        ((1920, 1080), (160, 90)),
        ((360, 240), (180, 120)),
        ((720, 1280), (90, 160)),
        ((1000, 1000), (140, 140)),
    ],
)
def test_the_usual_shapes(frame: tuple[int, int], analysed: tuple[int, int]) -> None:
    assert analysis_size(*frame) == analysed


@given(width=st.integers(64, 4096), height=st.integers(64, 4096))
def test_any_frame_is_fitted_to_whole_cells(width: int, height: int) -> None:
    across, down = analysis_size(width, height)
    assert across % CELL == down % CELL == 0
    assert 60 <= min(across, down) <= max(across, down) <= 300
    if 1 / 3 <= width / height <= 3:
        assert abs(math.log(across / down / (width / height))) < 0.02


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (200, 150), (100, 80)])
def test_reduced_decoding_is_the_small_picture(size: tuple[int, int]) -> None:
    scene = MovingScene(size, noise=0.0)
    small = analysis_size(*size)
    decoded, resized = (read_luma(scene.frame(luma=luma), small) for luma in (False, True))
    assert decoded.shape == resized.shape == (small[1], small[0])
    assert np.abs(decoded.astype(int) - resized).mean() < 2.0


def test_a_frame_with_luma_is_not_decoded() -> None:
    plane = np.full((240, 320), 77, np.uint8)
    assert (read_luma(Frame("front", 1, b"never looked at", 320, 240, 0, plane), (160, 120)) == 77).all()


@given(junk=st.binary(max_size=300))
def test_what_is_no_jpeg_is_said_to_be_none(junk: bytes) -> None:
    with pytest.raises(FrameUndecodableError, match=r"frame 7 of front"):
        read_luma(Frame("front", 7, junk, 640, 480, 0), (160, 120))


@given(cut=st.integers(0, 5000), junk=st.binary(max_size=40))
def test_a_damaged_jpeg_gives_a_plane_or_an_error(cut: int, junk: bytes) -> None:
    jpeg = cv2.imencode(".jpg", np.tile(np.arange(160, dtype=np.uint8), (120, 1)))[1].tobytes()
    damaged = jpeg[:cut] + junk + jpeg[cut + len(junk) :]
    with contextlib.suppress(FrameUndecodableError):
        assert read_luma(Frame("front", 1, damaged, 160, 120, 0), (160, 120)).shape == (120, 160)
