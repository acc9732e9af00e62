"""Decodes YOLOX: one row for each cell, with a box, an objectness and a score for each class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.vision.detect.grids import cells, centred
from edge.vision.detect.nms import Candidates, Floats, as_rows, from_centres, in_shares, tidy

HEAD = 5
"""Columns before the classes: x, y, width, height, objectness."""


def decode_yolox(
    output: NDArray[Any], size: tuple[int, int], strides: tuple[int, ...], min_score: float, *, decoded: bool
) -> Candidates:
    """Objects from the output [1, n, 5 + classes]; score is objectness times the best class's.

    `decoded` says that boxes are already in pixels of the input of `size` (width, height), else they are offsets from
    cells. Never raises, whatever the numbers are.
    """
    columns = output.shape[-1] if output.ndim else 0
    if columns <= HEAD:
        return tidy(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), min_score)
    rows = as_rows(output, columns)
    boxes = _in_pixels(rows, size) if decoded else _from_cells(rows, size, strides)
    named = rows[: len(boxes), HEAD:]
    classes = np.nan_to_num(named, nan=-1.0).argmax(axis=1) if named.size else np.zeros(len(named), np.int64)
    best = named[np.arange(len(named)), classes]
    with np.errstate(all="ignore"):
        scores = rows[: len(boxes), HEAD - 1] * best
    return tidy(boxes, scores, classes, min_score)


def looks_decoded(output: NDArray[Any], size: tuple[int, int]) -> bool:
    """Whether the boxes of an output are in pixels: then their centres lie all over the picture, as the cells do."""
    rows = as_rows(output, output.shape[-1])[:, :2]
    fine = rows[np.isfinite(rows).all(axis=1)]
    return len(fine) > 0 and bool((np.ptp(fine, axis=0) > np.array(size) / 2).all())


def _in_pixels(rows: Floats, size: tuple[int, int]) -> Floats:
    return from_centres(in_shares(rows[:, :4], size))


def _from_cells(rows: Floats, size: tuple[int, int], strides: tuple[int, ...]) -> Floats:
    grid = cells(size, strides)
    count = min(len(grid), len(rows))
    return centred(rows[:count, :4], grid[:count], size)
