"""Decodes DETR and RT-DETR: a fixed number of queries, each with scores for classes and a box; nothing to suppress."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge.vision.detect.nms import Candidates, Floats, as_rows, from_centres, in_shares, tidy

Activation = Literal["sigmoid", "softmax"]


def decode_logits(logits: NDArray[Any], boxes: NDArray[Any], activation: Activation, min_score: float) -> Candidates:
    """Objects from logits [1, n, classes] and boxes [1, n, 4] of centre and size in shares of the input.

    `sigmoid` takes each class for itself (RT-DETR); `softmax` has one more, "nothing", at the end (DETR). Never raises,
    whatever the numbers are.
    """
    columns = max(logits.shape[-1] if logits.ndim else 1, 1)
    rows, places = as_rows(logits, columns), as_rows(boxes, 4)
    count = min(len(rows), len(places))
    shares = _softmax(rows[:count])[:, :-1] if activation == "softmax" else _sigmoid(rows[:count])
    if not shares.size:
        count, shares = 0, np.zeros((0, 1), np.float32)
    classes = shares.argmax(axis=1)
    return tidy(from_centres(places[:count]), shares[np.arange(count), classes], classes, min_score)


def decode_scores(
    scores: NDArray[Any], labels: NDArray[Any], boxes: NDArray[Any], size: tuple[float, float], min_score: float
) -> Candidates:
    """Objects from scores [1, n], labels [1, n] and boxes [1, n, 4] of left, top, right, bottom in units of which the
    input has `size`. Never raises, whatever the numbers are."""
    sure, places = as_rows(scores, 1)[:, 0], as_rows(boxes, 4)
    named = np.nan_to_num(as_rows(labels, 1)[:, 0], nan=-1.0, posinf=-1.0, neginf=-1.0)
    count = min(len(sure), len(named), len(places))
    classes = np.clip(named[:count], -1, 1e6).astype(np.int64)
    found = np.where(classes >= 0, sure[:count], np.float32(-1.0))
    return tidy(in_shares(places[:count], size), found, classes, min_score)


def _sigmoid(rows: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(np.nan_to_num(rows, nan=-60.0), -60, 60))), np.float32)


def _softmax(rows: Floats) -> Floats:
    bounded = np.clip(np.nan_to_num(rows, nan=-1e4), -1e4, 1e4)
    powers = np.exp(bounded - bounded.max(axis=1, keepdims=True)) if bounded.size else bounded
    return np.asarray(powers / np.maximum(powers.sum(axis=1, keepdims=True), 1e-12), np.float32)
