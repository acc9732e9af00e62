"""How much brighter or darker the whole picture is than the remembered one: a camera's exposure, a lamp, a cloud.

A line is laid through the brightness of cells then and now, each counting the less the worse it fits (iteratively
reweighted least squares, Holland and Welsch 1977), so that what moves before the camera has no say as long as it fills
less than half of the cells. Cells, because their means do not care for a shake or a blur.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.pixels.luma import Floats, Plane

_ROUNDS: Final = 5
_NOISE: Final = 1.0
"""Luma: misfit of a cell below which nothing is told from noise."""
_GAINS: Final = 0.25, 4.0
_ENOUGH: Final = 0.35
"""Cells that are as bright as they were, and together hold this share of all brightness, tell that the light is the
same, whatever goes on in the others. What is dark tells nothing: no light changes it."""
_TRUST: Final = 25.0
"""Luma squared: where cells differ by less than the root of this, the gain is hardly to be told from 1."""
_FITS: Final = 6.0
"""Luma: a cell that is nearer than this to what was expected fits."""
_MAJORITY: Final = 0.5
_BETTER: Final = 0.1
"""The share of cells by which another light must fit better than the light of old."""
_SAME: Final = 2.0
"""Luma: a light that changes cells by less on average is the same."""
_SETTLED: Final = 0.002
UNCHANGED: Final = 1.0, 0.0
"""The gain and offset of the same light."""
_BYTES: Final = np.arange(256, dtype=np.float32)


def fit_light(now: Floats, then: Floats, start: tuple[float, float] = UNCHANGED) -> tuple[float, float]:
    """Gain and offset that make the cells of `then` as bright as those of `now`; 1 and 0 unless others fit clearly
    better. `start` is where they probably are."""
    now, then = now.ravel(), then.ravel()
    if start == UNCHANGED and (then @ (np.abs(now - then) < _NOISE)) > _ENOUGH * np.add.reduce(then):
        return UNCHANGED
    gain, offset = _line(now, then, *start)
    if float(np.add.reduce(np.abs(then * (gain - 1) + offset))) < _SAME * then.size:
        return UNCHANGED
    fits = _fits(now, then, gain, offset)
    if fits < max(_MAJORITY, min(_fits(now, then, *UNCHANGED) + _BETTER, 1.0)):
        return UNCHANGED
    return gain, offset


def relight(plane: Plane, gain: float, offset: float) -> Plane:
    """The plane in another light: v * gain + offset, rounded and held within 0 to 255."""
    return np.asarray(cv2.LUT(plane, np.clip(np.rint(_BYTES * gain + offset), 0, 255).astype(np.uint8)), np.uint8)


def _line(now: Floats, then: Floats, gain: float, offset: float) -> tuple[float, float]:
    moments, misfit = np.empty((5, now.size)), np.empty(now.size)
    ones, x, y, square_of_x, product_of_both = moments
    ones[:], x[:], y[:] = 1, then, now
    np.multiply(x, x, out=square_of_x)
    np.multiply(x, y, out=product_of_both)
    for _ in range(_ROUNDS):
        np.multiply(x, -gain, out=misfit)
        misfit += y
        misfit -= offset
        misfit *= misfit
        misfit *= 1 / max(_NOISE**2, 1.5**2 * _middle(misfit))
        misfit += 1
        total, of_x, of_y, of_square, of_product = (moments @ np.reciprocal(misfit, out=misfit)).tolist()
        middle, level = of_x / total, of_y / total
        steeper = (of_product / total - middle * level + _TRUST) / (of_square / total - middle * middle + _TRUST)
        steeper = min(max(steeper, _GAINS[0]), _GAINS[1])
        settled = abs(steeper - gain) < _SETTLED
        gain, offset = steeper, level - steeper * middle
        if settled:
            break
    return gain, offset


def _fits(now: Floats, then: Floats, gain: float, offset: float) -> float:
    return int(np.count_nonzero(np.abs(now - (then * gain + offset)) < _FITS)) / now.size


def _middle(values: NDArray[np.floating]) -> float:
    """Sorting so few is quicker than to look for one of them."""
    ordered = values.copy()
    ordered.sort()
    return ordered.item(ordered.size // 2)
