"""What a camera usually looks at, as edges: so that another view is told from the same view in another light.

Edges are compared by direction, not by strength, cell by cell: a lamp, a cloud or an infrared night changes how steep
they are, or which side of them is the bright one, but not where they are.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.pixels.lasting import Lasting
from edge.vision.pixels.luma import CELL, Floats, Plane

_EDGED: Final = 1.5
"""Luma per pixel: a cell whose edges are fainter than this in the learned view has nothing to compare."""
_LEAST_CELLS: Final = 8
_LASTING: Final = 0.7
"""A cell's edges last if the pictures show them as a rule at this share of what is asked of the learned view."""
_SAME: Final = 0.5
"""A cell is as it was if this share of its edges' energy is explained by the learned ones (squared correlation)."""
_FADED: Final = 0.4
"""A cell has lost its edges if they are fainter than this share of the learned ones."""
_REACH: Final = 10
"""Pixels of the halved picture: the farthest shift of the view that is looked for."""
_FOUND: Final = 0.5
"""Correlation of edges above which a shifted view is the learned one."""
_FOLLOWS: Final = 0.1
_FLAT: Final = 4.0
"""Luma: cells that differ less than this from each other show no light and shade to compare."""
_NOISE: Final = 0.1
"""Share of the cells that have so little detail that it is taken for the noise of all."""
_FINE, _OF_NOISE = 0.5, 3.0
"""A cell with less detail than this (luma squared), or than so many times the noise, is not sharp to begin with."""
_FINEST: Final = 0.5
"""Of the cells with edges those above this share have detail enough to be told from noise when little is left."""
_SHARPEST: Final = 0.75
"""A blur takes the detail of all places. If only some lose it, something stands there: so the sharp ones decide, those
above this share of the cells."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a plane compares with the learned view, over the cells with edges.

    `kept` is the share of them whose edges are where they were, `faded` that of those that lost them. `sharpness` is
    the strength of fine detail, where most of it is left, for the contrast of the picture as a whole: 1 as learned, and
    where nothing was sharp to begin with; `layout` the correlation of the brightness of cells, -1 to 1.
    """

    kept: float
    faded: float
    sharpness: float
    layout: float


@dataclass(frozen=True, slots=True)
class _Look:
    """A plane at half its size: its edges across and down; per cell their energy, that of detail, and brightness."""

    across: Floats
    down: Floats
    energy: Floats
    detail: Floats
    shade: Floats


class View:
    """The learned view of one camera."""

    def __init__(self) -> None:
        self._learned: _Look | None = None
        self._lasting = Lasting()

    @property
    def known(self) -> bool:
        """Whether there is a view."""
        return self._learned is not None

    @property
    def settled(self) -> bool:
        """Whether enough pictures were seen to know what of it lasts."""
        return self._lasting.full

    def learn(self, plane: Plane, background: Plane | None = None) -> None:
        """Take `background`, else `plane`, for the view, or a tenth of it if there is one; `plane` is a picture of
        it."""
        seen, old = _look(plane), self._learned
        self._lasting.see(seen.energy, seen.detail)
        if background is not None:
            seen = _look(background.astype(np.float32))
        if old is None:
            self._learned = seen
            return
        across, down = _blend(old.across, seen.across), _blend(old.down, seen.down)
        self._learned = _Look(across, down, _energy(across, down), seen.detail, _blend(old.shade, seen.shade))

    def forget(self) -> None:
        """There is no view."""
        self._learned, self._lasting = None, Lasting()

    def compare(self, luma: Plane) -> Likeness | None:
        """How `luma` compares; None if there is no view, or one without edges."""
        learned = self._learned
        if learned is None:
            return None
        usual, fine = self._lasting.usual()
        edged = (learned.energy > _EDGED**2) & (usual > (_LASTING * _EDGED) ** 2)
        if np.count_nonzero(edged) < _LEAST_CELLS:
            return None
        seen = _look(luma)
        shared = _cells(seen.across * learned.across + seen.down * learned.down)[edged]
        now, then = seen.energy[edged], learned.energy[edged]
        layout, contrast = _layout(seen.shade, learned.shade)
        return Likeness(
            kept=int(np.count_nonzero(shared * shared > _SAME * now * then)) / now.size,
            faded=int(np.count_nonzero(now < _FADED**2 * then)) / now.size,
            sharpness=_sharpness(seen.detail, fine, edged, contrast),
            layout=layout,
        )

    def find_shift(self, luma: Plane) -> tuple[float, float] | None:
        """By how many pixels (right, down) the learned view is shifted in `luma`; None if it is not in it."""
        learned = self._learned
        if learned is None:
            return None
        seen = _look(luma)
        there = cv2.magnitude(learned.across, learned.down)[_REACH:-_REACH, _REACH:-_REACH]
        match = cv2.matchTemplate(cv2.magnitude(seen.across, seen.down), there, cv2.TM_CCOEFF_NORMED)
        _, best, _, (right, down) = cv2.minMaxLoc(match)
        return (2.0 * (right - _REACH), 2.0 * (down - _REACH)) if best > _FOUND else None


def _look(plane: Any) -> _Look:
    size = plane.shape[1] // 2, plane.shape[0] // 2
    half = cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
    across = np.asarray(cv2.Sobel(half, cv2.CV_32F, 1, 0, scale=1 / 8), np.float32)
    down = np.asarray(cv2.Sobel(half, cv2.CV_32F, 0, 1, scale=1 / 8), np.float32)
    bend = cv2.Laplacian(half, cv2.CV_32F, scale=1 / 4)
    return _Look(across, down, _energy(across, down), _cells(bend * bend), _cells(half))


def _energy(across: Floats, down: Floats) -> Floats:
    return _cells(across * across + down * down)


def _cells(half: Any) -> Floats:
    """Means of the cells of a plane of half the size."""
    size = half.shape[1] * 2 // CELL, half.shape[0] * 2 // CELL
    return np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_AREA), np.float32)


def _blend(old: Floats, new: Floats) -> Floats:
    return np.asarray(cv2.addWeighted(old, 1 - _FOLLOWS, new, _FOLLOWS, 0), np.float32)


def _layout(now: Floats, then: Floats) -> tuple[float, float]:
    """Correlation of the brightness of cells, and how much their contrast grew; 0 and 1 where there is none."""
    a, b = _around_mean(now), _around_mean(then)
    spread, learned = (float(a @ a) / a.size) ** 0.5, (float(b @ b) / b.size) ** 0.5
    if min(spread, learned) < _FLAT:
        return 0.0, 1.0
    return float(a @ b) / (a.size * spread * learned), spread / learned


def _around_mean(cells: Floats) -> Floats:
    flat = cells.ravel()
    return np.asarray(flat - np.add.reduce(flat) / flat.size)


def _sharpness(now: Floats, then: Floats, edged: NDArray[np.bool_], contrast: float) -> float:
    noise, noise_then = _rank(now.ravel(), _NOISE), _rank(then.ravel(), _NOISE)
    left, had = np.maximum(now[edged] - noise, 0), then[edged] - noise_then
    fine = had > max(_FINE, _OF_NOISE * noise_then, _rank(had, _FINEST))
    if np.count_nonzero(fine) < _LEAST_CELLS:
        return 1.0
    return math.sqrt(_rank(left[fine] / had[fine], _SHARPEST)) / contrast


def _rank(values: Floats, share: float) -> float:
    """The value that `share` of them are below; numpy's own quantile takes ten times as long for so few."""
    return float(np.sort(values)[int(share * (values.size - 1))].item())
