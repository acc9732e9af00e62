"""What happens to the light, the air, the lens and the stand of a camera, drawn into its pictures at known times.

Each is applied at one of four moments of a picture's making: on the place (`Scenery`), as a shift of the view
(`Stand`), on the picture as the light falls (`Optics`), or on what comes out of the camera (`Output`).
"""

import math
from dataclasses import dataclass, field
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.support.rendered_place import MARGIN, Pixels

Floats = NDArray[np.float32]
_GUST_S: Final = 9.0


class Scenery(Protocol):
    """Changes the place before it is seen."""

    def paint(self, canvas: Pixels, size: tuple[int, int], at_s: float) -> None:
        """Draw on the whole place."""
        ...


class Stand(Protocol):
    """Moves the camera."""

    def shift(self, at_s: float, rng: np.random.Generator) -> tuple[float, float]:
        """Pixels right and down by which the view is off."""
        ...


class Optics(Protocol):
    """Changes the light that falls on the sensor."""

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """The picture, changed; before the sensor's noise."""
        ...


class Output(Protocol):
    """Changes what the camera gives out."""

    def give(self, picture: Pixels, at_s: float) -> Pixels:
        """The picture, changed; after noise."""
        ...


@dataclass
class Tree:
    """A tree that sways; `place` is the left, upper, right and lower share of the picture. Gusts make it sway more."""

    place: tuple[float, float, float, float] = (0.02, 0.02, 0.34, 0.62)
    sway_px: float = 3.0
    gust_px: float = 4.0
    since_s: float = 0.0
    seed: int = 5
    _leaves: Pixels | None = field(default=None, init=False, repr=False)
    _cover: Floats | None = field(default=None, init=False, repr=False)

    def paint(self, canvas: Pixels, size: tuple[int, int], at_s: float) -> None:
        """See `Scenery`."""
        left, top, right, bottom = (MARGIN + round(share * size[axis % 2]) for axis, share in enumerate(self.place))
        part = canvas[top:bottom, left:right]
        if self._leaves is None or self._cover is None:
            self._leaves, self._cover = _foliage(part.shape, np.random.default_rng(self.seed))
        across, down = self._bend(part.shape, max(at_s - self.since_s, 0.0))
        leaves = cv2.remap(self._leaves, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        cover = cv2.remap(self._cover, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        part[:] = (part * (1 - cover) + leaves * cover).astype(np.uint8)

    def _bend(self, shape: tuple[int, ...], at_s: float) -> tuple[Floats, Floats]:
        """Where each pixel comes from: the top bends most, each bough in its own time."""
        height, width = shape
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        gust = max(0.0, math.sin(2 * math.pi * at_s / _GUST_S)) ** 2
        reach = (self.sway_px + self.gust_px * gust) * min(at_s, 1.0)
        bough = np.sin(2 * np.pi * 0.7 * at_s + x / 11 + y / 17) + 0.5 * np.sin(2 * np.pi * 1.9 * at_s + x / 5 - y / 7)
        across = x + reach * (1 - y / height) * (0.6 * math.sin(2 * math.pi * 0.45 * at_s) + 0.55 * bough)
        return across.astype(np.float32), (y + 0.35 * reach * bough).astype(np.float32)


@dataclass(frozen=True)
class Shake:
    """The mast trembles by about so many pixels, from a time to a time."""

    px: float = 2.5
    from_s: float = 0.0
    to_s: float = math.inf

    def shift(self, at_s: float, rng: np.random.Generator) -> tuple[float, float]:
        """See `Stand`."""
        if not self.from_s <= at_s < self.to_s:
            return 0.0, 0.0
        across = self.px * math.sin(2 * math.pi * 2.3 * at_s) + rng.normal(0, self.px / 3)
        return across, self.px * 0.7 * math.sin(2 * math.pi * 3.1 * at_s + 1) + rng.normal(0, self.px / 4)


@dataclass(frozen=True)
class Turned:
    """Somebody turns the camera away within half a second, and it stays so."""

    at_s: float
    right_px: float = 78.0
    down_px: float = 34.0
    takes_s: float = 0.5

    def shift(self, at_s: float, rng: np.random.Generator) -> tuple[float, float]:
        """See `Stand`."""
        del rng
        share = min(max((at_s - self.at_s) / self.takes_s, 0.0), 1.0)
        return self.right_px * share, self.down_px * share


@dataclass(frozen=True)
class Light:
    """Gain of the light over time, straight between (seconds, gain); two points at one time are a switch."""

    points: tuple[tuple[float, float], ...]
    shaded: float = 0.0
    """How much more the right side follows than the left, as a lamp in one corner does: -1 to 1."""

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `Optics`."""
        del rng
        times, gains = ([point[axis] for point in self.points] for axis in (0, 1))
        gain = float(np.interp(at_s, times, gains))
        if gain == 1.0:
            return picture
        tilt = np.linspace(-self.shaded, self.shaded, picture.shape[1], dtype=np.float32)
        return picture * (1 + (gain - 1) * (1 + tilt))


@dataclass(frozen=True)
class Rain:
    """Streaks that are elsewhere in each picture, so many at once."""

    drops: int = 110
    from_s: float = 0.0
    to_s: float = math.inf

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `Optics`."""
        if not self.from_s <= at_s < self.to_s:
            return picture
        height, width = picture.shape
        streaks = np.zeros(picture.shape, np.uint8)
        for x, y, length in rng.uniform((0, -20, 8), (width, height, 26), (self.drops, 3)):
            cv2.line(streaks, (int(x), int(y)), (int(x + length * 0.15), int(y + length)), int(rng.integers(60, 170)))
        return picture + cv2.GaussianBlur(streaks, (3, 3), 0).astype(np.float32) * 0.55


@dataclass(frozen=True)
class Defocused:
    """The lens is turned out of focus."""

    at_s: float
    sigma: float = 7.0

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `Optics`."""
        del rng
        sigma = self.sigma * min((at_s - self.at_s) / 0.4, 1.0)
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32) if sigma > 0 else picture


@dataclass(frozen=True)
class Covered:
    """A cloth is drawn over the lens from the left: dark, without sharp detail; taken away at `to_s`."""

    at_s: float
    to_s: float = math.inf
    luma: float = 34.0
    takes_s: float = 0.6

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `Optics`."""
        del rng
        if not self.at_s <= at_s < self.to_s:
            return picture
        height, width = picture.shape
        reach = width * min((at_s - self.at_s) / self.takes_s, 1.0) * 1.15
        x = np.arange(width, dtype=np.float32)[None, :]
        cover = np.clip((reach - x) / (width * 0.1), 0, 1)
        folds = 5 * np.sin(x / 41) + 4 * np.sin(np.arange(height, dtype=np.float32)[:, None] / 53)
        return np.asarray(picture * (1 - cover) + (self.luma + folds) * cover, np.float32)


@dataclass(frozen=True)
class Night:
    """The camera switches to infrared at `at_s` and back at `to_s`: the filter clicks, half a second is lost."""

    at_s: float
    to_s: float = math.inf
    clicks_s: float = 0.5

    def is_on(self, at_s: float) -> bool:
        """Whether the place is seen by infrared light."""
        return self.at_s <= at_s < self.to_s

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `Optics`: dark while the filter moves, noisier by night."""
        for click in (self.at_s, self.to_s):
            if click <= at_s < click + self.clicks_s:
                return np.full_like(picture, 20.0)
        if not self.is_on(at_s):
            return picture
        return picture + rng.normal(0, 3.0, picture.shape).astype(np.float32)


@dataclass(frozen=True)
class Black:
    """The camera gives black pictures with a little noise."""

    at_s: float
    to_s: float = math.inf

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `Optics`."""
        del rng
        return np.full_like(picture, 6.0) if self.at_s <= at_s < self.to_s else picture


@dataclass
class Frozen:
    """The camera goes on giving the very same picture."""

    at_s: float
    to_s: float = math.inf
    _last: Pixels | None = field(default=None, init=False, repr=False)

    def give(self, picture: Pixels, at_s: float) -> Pixels:
        """See `Output`."""
        if self._last is None or not self.at_s <= at_s < self.to_s:
            self._last = picture
        return self._last


def _foliage(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Pixels, Floats]:
    """Leaves in light and shade, and how much of what is behind them they cover."""
    height, width = shape
    leaves = np.full((height, width), 60, np.uint8)
    cover = np.zeros((height, width), np.uint8)
    for _ in range(height * width // 55):
        x, y = rng.normal(0.5, 0.2) * width, rng.normal(0.38, 0.18) * height
        axes = int(rng.integers(2, 6)), int(rng.integers(2, 5))
        middle, turn = (int(x), int(y)), int(rng.integers(0, 180))
        cv2.ellipse(leaves, middle, axes, turn, 0, 360, int(rng.integers(28, 130)), -1)
        cv2.ellipse(cover, middle, axes, turn, 0, 360, 255, -1)
    cv2.line(leaves, (width // 2, height // 2), (width // 2, height), 45, 5)
    cv2.line(cover, (width // 2, height // 2), (width // 2, height), 255, 5)
    return leaves, np.asarray(cover / 255, np.float32)
