"""How the whole picture differs from the remembered one: shaken by a few pixels, brighter or darker as a whole.

The light comes first (see `exposure`), then the shift, by least squares on the brightness of a few hundred points
spread over the picture (Lucas and Kanade, IJCAI 1981). A point counts the less the worse it fits, so what moves before
the camera has no say as long as it hides less than half of them.
"""

from typing import Any, Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.vision.pixels.exposure import UNCHANGED, fit_light
from edge.vision.pixels.luma import CELL, Floats, Plane

_BLOCKS: Final = 8
"""The picture is cut into so many rows and columns of blocks, each of which has its best points."""
_POINTS: Final = 6
"""Points of a block: those with the steepest brightness."""
_RENEWED: Final = 16
"""Frames after which the points are chosen anew."""
_NOISE: Final = 2.0
"""Luma: misfit below which nothing is told from noise."""
_FITS: Final = 8.0
"""Luma: a point that is so far from what was expected fits by half."""
_BETWEEN: Final = 0.35
"""Pixels: and steep points by what so small a shift does to them, for between pixels their brightness is a guess."""
_RIDGE: Final = 20.0
"""Keeps the shift at nothing where the picture has no edges to tell it from."""
_BETTER: Final = 0.03
"""By how much a shift must fit better than none."""
_AT_REST: Final = 0.92
"""A picture that fits so well at home is looked for nowhere else."""
_GOOD, _DOUBT = 0.7, 0.2
"""A shift that leaves much unlike must be the better by so much of what it lacks to a good fit."""
_CALM: Final = 0.05
"""Pixels of the halved picture: if the first step is shorter, the picture did not shake since the frame before."""
_STEADY: Final = 0.15
"""Pixels of the halved picture: a shorter shift is none."""
_FOLLOWS, _FOLLOWS_LUMA = 0.05, 0.5
"""The reference goes by this share of the way to each picture, and by no more luma than this: things that pass leave no
trace in it."""
_COARSE_STEPS, _FINE_STEPS = 10, 8
_CONVERGED: Final = 0.02
"""Pixels: a shorter step is the last."""
_Numbers = NDArray[np.float64]
_HOME: Final = 0.0, 0.0


class Pose(msgspec.Struct, frozen=True):
    """Where and how bright the picture is, as against the remembered one: the remembered place (x, y) is seen at
    (x + right, y + down), in pixels, and the remembered luma v as v * gain + offset. `fits` is how well all
    that is true, 0 to 1."""

    right: float = 0.0
    down: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    fits: float = 1.0

    @property
    def shifted(self) -> bool:
        """Whether the place is another."""
        return (self.right, self.down) != _HOME

    @property
    def relit(self) -> bool:
        """Whether the light is another."""
        return (self.gain, self.offset) != (1.0, 0.0)


class PoseFinder:
    """Finds the pose of one plane after the other against a slowly learned reference."""

    def __init__(self) -> None:
        self._reference: Floats | None = None
        self._coarse: _Level | None = None
        self._step = np.zeros((0, 0), np.float32)
        self._last = Pose()
        self._frames = 0

    def forget(self) -> None:
        """The next plane will be the reference."""
        self._reference = None

    def find(self, luma: Plane) -> Pose:
        """The pose of a plane: home, unless another one fits clearly better."""
        small = half(luma).astype(np.float32)
        if self._reference is None:
            self._reference, self._last, self._frames = small.copy(), Pose(), 0
            self._step = np.empty_like(small)
        if self._frames % _RENEWED == 0:
            self._fine, self._coarse, self._halved = _Level(self._reference), None, half(self._reference)
            self._cells = _cells(self._reference)
        self._frames += 1
        light = fit_light(_cells(small), self._cells, (self._last.gain, self._last.offset))
        last = self._last = self._find_place(small, light)
        self._learn(self._reference, small, last)
        return Pose(2 * last.right, 2 * last.down, last.gain, last.offset, last.fits)

    def move(self, pose: Pose, luma: Plane) -> None:
        """What was seen in `pose` is home from now on; `luma` is a picture taken there."""
        if self._reference is not None:
            relit = self._reference * np.float32(pose.gain) + np.float32(pose.offset)
            smaller = Pose(pose.right / 2, pose.down / 2)
            self._reference = np.asarray(carry(relit, smaller, half(luma).astype(np.float32)), np.float32)
        self._last, self._frames = Pose(), 0

    def _find_place(self, small: Floats, light: tuple[float, float]) -> Pose:
        """The pose in the halved picture: home, unless the picture fits clearly better elsewhere."""
        fine = self._fine
        misfit = fine.misfit(small, _HOME, light)
        at_home = fine.fits(misfit)
        if at_home > _AT_REST:
            return Pose(*_HOME, *light, at_home)
        last = self._last.right, self._last.down
        place = self._search(small, last, light, misfit if last == _HOME else fine.misfit(small, last, light))
        fits = at_home if place == _HOME else fine.fits(fine.misfit(small, place, light))
        if fits < at_home + _BETTER + _DOUBT * max(0.0, _GOOD - fits):
            place, fits = _HOME, at_home
        return Pose(*place, *light, fits)

    def _search(
        self, small: Floats, last: tuple[float, float], light: tuple[float, float], misfit: Floats
    ) -> tuple[float, float]:
        """Where the halved picture is, that was at `last` the frame before and fits there by `misfit`."""
        right, down = self._fine.step(misfit, light[0])
        found = last[0] - right, last[1] - down
        if max(abs(right), abs(down)) > _CALM:
            self._coarse = self._coarse or _Level(self._halved)
            right, down = self._coarse.refine(half(small), _HOME, light, _COARSE_STEPS)
            found = self._fine.refine(small, (2 * right, 2 * down), light, _FINE_STEPS)
        return found if max(abs(found[0]), abs(found[1])) >= _STEADY else _HOME

    def _learn(self, reference: Floats, small: Floats, pose: Pose) -> None:
        if pose.shifted:
            small = _view(small, pose, borderMode=cv2.BORDER_REPLICATE)
        if pose.relit:
            small = (small - pose.offset) * (1 / pose.gain)
        step = np.subtract(small, reference, out=self._step)
        step *= _FOLLOWS
        np.minimum(step, _FOLLOWS_LUMA, out=step)
        reference += np.maximum(step, -_FOLLOWS_LUMA, out=step)


