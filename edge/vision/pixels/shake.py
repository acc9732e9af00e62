"""How the whole picture differs from the remembered one: shaken by a few pixels, brighter or darker as a whole.

Both are found at once, by least squares on the brightness of a few hundred points spread over the picture (Lucas and
Kanade, IJCAI 1981, with gain and offset as in Hager and Belhumeur, PAMI 1998). A point counts the less the worse it
fits, so what moves before the camera has no say as long as it hides less than half of them.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.pixels.luma import Floats, Plane

_BLOCKS: Final = 8
"""The picture is cut into so many rows and columns of blocks, each of which has its best points."""
_POINTS: Final = 6
"""Points of a block: those with the steepest brightness."""
_RENEWED: Final = 16
"""Frames after which the points are chosen anew."""
_SCALE: Final = 64.0
"""Luma: brings the column of the gain to the size of the others."""
_NOISE: Final = 2.0
"""Luma: misfit below which nothing is told from noise."""
_FITS: Final = 8.0
"""Luma: a point that is nearer than this to what was expected fits."""
_RIDGE: Final = np.diag([20.0, 20.0, 1.0, 0.0])
"""Keeps the shift at nothing where the picture has no edges to tell it from."""
_GAINS: Final = 0.5, 2.0
_MAJORITY: Final = 0.5
_BETTER: Final = 0.05
"""The share of points by which another pose than home must fit better."""
_CALM: Final = 0.1
"""Pixels of the halved picture: if the first step is shorter, the picture did not shake since the frame before."""
_STEADY: Final = 0.15
_SAME_LIGHT: Final = 2.0
"""A shorter shift (pixels of the halved picture) and a smaller mean change of the light (luma) are none."""
_FOLLOWS, _FOLLOWS_LUMA = 0.05, 0.5
"""The reference goes by this share of the way to each picture, and by no more luma than this: things that pass leave no
trace in it."""
_COARSE_STEPS, _FINE_STEPS = 6, 4
_CONVERGED: Final = 0.05
"""Pixels: a shorter step is the last."""
_HOME: Final = np.array([0.0, 0.0, 1.0, 0.0])
_Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where and how bright the picture is, as against the remembered one: the remembered place (x, y) is seen at
    (x + right, y + down), in pixels, and the remembered luma v as v * gain + offset. `fits` is the share of points of
    which that is true."""

    right: float = 0.0
    down: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    fits: float = 1.0

    @property
    def shifted(self) -> bool:
        """Whether the place is another."""
        return (self.right, self.down) != (0.0, 0.0)

    @property
    def relit(self) -> bool:
        """Whether the light is another."""
        return (self.gain, self.offset) != (1.0, 0.0)


class PoseFinder:
    """Finds the pose of one plane after the other against a slowly learned reference."""

    def __init__(self) -> None:
        self._reference: Floats | None = None
        self._last = _HOME
        self._frames = 0

    def forget(self) -> None:
        """The next plane will be the reference."""
        self._reference = None

    def find(self, luma: Plane) -> Pose:
        """The pose of a plane: home, unless another one fits clearly more points."""
        small = _half(luma).astype(np.float32)
        if self._reference is None:
            self._reference, self._last, self._frames = small, _HOME, 0
        if self._frames % _RENEWED == 0:
            self._fine, self._coarse = _Level(self._reference), _Level(_half(self._reference))
        self._frames += 1
        found = self._fit(small)
        fits, at_home = self._fine.fits(small, found), self._fine.fits(small, _HOME)
        if fits < max(_MAJORITY, at_home + _BETTER):
            found, fits = _HOME, at_home
        self._last = found
        right, down, gain, offset = found.tolist()
        pose = Pose(2 * right, 2 * down, gain, offset, fits)
        self._learn(self._reference, small, Pose(right, down, gain, offset))
        return pose

    def move(self, pose: Pose) -> None:
        """What was seen in `pose` is home from now on."""
        if self._reference is not None:
            self._reference = shift(self._reference, pose.right / 2, pose.down / 2) * pose.gain + pose.offset
        self._last, self._frames = _HOME, 0

    def _fit(self, small: Floats) -> _Numbers:
        found = self._fine.refine(small, self._last, 1)
        if np.abs(found[:2] - self._last[:2]).max() > _CALM:
            found = self._coarse.refine(_half(small), np.array([0.0, 0.0, *self._last[2:]]), _COARSE_STEPS)
            found = self._fine.refine(small, found * (2, 2, 1, 1), _FINE_STEPS)
        if np.abs(found[:2]).max() < _STEADY:
            found[:2] = _HOME[:2]
        if self._fine.relit(found) < _SAME_LIGHT:
            found[2:] = _HOME[2:]
        return found

    def _learn(self, reference: Floats, small: Floats, pose: Pose) -> None:
        if pose.shifted:
            small = _view(small, pose, borderMode=cv2.BORDER_REPLICATE)
        if pose.relit:
            small = (small - pose.offset) * (1 / pose.gain)
        reference += np.clip(_FOLLOWS * (small - reference), -_FOLLOWS_LUMA, _FOLLOWS_LUMA)


