"""People, cars and things that are put down, drawn with shadows on paths of known times and places."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import cv2
import numpy as np

from tests.support.rendered_place import MARGIN, Pixels

Waypoint = tuple[float, float, float]
"""Seconds, and the place as shares of the picture's width and height."""
_FRACTION: Final = 4
_SHADE: Final = 0.62
_STEPS_A_WIDTH: Final = 16.0


class Mover(Protocol):
    """Something that is in the scene for a time."""

    @property
    def path(self) -> tuple[Waypoint, ...]:
        """Where it is when; it is there from the first time to the last."""
        ...

    def draw(self, canvas: Pixels, size: tuple[int, int], at_s: float) -> None:
        """Draw it on the place, whose picture within is `size` wide and high."""
        ...


def place_at(path: tuple[Waypoint, ...], at_s: float) -> tuple[float, float] | None:
    """Where on a path something is, straight between two waypoints; None while it is not there."""
    if not path[0][0] <= at_s <= path[-1][0]:
        return None
    for (before, x, y), (after, u, v) in pairwise(path):
        if before <= at_s <= after:
            share = (at_s - before) / (after - before) if after > before else 1.0
            return x + (u - x) * share, y + (v - y) * share
    return path[0][1], path[0][2]


def is_seen(mover: Mover, at_s: float) -> bool:
    """Whether any of it can be in the picture."""
    place = place_at(mover.path, at_s)
    return place is not None and -0.06 <= place[0] <= 1.06 and -0.05 <= place[1] <= 1.4


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who walks along `path` (the feet) and sways a little when standing. `tall` is a share of the height."""

    path: tuple[Waypoint, ...]
    tall: float = 0.30
    coat: int = 46
    trousers: int = 70
    fidget: float = 0.006
    carries: int | None = None
    """The brightness of a bag in the hand."""
    drops_s: float = math.inf
    """From when the bag is no longer in the hand, or from when it is, if `takes`."""
    takes: bool = False
    shadow: bool = True

    def draw(self, canvas: Pixels, size: tuple[int, int], at_s: float) -> None:
        """See `Mover`."""
        place = place_at(self.path, at_s)
        if place is None:
            return
        tall = self.tall * size[1]
        x, y = MARGIN + place[0] * size[0], MARGIN + place[1] * size[1]
        x += self.fidget * size[0] * math.sin(2.1 * at_s + 7 * self.path[0][0])
        if self.shadow:
            _shadow(canvas, (x + tall * 0.22, y), (tall * 0.34, tall * 0.06))
        swing = tall * 0.16 * math.sin(math.pi * _STEPS_A_WIDTH * place[0] + 0.9 * math.sin(1.3 * at_s))
        for side in (-1, 1):
            _line(canvas, (x, y - tall * 0.48), (x + side * swing, y), self.trousers, tall * 0.085)
            _line(canvas, (x, y - tall * 0.78), (x - side * swing * 0.9, y - tall * 0.46), self.coat - 12, tall * 0.06)
        _ellipse(canvas, (x, y - tall * 0.64), (tall * 0.115, tall * 0.2), self.coat)
        _line(canvas, (x, y - tall * 0.8), (x, y - tall * 0.55), self.coat + 40, tall * 0.03)
        _ellipse(canvas, (x, y - tall * 0.92), (tall * 0.062, tall * 0.075), 176)
        if self.carries is not None and (at_s < self.drops_s) != self.takes:
            _bag(canvas, (x + tall * 0.2, y - tall * 0.18), tall * 0.2, self.carries)


@dataclass(frozen=True, kw_only=True)
class Car:
    """A car that drives along `path` (the middle of its underside). `long` is a share of the picture's width."""

    path: tuple[Waypoint, ...]
    long: float = 0.26
    paint: int = 205

    def draw(self, canvas: Pixels, size: tuple[int, int], at_s: float) -> None:
        """See `Mover`."""
        place = place_at(self.path, at_s)
        if place is None:
            return
        long = self.long * size[0]
        x, y = MARGIN + place[0] * size[0], MARGIN + place[1] * size[1]
        high = long * 0.36
        _shadow(canvas, (x + long * 0.05, y), (long * 0.54, high * 0.16))
        _box(canvas, (x - long / 2, y - high * 0.66), (x + long / 2, y - high * 0.12), self.paint)
        _box(canvas, (x - long * 0.28, y - high), (x + long * 0.24, y - high * 0.62), self.paint - 18)
        _box(canvas, (x - long * 0.25, y - high * 0.94), (x - long * 0.03, y - high * 0.68), 38)
        _box(canvas, (x + long * 0.01, y - high * 0.94), (x + long * 0.21, y - high * 0.68), 38)
        for wheel in (-0.3, 0.3):
            _ellipse(canvas, (x + wheel * long, y - high * 0.12), (long * 0.085, long * 0.085), 24)
            _ellipse(canvas, (x + wheel * long, y - high * 0.12), (long * 0.035, long * 0.035), 150)


