"""A made-up courtyard seen by a fixed camera, with known people in it: what a demonstration shows and a test checks."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_QUIET_S: Final = 4.0
"""Nobody is there in the beginning, so that a background can be learned."""
_WALKER_EVERY_S: Final = 14.0
_RUNNER_EVERY_S: Final = 75.0
_RUNNER_FIRST_S: Final = 60.0
_LIGHT_PERIOD_S: Final = 120.0
_LIGHT_SWING: Final = 0.06
_STRIDE_PHASES: Final = 12
_NOISE_MARGIN: Final = 64


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the picture: the box around the whole figure in pixels, what they do, and which person it is.

    The box may reach beyond the picture's edge while the person comes or goes.
    """

    x: int
    y: int
    w: int
    h: int
    doing: str
    number: int


@dataclass(frozen=True, slots=True)
class _Crossing:
    """One person's way through the picture, at a steady speed on one line."""

    number: int
    start_s: float
    lane: float
    """Where the feet are, as a part of the height."""
    leftwards: bool
    seconds: float
    """From edge to edge."""
    doing: str


class Scene:
    """Draws the picture of any moment; the same seed, size and moment have the same people at the same places.

    What is costly (texture, figures, noise) is made beforehand: a picture costs one weighted sum over all pixels.
    """

    def __init__(self, width: int, height: int, *, seed: int, noise: float) -> None:
        self._width, self._height = width, height
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._background = _courtyard(width, height, self._rng)
        self._noise = _noise_tile(width, height, noise, self._rng)
        self._image: Any = np.empty_like(self._background)
        self._figures: dict[tuple[int, int, int, bool], tuple[Any, Any]] = {}

    def people(self, at_s: float) -> tuple[Person, ...]:
        """Who is to be seen at `at_s` seconds after the beginning: the truth that the picture shows."""
        around = (self._person(crossing, at_s) for crossing in self._crossings(at_s))
        return tuple(p for p in around if p is not None and p.x < self._width and p.x + p.w > 0)

    def draw(self, at_s: float) -> "NDArray[np.uint8]":
        """The picture at `at_s`, uint8 [height, width, 3], blue first. It is overwritten by the next call."""
        people = self.people(at_s)
        covered = [self._paste(person, at_s) for person in sorted(people, key=lambda p: p.y + p.h)]
        dx, dy = self._rng.integers(0, _NOISE_MARGIN, 2)
        grain = self._noise[dy : dy + self._height, dx : dx + self._width]
        light = 1 + _LIGHT_SWING * math.sin(2 * math.pi * at_s / _LIGHT_PERIOD_S)
        cv2.addWeighted(self._background, light, grain, 1.0, -128.0, self._image)
        for where, before in reversed(covered):
            self._background[where] = before
        image: NDArray[np.uint8] = self._image
        return image

    def _crossings(self, at_s: float) -> list[_Crossing]:
        """Everybody who may be under way: walkers on a schedule, now and then a runner."""
        near: list[_Crossing] = []
        for series, first, every in ((0, _QUIET_S, _WALKER_EVERY_S), (1, _RUNNER_FIRST_S, _RUNNER_EVERY_S)):
            last = math.floor((at_s - first) / every)
            near += [self._crossing(series, k, first + k * every) for k in (last - 1, last) if k >= 0]
        return near

    def _crossing(self, series: int, k: int, start_s: float) -> _Crossing:
        rng = np.random.default_rng((self._seed, series, k))
        runs = series == 1
        return _Crossing(
            number=2 * k + series + 1,
            start_s=start_s + float(rng.uniform(0, 2)),
            lane=float(rng.uniform(0.72, 0.95)),
            leftwards=bool(rng.integers(2)),
            seconds=float(rng.uniform(2.2, 2.8) if runs else rng.uniform(9, 13)),
            doing="running" if runs else "walking",
        )

    def _person(self, crossing: _Crossing, at_s: float) -> Person | None:
        part = (at_s - crossing.start_s) / crossing.seconds
        if not 0 <= part <= 1:
            return None
        h = max(8, round(self._height * 0.42 * (crossing.lane - 0.25)))
        w = max(6, round(h * 0.5))
        way = self._width + w
        x = round(self._width - part * way if crossing.leftwards else part * way - w)
        return Person(x, round(self._height * crossing.lane) - h, w, h, crossing.doing, crossing.number)

    def _paste(self, person: Person, at_s: float) -> tuple[tuple[slice, slice], Any]:
        """Put a figure over the background; return what it covers."""
        steps_per_s = 2.6 if person.doing == "running" else 1.1
        phase = int(at_s * steps_per_s * _STRIDE_PHASES) % _STRIDE_PHASES
        left, right = max(0, person.x), min(self._width, person.x + person.w)
        top, bottom = max(0, person.y), min(self._height, person.y + person.h)
        where = (slice(top, bottom), slice(left, right))
        before = self._background[where].copy()
        colour, mask = self._figure(person, phase)
        part = (slice(top - person.y, bottom - person.y), slice(left - person.x, right - person.x))
        cv2.copyTo(colour[part], mask[part], self._background[where])
        return where, before

    def _figure(self, person: Person, phase: int) -> tuple[Any, Any]:
        key = (person.number, person.h, phase, person.doing == "running")
        if key not in self._figures:
            if len(self._figures) > 4 * _STRIDE_PHASES:
                self._figures.clear()
            self._figures[key] = _figure(person, phase)
        return self._figures[key]


