"""Pictures drawn by numpy whose truth is known: a noisy textured background and rectangles that move over it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame

FRAME_NS = 66_666_667
"""15 frames a second."""


@dataclass(frozen=True)
class Mover:
    """A rectangle in pixels with a velocity in pixels a frame; it wraps around the picture."""

    x: float
    y: float
    w: int
    h: int
    vx: float = 0.0
    vy: float = 0.0
    luma: int = 230


class MovingScene:
    """Draws frame after frame. The background is fixed by the seed; each frame has its own noise of `noise` luma."""

    def __init__(self, size: tuple[int, int] = (320, 240), *, noise: float = 2.0, seed: int = 1) -> None:
        self.size = size
        self.light = 0.0
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        coarse = self._rng.uniform(60, 140, (size[1] // 20, size[0] // 20)).astype(np.float32)
        self._background = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
        self._count = 0

    def plane(self, *movers: Mover) -> NDArray[np.uint8]:
        """The next picture as uint8 [height, width]."""
        picture = self._background + self.light
        for mover in movers:
            picture[self.truth(mover)] = mover.luma
        picture += self._rng.normal(0, self._noise, picture.shape)
        self._count += 1
        return np.asarray(np.clip(picture, 0, 255), np.uint8)

    def truth(self, mover: Mover) -> NDArray[np.bool_]:
        """Where `mover` is in the next picture."""
        width, height = self.size
        x = round(mover.x + mover.vx * self._count) % width
        y = round(mover.y + mover.vy * self._count) % height
        there = np.zeros((height, width), bool)
        there[y : y + mover.h, x : x + mover.w] = True
        return there

    def frame(self, *movers: Mover, mono_ns: int | None = None, luma: bool = False) -> Frame:
        """The next picture as a frame, 15 a second or taken at `mono_ns`; with `luma` it has no JPEG."""
        plane = self.plane(*movers)
        jpeg = b"" if luma else cv2.imencode(".jpg", plane, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
        at_ns = 1_000_000_000 + self._count * FRAME_NS if mono_ns is None else mono_ns
        return Frame("front", self._count, jpeg, *self.size, at_ns, plane if luma else None)