@dataclass(frozen=True, kw_only=True)
class Bag:
    """A bag that stands at one place from the first to the last time of its path."""

    path: tuple[Waypoint, ...]
    high: float = 0.085
    luma: int = 30

    def draw(self, canvas: Pixels, size: tuple[int, int], at_s: float) -> None:
        """See `Mover`."""
        place = place_at(self.path, at_s)
        if place is None:
            return
        high = self.high * size[1]
        x, y = MARGIN + place[0] * size[0], MARGIN + place[1] * size[1]
        _shadow(canvas, (x + high * 0.4, y), (high * 0.7, high * 0.16))
        _bag(canvas, (x, y - high / 2), high, self.luma)


def _bag(canvas: Pixels, middle: tuple[float, float], high: float, luma: int) -> None:
    x, y = middle
    _box(canvas, (x - high * 0.6, y - high * 0.4), (x + high * 0.6, y + high * 0.5), luma)
    _line(canvas, (x - high * 0.5, y - high * 0.05), (x + high * 0.5, y - high * 0.05), luma + 60, high * 0.1)
    _line(canvas, (x - high * 0.25, y - high * 0.4), (x + high * 0.25, y - high * 0.55), luma + 20, high * 0.12)


def _shadow(canvas: Pixels, middle: tuple[float, float], axes: tuple[float, float]) -> None:
    """Darken a soft ellipse."""
    reach = int(max(axes) * 1.3) + 3
    left, top = int(middle[0]) - reach, int(middle[1]) - reach
    x0, y0 = max(left, 0), max(top, 0)
    part = canvas[y0 : max(top + 2 * reach, 0), x0 : max(left + 2 * reach, 0)]
    if not part.size:
        return
    mask = np.zeros(part.shape, np.uint8)
    _ellipse(mask, (middle[0] - x0, middle[1] - y0), axes, 255)
    soft = cv2.GaussianBlur(mask, (5, 5), 0).astype(np.float32) / 255
    part[:] = (part * (1 - (1 - _SHADE) * soft)).astype(np.uint8)


def _ellipse(canvas: Pixels, middle: tuple[float, float], axes: tuple[float, float], luma: int) -> None:
    cv2.ellipse(canvas, _fixed(middle), _fixed(axes), 0, 0, 360, luma, -1, cv2.LINE_AA, _FRACTION)


def _line(canvas: Pixels, a: tuple[float, float], b: tuple[float, float], luma: int, thick: float) -> None:
    cv2.line(canvas, _fixed(a), _fixed(b), luma, max(1, round(thick)), cv2.LINE_AA, _FRACTION)


def _box(canvas: Pixels, a: tuple[float, float], b: tuple[float, float], luma: int) -> None:
    cv2.rectangle(canvas, _fixed(a), _fixed(b), luma, -1, cv2.LINE_AA, _FRACTION)


def _fixed(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0] * (1 << _FRACTION)), round(point[1] * (1 << _FRACTION))
