"""What a camera usually looks at, as edges: so that another view is told from the same view in another light.

Edges are compared by direction, not by strength, cell by cell: a lamp, a cloud or an infrared night changes how steep
they are, or which side of them is the bright one, but not where they are.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from edge.vision.pixels.luma import CELL, Floats, Plane

_EDGED: Final = 1.5
"""Luma per pixel: a cell whose edges are fainter than this in the learned view has nothing to compare."""
_LEAST_CELLS: Final = 12
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
_DETAIL_FLOOR: Final = 0.05


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a plane compares with the learned view, over the cells with edges.

    `kept` is the share of them whose edges are where they were, `faded` that of those that lost them. `sharpness` is
    the strength of fine detail for the contrast of the picture as a whole, 1 as learned; `layout` the correlation of
    the brightness of cells, -1 to 1.
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

    @property
    def known(self) -> bool:
        """Whether there is a view."""
        return self._learned is not None

    def learn(self, plane: Plane | Floats) -> None:
        """Take `plane` for the view, or a tenth of it if there is one."""
        seen, old = _look(plane), self._learned
        if old is None:
            self._learned = seen
            return
        across, down = _blend(old.across, seen.across), _blend(old.down, seen.down)
        detail, shade = _blend(old.detail, seen.detail), _blend(old.shade, seen.shade)
        self._learned = _Look(across, down, _energy(across, down), detail, shade)

    def forget(self) -> None:
        """There is no view."""
        self._learned = None

    def compare(self, luma: Plane) -> Likeness | None:
        """How `luma` compares; None if there is no view, or one without edges."""
        learned = self._learned
        if learned is None:
            return None
        edged = learned.energy > _EDGED**2
        if np.count_nonzero(edged) < _LEAST_CELLS:
            return None
        seen = _look(luma)
        shared = _cells(seen.across * learned.across + seen.down * learned.down)[edged]
        now, then = seen.energy[edged], learned.energy[edged]
        detail = (seen.detail[edged] + _DETAIL_FLOOR) / (learned.detail[edged] + _DETAIL_FLOOR)
        layout, contrast = _layout(seen.shade, learned.shade)
        return Likeness(
            kept=int(np.count_nonzero(shared * shared > _SAME * now * then)) / now.size,
            faded=int(np.count_nonzero(now < _FADED**2 * then)) / now.size,
            sharpness=_middle(detail) ** 0.5 / contrast,
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


def _middle(values: Floats) -> float:
    """The median; numpy's own takes ten times as long for so few."""
    ordered = np.sort(values)
    return float(ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]) / 2
