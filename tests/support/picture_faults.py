"""What happens before a camera or in it that is no weather: a bus that fills the picture, glare, a sensor without
noise. Each changes the pictures of a `RenderedCamera` at known times."""

from dataclasses import dataclass

import cv2
import numpy as np

from tests.support.rendered_place import Pixels
from tests.support.rendered_weather import Floats


@dataclass(frozen=True)
class Bus:
    """A bus with windows drives close by from left to right; at its place it hides `share` of the picture's height."""

    at_s: float
    takes_s: float = 2.0
    length: float = 1.6
    """Picture widths."""
    share: float = 0.85

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `tests.support.rendered_weather.Optics`."""
        del rng
        height, width = picture.shape
        gone = (at_s - self.at_s) / self.takes_s
        if not 0 <= gone <= 1:
            return picture
        front = round((1 + self.length) * width * gone)
        top, bottom = round(height * (1 - self.share)), height - 2
        bus = picture.copy()
        cv2.rectangle(bus, (front - round(self.length * width), top), (front, bottom), 175.0, -1)
        for pane in range(7):
            left = front - round((0.2 + pane * 0.22) * width)
            box = (left, top + round(0.12 * height)), (left + round(0.16 * width), top + round(0.4 * height))
            cv2.rectangle(bus, *box, 60.0, -1)
        return bus


@dataclass(frozen=True)
class Glare:
    """The sun, or a torch, shines into the lens."""

    at_s: float
    to_s: float

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `tests.support.rendered_weather.Optics`."""
        del rng
        return picture * 0.05 + 245 if self.at_s <= at_s < self.to_s else picture


@dataclass(frozen=True)
class Nudged:
    """Somebody knocks against the camera: from then on it looks a little aside."""

    at_s: float
    right_px: float
    down_px: float

    def shift(self, at_s: float, rng: np.random.Generator) -> tuple[float, float]:
        """See `tests.support.rendered_weather.Stand`."""
        del rng
        return (self.right_px, self.down_px) if at_s >= self.at_s else (0.0, 0.0)


@dataclass(frozen=True)
class Lamp:
    """A lamp in a part of the picture (left, upper, right and lower share) that is switched on and off."""

    on_s: float
    off_s: float
    place: tuple[float, float, float, float] = (0.45, 0.0, 1.0, 0.6)
    gain: float = 1.8

    def expose(self, picture: Floats, at_s: float, rng: np.random.Generator) -> Floats:
        """See `tests.support.rendered_weather.Optics`."""
        del rng
        if not self.on_s <= at_s < self.off_s:
            return picture
        height, width = picture.shape
        left, top, right, bottom = (round(share * (width, height)[at % 2]) for at, share in enumerate(self.place))
        light = picture.copy()
        light[top:bottom, left:right] *= self.gain
        return light


def still(picture: Pixels, count: int) -> list[Pixels]:
    """The same picture again and again, as a source without noise gives it."""
    return [picture.copy() for _ in range(count)]