def _courtyard(width: int, height: int, rng: np.random.Generator) -> Any:
    """Wall and windows above, paving below; texture enough that movement has something to move against."""
    image = np.empty((height, width, 3), np.float32)
    horizon = round(height * 0.45)
    image[:horizon] = np.linspace((150, 140, 135), (120, 118, 120), horizon)[:, None]
    image[horizon:] = np.linspace((95, 100, 104), (130, 136, 140), height - horizon)[:, None]
    for grain, strength in ((5, 6.0), (17, 8.0), (61, 7.0)):
        rough = rng.normal(0, 1, (height // grain + 2, width // grain + 2)).astype(np.float32)
        image += strength * cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)[:, :, None]
    for column in range(5):
        x, w = round(width * (0.06 + 0.19 * column)), round(width * 0.09)
        cv2.rectangle(image, (x, round(height * 0.1)), (x + w, round(height * 0.3)), (88, 78, 70), -1)
        cv2.rectangle(image, (x, round(height * 0.1)), (x + w, round(height * 0.3)), (190, 190, 188), 3)
    for row in range(1, 8):
        y = round(horizon + (height - horizon) * (row / 8) ** 1.6)
        cv2.line(image, (0, y), (width, y), (84, 88, 92), 2)
    return np.clip(image, 0, 255).astype(np.uint8)


def _noise_tile(width: int, height: int, deviation: float, rng: np.random.Generator) -> Any:
    """Sensor noise around 128, larger than the picture: each picture takes another cut of it."""
    shape = (height + _NOISE_MARGIN, width + _NOISE_MARGIN)
    grey = np.clip(rng.standard_normal(shape, np.float32) * deviation + 128, 0, 255).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def _figure(person: Person, phase: int) -> tuple[Any, Any]:
    """A figure in mid-stride that fills its box from head to foot, and its mask."""
    w, h = person.w, person.h
    look = np.random.default_rng(person.number)
    shirt, trousers = (tuple(int(c) for c in look.integers(20, 230, 3)) for _ in range(2))
    mask, colour = np.zeros((h, w), np.uint8), np.zeros((h, w, 3), np.uint8)
    swing = math.sin(2 * math.pi * phase / _STRIDE_PHASES)
    reach = w * (0.46 if person.doing == "running" else 0.34)
    hip, neck, thick = (w // 2, round(h * 0.52)), (w // 2, round(h * 0.2)), max(2, w // 6)
    for side in (1, -1):
        foot = (round(w / 2 + side * swing * reach), h - 1 - round(max(0.0, -side * swing) * h * 0.04))
        hand = (round(w / 2 - side * swing * reach), round(h * 0.5))
        for image, ink in ((colour, trousers), (mask, (255,))):
            cv2.line(image, hip, foot, ink, thick, cv2.LINE_8)
        for image, ink in ((colour, shirt), (mask, (255,))):
            cv2.line(image, neck, hand, ink, max(2, thick * 2 // 3), cv2.LINE_8)
    for image, ink, skin in ((colour, shirt, (150, 170, 205)), (mask, (255,), (255,))):
        cv2.line(image, neck, hip, ink, round(thick * 1.8), cv2.LINE_8)
        cv2.ellipse(image, (w // 2, round(h * 0.09)), (max(2, w // 8), max(2, round(h * 0.09))), 0, 0, 360, skin, -1)
    return colour, mask