class _Level:
    """The reference at one scale: its steepest points, and what a change of pose does to them."""

    def __init__(self, reference: Floats) -> None:
        across = cv2.Sobel(reference, cv2.CV_32F, 1, 0, scale=1 / 8)
        down = cv2.Sobel(reference, cv2.CV_32F, 0, 1, scale=1 / 8)
        rows, columns = _steepest(np.asarray(cv2.magnitude(across, down), np.float32))
        self._columns, self._rows = columns.astype(np.float32)[None], rows.astype(np.float32)[None]
        self._values = reference[rows, columns]
        ones = np.ones_like(self._values)
        self._slopes = np.stack([across[rows, columns], down[rows, columns], self._values / _SCALE, ones])

    def refine(self, plane: Floats, pose: _Numbers, steps: int) -> _Numbers:
        """`pose` (right, down, gain, offset) after at most so many steps of reweighted least squares."""
        for _ in range(steps):
            misfit = self._misfit(plane, pose)
            size = np.abs(misfit)
            width = max(_NOISE, 1.5 * float(np.partition(size, size.size // 2)[size.size // 2]))
            weighted = self._slopes / (1 + (misfit / width) ** 2)
            matrix = (weighted @ self._slopes.T).astype(np.float64) + _RIDGE
            step = np.linalg.solve(matrix, (weighted @ misfit).astype(np.float64))
            pose = pose + step / (-pose[2], -pose[2], _SCALE, 1)
            pose[2] = min(max(pose[2], _GAINS[0]), _GAINS[1])
            if np.abs(step[:2]).max() < _CONVERGED * pose[2]:
                break
        return pose

    def fits(self, plane: Floats, pose: _Numbers) -> float:
        """The share of points that are as bright as `pose` says."""
        return float(np.count_nonzero(np.abs(self._misfit(plane, pose)) < _FITS)) / self._values.size

    def relit(self, pose: _Numbers) -> float:
        """By how much luma the light of `pose` changes a point, on average."""
        return float(np.abs(self._values * np.float32(pose[2] - 1) + np.float32(pose[3])).mean())

    def _misfit(self, plane: Floats, pose: _Numbers) -> Floats:
        right, down, gain, offset = pose.tolist()
        columns, rows = self._columns + np.float32(right), self._rows + np.float32(down)
        seen = cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(seen[0] - (self._values * np.float32(gain) + np.float32(offset)), np.float32)


def straighten(plane: Any, pose: Pose, around: Any) -> Any:
    """`around`, a plane of the same type, with what is seen of its places in `plane` drawn into it."""
    return _view(plane, pose, dst=around, borderMode=cv2.BORDER_TRANSPARENT)


def shift(plane: Any, right: float, down: float, border: int = cv2.BORDER_REPLICATE) -> Any:
    """A plane moved by whole pixels, the nearest to what is asked for."""
    view = np.array([[1, 0, round(right)], [0, 1, round(down)]], np.float32)
    size = plane.shape[1], plane.shape[0]
    return cv2.warpAffine(plane, view, size, flags=cv2.INTER_NEAREST, borderMode=border)


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


def _half(plane: Any) -> Any:
    return cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)
