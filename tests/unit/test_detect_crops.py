"""Which parts of a picture are looked at: few, with everything in them that moves, and back to the whole picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Box
from edge.vision.detect.crops import WHOLE, Window, cut, windows_of

_PICTURE, _INPUT = (1280, 720), (416, 416)
_share = st.floats(0, 1)
_boxes = st.lists(
    st.builds(
        lambda x, y, w, h: Box(x=x * (1 - w), y=y * (1 - h), w=w, h=h),
        _share,
        _share,
        st.floats(0.001, 1),
        st.floats(0.001, 1),
    ),
    min_size=1,
    max_size=60,
)


@given(_boxes, st.integers(1, 8))
def test_few_windows_hold_everything_and_lie_in_the_picture(boxes: list[Box], limit: int) -> None:
    windows = windows_of(boxes, _PICTURE, _INPUT, limit)
    assert 1 <= len(windows) <= limit
    for window in windows:
        assert 0 <= window.left < window.right <= 1 + 1e-9
        assert 0 <= window.top < window.bottom <= 1 + 1e-9
    for box in boxes:
        assert any(_holds(window, box) for window in windows), (box, windows)


def _holds(window: Window, box: Box) -> bool:
    e = 1e-9
    across = window.left - e <= box.x and box.x + box.w <= window.right + e
    return across and window.top - e <= box.y and box.y + box.h <= window.bottom + e


def test_a_small_thing_is_looked_at_in_the_shape_of_the_input_and_not_enlarged() -> None:
    (window,) = windows_of([Box(x=0.5, y=0.5, w=0.01, h=0.02)], _PICTURE, _INPUT, 2)
    assert (window.right - window.left) * 1280 == pytest.approx(416)
    assert (window.bottom - window.top) * 720 == pytest.approx(416)


def test_near_things_share_a_window_and_far_ones_do_not() -> None:
    near = [Box(x=0.1, y=0.4, w=0.05, h=0.1), Box(x=0.16, y=0.42, w=0.05, h=0.1)]
    far = [near[0], Box(x=0.85, y=0.4, w=0.05, h=0.1)]
    assert len(windows_of(near, _PICTURE, _INPUT, 4)) == 1
    assert len(windows_of(far, _PICTURE, _INPUT, 4)) == 2
    assert len(windows_of(far, _PICTURE, _INPUT, 1)) == 1


def test_hundreds_of_things_do_not_explode() -> None:
    rng = np.random.default_rng(1)
    boxes = [Box(x=x, y=y, w=0.01, h=0.02) for x, y in rng.random((600, 2)) * 0.97]
    assert len(windows_of(boxes, _PICTURE, _INPUT, 2)) <= 2


@given(_share, _share, st.floats(0.05, 1), st.floats(0.05, 1), st.booleans())
def test_what_lies_in_a_cut_is_found_again_in_the_picture(x: float, y: float, w: float, h: float, box: bool) -> None:
    """To within a pixel of the picture."""
    window = Window(x * (1 - w), y * (1 - h), x * (1 - w) + w, y * (1 - h) + h)
    part = cut(np.zeros((72, 128, 3), np.uint8), window, (64, 64), letterbox=box, pad=114)
    assert part.image.shape == (64, 64, 3)
    whole = part.place((0.0, 0.0, *part.used), "all")
    assert whole.x == pytest.approx(window.left, abs=1 / 128)
    assert whole.y + whole.h == pytest.approx(window.bottom, abs=1 / 72)
    beyond = part.place((0.0, 0.0, 1.0, 1.0), "all")
    assert beyond.x + beyond.w <= 1 + 1e-9 and beyond.y + beyond.h <= 1 + 1e-9


def test_a_letterbox_keeps_shapes_and_pads_below() -> None:
    part = cut(np.full((90, 160, 3), 200, np.uint8), WHOLE, (64, 64), letterbox=True, pad=7)
    assert part.used == (1.0, 36 / 64)
    assert (part.image[:36] == 200).all() and (part.image[36:] == 7).all()
    assert cut(np.full((90, 160, 3), 200, np.uint8), WHOLE, (64, 64), letterbox=False, pad=7).image.min() == 200
