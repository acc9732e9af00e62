"""Decodes YuNet: three strides, each with a class score, an objectness, a box and five points of a face."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.vision.detect.grids import cells, centred
from edge.vision.detect.nms import Candidates, as_rows, tidy


def output_names(strides: Sequence[int]) -> list[str]:
    """The outputs that a YuNet graph has for its boxes."""
    return [f"{part}_{stride}" for part in ("cls", "obj", "bbox") for stride in strides]


def decode_yunet(
    outputs: Mapping[str, NDArray[Any]], size: tuple[int, int], strides: tuple[int, ...], min_score: float
) -> Candidates:
    """Faces from the outputs `cls_S`, `obj_S` [1, n, 1] and `bbox_S` [1, n, 4] of each stride S.

    The score is the geometric mean of class score and objectness. Never raises, whatever the numbers are.
    """
    found = [_of_stride(outputs, size, stride) for stride in strides]
    boxes = np.concatenate([boxes for boxes, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    return tidy(boxes, scores, np.zeros(len(scores), np.int64), min_score)


def _of_stride(outputs: Mapping[str, NDArray[Any]], size: tuple[int, int], stride: int) -> Any:
    grid = cells(size, (stride,))
    named, sure, offsets = (
        as_rows(outputs[f"{part}_{stride}"], columns) for part, columns in (("cls", 1), ("obj", 1), ("bbox", 4))
    )
    count = min(len(grid), len(named), len(sure), len(offsets))
    scores = np.sqrt(np.clip(named[:count, 0], 0, 1) * np.clip(sure[:count, 0], 0, 1))
    return centred(offsets[:count], grid[:count], size), scores
