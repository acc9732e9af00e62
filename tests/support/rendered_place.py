"""A place drawn by numpy and OpenCV: a wall with windows, a pavement and a road, seen by day and by infrared light.

It is larger than the picture, so that the camera can shake or be turned. Everything is fixed by the seed.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

MARGIN: Final = 96
"""Pixels around the picture that a turned camera still sees."""
PAVEMENT: Final = 0.42
ROAD: Final = 0.68
"""Where pavement and road begin, as shares of the picture's height from above."""
Pixels = NDArray[np.uint8]


class RenderedPlace:
    """The empty place: `day` and `night` are uint8 [height + 2 MARGIN, width + 2 MARGIN]."""

    def __init__(self, size: tuple[int, int], rng: np.random.Generator) -> None:
        """`size` is (width, height) of the picture."""
        self.size = size
        width, height = size[0] + 2 * MARGIN, size[1] + 2 * MARGIN
        ground = _rows(size[1], height)
        surface = np.select([ground < PAVEMENT, ground < ROAD], [118.0, 142.0], 88.0).astype(np.float32)
        picture = surface + _grain(rng, (height, width))
        _windows(picture, ground, rng)
        _slabs(picture, ground)
        _markings(picture, ground)
        self.day: Pixels = np.clip(picture, 8, 247).astype(np.uint8)
        self.night: Pixels = _by_infrared(picture, rng)


def _rows(inner: int, height: int) -> NDArray[np.float32]:
    """The height of each row as a share of the picture's, as a column."""
    return np.asarray((np.arange(height)[:, None] - MARGIN) / inner, np.float32)


def _grain(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Roughness at four scales."""
    total = np.zeros(shape, np.float32)
    for side, strength in ((64, 9.0), (24, 7.0), (8, 6.0), (3, 6.0)):
        coarse = rng.normal(0, strength, (shape[0] // side + 2, shape[1] // side + 2)).astype(np.float32)
        total += cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return total


def _windows(picture: NDArray[np.float32], ground: NDArray[np.float32], rng: np.random.Generator) -> None:
    bottom = int(np.argmax(ground[:, 0] > PAVEMENT))
    for top in range(bottom - 52, -40, -64):
        for left in range(14, picture.shape[1], 58):
            level = float(rng.uniform(35, 80))
            cv2.rectangle(picture, (left, top), (left + 26, top + 36), level, -1)
            cv2.rectangle(picture, (left, top), (left + 26, top + 36), 190.0, 2)
            cv2.line(picture, (left + 13, top), (left + 13, top + 36), 190.0, 1)


def _slabs(picture: NDArray[np.float32], ground: NDArray[np.float32]) -> None:
    top, bottom = (int(np.argmax(ground[:, 0] > level)) for level in (PAVEMENT, ROAD))
    for y in range(top, bottom, 20):
        cv2.line(picture, (0, y), (picture.shape[1], y), 112.0, 1)
    for x in range(0, picture.shape[1], 34):
        cv2.line(picture, (x, top), (x - 12, bottom), 112.0, 1)
    cv2.line(picture, (0, bottom), (picture.shape[1], bottom), 185.0, 3)


def _markings(picture: NDArray[np.float32], ground: NDArray[np.float32]) -> None:
    middle = int(np.argmax(ground[:, 0] > (1 + ROAD) / 2))
    for x in range(0, picture.shape[1], 48):
        cv2.line(picture, (x, middle), (x + 22, middle), 200.0, 3)


def _by_infrared(picture: NDArray[np.float32], rng: np.random.Generator) -> Pixels:
    """Surfaces reflect otherwise, contrast is lower, and a lamp beside the lens lights the middle."""
    height, width = picture.shape
    coarse = rng.normal(0, 14, (height // 48 + 2, width // 48 + 2)).astype(np.float32)
    other = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    lamp = np.exp(-(x * x + y * y) * 1.3)
    return np.asarray(np.clip((picture * 0.55 + 30 + other) * (0.35 + 0.65 * lamp), 4, 250), np.uint8)