class _Level:
    """The reference at one scale: its steepest points, and what a shift does to them."""

    def __init__(self, reference: Floats) -> None:
        across = cv2.Sobel(reference, cv2.CV_32F, 1, 0, scale=1 / 8)
        down = cv2.Sobel(reference, cv2.CV_32F, 0, 1, scale=1 / 8)
        rows, columns = _steepest(np.asarray(cv2.magnitude(across, down), np.float32))
        self._columns, self._rows = columns.astype(np.float32)[None], rows.astype(np.float32)[None]
        self._at = rows * reference.shape[1] + columns
        self._values = reference.take(self._at)
        self._slopes = np.stack([across[rows, columns], down[rows, columns]])
        self._leeway = _FITS + _BETWEEN * np.abs(self._slopes).sum(axis=0)

    def refine(
        self, plane: Floats, place: tuple[float, float], light: tuple[float, float], steps: int
    ) -> tuple[float, float]:
        """`place` (right, down) after at most so many steps of reweighted least squares."""
        right, down = place
        for _ in range(steps):
            across, along = self.step(self.misfit(plane, (right, down), light), light[0])
            right, down = right - across, down - along
            if max(abs(across), abs(along)) < _CONVERGED:
                break
        return right, down

    def step(self, misfit: Floats, gain: float) -> tuple[float, float]:
        """By how much (right, down) the place is wrong at which the points fit by `misfit`, by one least squares."""
        size = np.abs(misfit)
        size.partition(size.size // 2)
        width = max(_NOISE, 2.5 * size.item(size.size // 2))
        weighted = self._slopes / (1 + (misfit / width) ** 2)
        (xx, xy), (_, yy) = (weighted @ self._slopes.T).tolist()
        x, y = (weighted @ misfit).tolist()
        scale = gain * ((xx + _RIDGE) * (yy + _RIDGE) - xy * xy)
        return ((yy + _RIDGE) * x - xy * y) / scale, ((xx + _RIDGE) * y - xy * x) / scale

    def fits(self, misfit: Floats) -> float:
        """How well the points fit, 0 to 1; what lies before them counts nothing, however different it is."""
        unlike: Floats = misfit / self._leeway
        unlike *= unlike
        unlike += 1
        return float(np.add.reduce(np.reciprocal(unlike, out=unlike))) / unlike.size

    def misfit(self, plane: Floats, place: tuple[float, float], light: tuple[float, float]) -> Floats:
        """By how much the points are brighter in `plane`, seen from `place` and in `light`, than was expected."""
        expected = self._values if light == UNCHANGED else self._values * np.float32(light[0]) + np.float32(light[1])
        return np.asarray(self._seen(plane, place) - expected, np.float32)

    def _seen(self, plane: Floats, place: tuple[float, float]) -> Floats:
        if place == _HOME:
            return np.asarray(plane.take(self._at))
        columns, rows = self._columns + np.float32(place[0]), self._rows + np.float32(place[1])
        return np.asarray(cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0])


def straighten(plane: Any, pose: Pose, around: Any) -> Any:
    """`around`, a plane of the same type, with what is seen of its places in `plane` drawn into it."""
    return _view(plane, pose, dst=around, borderMode=cv2.BORDER_TRANSPARENT)


def carry(plane: Any, pose: Pose, around: Any) -> Any:
    """`around` with the places of `plane` drawn into it where they are seen in `pose`."""
    return straighten(plane, Pose(-pose.right, -pose.down), around)


def shift(plane: Any, right: float, down: float) -> Any:
    """A plane moved by whole pixels, the nearest to what is asked for; nothing comes in at the edges."""
    view = np.array([[1, 0, round(right)], [0, 1, round(down)]], np.float32)
    return cv2.warpAffine(plane, view, (plane.shape[1], plane.shape[0]), flags=cv2.INTER_NEAREST)


def half(plane: Any) -> Any:
    """A plane at half its size."""
    return cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _cells(small: Floats) -> Floats:
    """Means of the cells of a halved plane."""
    size = small.shape[1] * 2 // CELL, small.shape[0] * 2 // CELL
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.float32)


def _steepest(steepness: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the steepest points of each block."""
    height, width = steepness.shape[0] // _BLOCKS, steepness.shape[1] // _BLOCKS
    cut = steepness[: height * _BLOCKS, : width * _BLOCKS].reshape(_BLOCKS, height, _BLOCKS, width)
    blocks = cut.swapaxes(1, 2).reshape(_BLOCKS * _BLOCKS, height * width)
    points = min(_POINTS, height * width - 1)
    best = np.argpartition(blocks, -points, axis=1)[:, -points:]
    block = np.arange(_BLOCKS * _BLOCKS)[:, None]
    rows = block // _BLOCKS * height + best // width
    columns = block % _BLOCKS * width + best % width
    return rows.ravel(), columns.ravel()


def _view(plane: Any, pose: Pose, **how: Any) -> Any:
    view = np.array([[1, 0, pose.right], [0, 1, pose.down]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, view, (plane.shape[1], plane.shape[0]), flags=flags, **how)
