"""The cells that anchor-free detectors predict from: one for each stride of pixels, row by row."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from edge.vision.detect.nms import Floats, in_shares


@lru_cache(maxsize=32)
def cells(size: tuple[int, int], strides: Sequence[int]) -> Floats:
    """Column, row and stride of each cell, [n, 3], for an input of `size` (width, height) and a tuple of strides."""
    found = []
    for stride in strides:
        rows, columns = np.mgrid[0 : size[1] // stride, 0 : size[0] // stride].astype(np.float32)
        found.append(np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, stride, np.float32)], axis=1))
    grid: Floats = np.concatenate(found) if found else np.zeros((0, 3), np.float32)
    grid.setflags(write=False)
    return grid


def centred(rows: Floats, grid: Floats, size: tuple[int, int]) -> Floats:
    """Boxes from offsets: x and y in cells from the cell's corner, width and height as logarithms of strides.

    Both as [n, 4] and [n, 3]; the result is left, top, right, bottom in shares of `size`. (YOLOX, arXiv 2107.08430,
    and YuNet, Machine Intelligence Research 20, 2023, decode alike.)
    """
    stride = grid[:, 2:]
    with np.errstate(all="ignore"):
        centres = (rows[:, :2] + grid[:, :2]) * stride
        halves = np.exp(np.minimum(rows[:, 2:], 20.0)) * stride / 2
        corners = np.concatenate([centres - halves, centres + halves], axis=1)
    return in_shares(corners, size)
