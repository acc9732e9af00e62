"""What decoders make of numbers: the right boxes of the right ones, and of any others neither error nor wild box."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from edge.vision.detect.classifier import distribution
from edge.vision.detect.grids import cells
from edge.vision.detect.nms import MOST, Candidates, overlap, suppress, tidy
from edge.vision.detect.rtdetr import decode_logits, decode_scores
from edge.vision.detect.yolox import decode_yolox, looks_decoded
from edge.vision.detect.yunet import decode_yunet

_SIZE = 64, 32
_STRIDES = 8, 16, 32
_CELLS = 32 + 8 + 2
_numbers = st.floats(width=32) | st.sampled_from([0.0, 1.0, -1.0, 3e38, -3e38, float("inf"), float("nan")])
_any = st.sampled_from([np.float32, np.int64]).flatmap(
    lambda kind: arrays(kind, array_shapes(min_dims=0, max_dims=4, max_side=7))
)


def _rows(count: int, columns: int) -> st.SearchStrategy[NDArray[np.float32]]:
    return arrays(np.float32, (1, count, columns), elements=_numbers, fill=st.nothing())


def _sound(found: Candidates) -> None:
    """Finite, inside 0..1, with an area, as many of each, the best first."""
    assert found.boxes.shape == (len(found.scores), 4) and found.classes.shape == found.scores.shape
    assert np.isfinite(found.boxes).all() and (found.boxes >= 0).all() and (found.boxes <= 1).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert np.isfinite(found.scores).all() and (found.scores >= 0).all() and (found.scores <= 1).all()
    assert (np.diff(found.scores) <= 0).all() and (found.classes >= 0).all()
    assert len(found.scores) <= MOST


@given(st.data())
def test_yunet_never_raises_and_stays_in_the_picture(data: st.DataObject) -> None:
    outputs = {}
    for stride, count in zip(_STRIDES, (32, 8, 2), strict=True):
        for part, columns in (("cls", 1), ("obj", 1), ("bbox", 4)):
            outputs[f"{part}_{stride}"] = data.draw(_rows(count, columns) | _any)
    _sound(suppress(decode_yunet(outputs, _SIZE, _STRIDES, 0.3), 0.3))


@given(_rows(_CELLS, 7) | _any, st.booleans())
def test_yolox_never_raises_and_stays_in_the_picture(output: NDArray[Any], decoded: bool) -> None:
    _sound(suppress(decode_yolox(output, _SIZE, _STRIDES, 0.3, decoded=decoded), 0.45))


@given(_rows(5, 3) | _any, _rows(5, 4) | _any, st.sampled_from(["sigmoid", "softmax"]))
def test_detr_never_raises_and_stays_in_the_picture(logits: Any, boxes: Any, activation: Any) -> None:
    _sound(suppress(decode_logits(logits, boxes, activation, 0.3), 0.8))


@given(_rows(5, 1) | _any, _rows(5, 1) | _any, _rows(5, 4) | _any)
def test_rtdetr_never_raises_and_stays_in_the_picture(scores: Any, labels: Any, boxes: Any) -> None:
    _sound(suppress(decode_scores(scores, labels, boxes, _SIZE, 0.3), 0.8))


@given(_rows(3, 1) | _any, st.integers(1, 6), st.booleans())
def test_a_classifier_always_gives_a_distribution(answer: Any, count: int, plain: bool) -> None:
    shares = distribution(answer, count, plain=plain)
    assert shares.shape == (count,) and (shares >= 0).all() and float(shares.sum()) == pytest.approx(1, abs=1e-5)


def _one_cell(set_cell: Callable[[dict[str, NDArray[np.float32]], int], None]) -> Candidates:
    outputs = {
        f"{part}_{stride}": np.zeros((1, count, columns), np.float32)
        for stride, count in zip(_STRIDES, (32, 8, 2), strict=True)
        for part, columns in (("cls", 1), ("obj", 1), ("bbox", 4))
    }
    set_cell(outputs, 8)
    return decode_yunet(outputs, _SIZE, _STRIDES, 0.5)


def test_yunet_by_hand() -> None:
    """Column 3, row 1 of stride 8: centre (3.5, 1.25) * 8, sides exp(ln 2) * 8 and exp(0) * 8; score sqrt(.81 * 1)."""

    def one(outputs: dict[str, NDArray[np.float32]], stride: int) -> None:
        cell = 1 * 8 + 3
        outputs[f"cls_{stride}"][0, cell], outputs[f"obj_{stride}"][0, cell] = 0.81, 1.0
        outputs[f"bbox_{stride}"][0, cell] = 0.5, 0.25, np.log(2), 0.0

    found = _one_cell(one)
    assert found.scores.tolist() == pytest.approx([0.9])
    assert (found.boxes[0] * [64, 32, 64, 32]).tolist() == pytest.approx([20, 6, 36, 14])


@pytest.mark.parametrize("decoded", [False, True])
def test_yolox_by_hand(decoded: bool) -> None:
    """The second cell of stride 16 (row 40 - 8 + 1 of all), class 1 of two."""
    output = np.zeros((1, _CELLS, 7), np.float32)
    box = (20.0, 8.0, 16.0, 8.0) if decoded else (0.25, 0.5, 0.0, np.log(0.5))
    output[0, 33] = (*box, 0.9, 0.1, 0.8)
    found = decode_yolox(output, _SIZE, _STRIDES, 0.5, decoded=decoded)
    assert found.classes.tolist() == [1]
    assert found.scores.tolist() == pytest.approx([0.72])
    assert (found.boxes[0] * [64, 32, 64, 32]).tolist() == pytest.approx([12, 4, 28, 12])


def test_detr_knows_nothing_as_a_class() -> None:
    logits = np.array([[[0.0, 3.0, 0.0], [0.0, 0.0, 5.0]]], np.float32)
    boxes = np.array([[[0.5, 0.5, 0.2, 0.4], [0.5, 0.5, 1.0, 1.0]]], np.float32)
    found = decode_logits(logits, boxes, "softmax", 0.3)
    assert found.classes.tolist() == [1]
    assert found.boxes[0].tolist() == pytest.approx([0.4, 0.3, 0.6, 0.7])
    assert decode_logits(logits, boxes, "sigmoid", 0.9).classes.tolist() == [2, 1]


def test_rtdetr_by_hand() -> None:
    found = decode_scores(
        np.array([[0.2, 0.9]]), np.array([[0, 3]]), np.array([[[0, 0, 9, 9], [16, 8, 32, 16]]]), _SIZE, 0.5
    )
    assert (found.classes.tolist(), found.boxes.tolist()) == ([3], [[0.25, 0.25, 0.5, 0.5]])


def test_of_two_that_overlap_the_better_stays_unless_they_are_of_two_classes() -> None:
    boxes = np.array([[0, 0, 0.5, 0.5], [0.02, 0, 0.52, 0.5], [0.6, 0.6, 0.9, 0.9]], np.float32)
    scores = np.array([0.6, 0.9, 0.7], np.float32)
    one = suppress(tidy(boxes, scores, np.zeros(3, np.int64), 0.5), 0.5)
    assert one.scores.tolist() == pytest.approx([0.9, 0.7])
    two = suppress(tidy(boxes, scores, np.array([0, 1, 0]), 0.5), 0.5)
    assert len(two.scores) == 3
    assert overlap(boxes[:1], boxes[1:2])[0, 0] == pytest.approx(0.48 / 0.52)


def test_cells_go_row_by_row_and_stride_by_stride() -> None:
    grid = cells(_SIZE, _STRIDES)
    assert grid.shape == (_CELLS, 3)
    assert grid[[0, 1, 8, 32, 40, 41]].tolist() == [[0, 0, 8], [1, 0, 8], [0, 1, 8], [0, 0, 16], [0, 0, 32], [1, 0, 32]]


def test_boxes_in_pixels_are_told_from_offsets() -> None:
    grid = cells((416, 416), _STRIDES)
    offsets = np.full((1, len(grid), 7), 0.5, np.float32)
    assert not looks_decoded(offsets, (416, 416))
    offsets[0, :, :2] = (grid[:, :2] + 0.5) * grid[:, 2:]
    assert looks_decoded(offsets, (416, 416))
