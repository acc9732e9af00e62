"""Skin conductance is slow: what a fast sensor says of it is averaged in short cells before anything looks at it.

A cell is cut by the time of its samples, on a grid that is the same for everybody, so that it does not matter in which
pieces the samples came. A sensor slower than the grid keeps each sample with its own time.
"""

from dataclasses import dataclass
from typing import Final

CELL_NS: Final = 125_000_000


@dataclass(frozen=True, slots=True)
class Point:
    """The mean of a cell at the mean time of its samples. `cut`: nothing before it has to do with it."""

    t_ns: int
    value: float
    cut: bool


class Cells:
    """Samples in, points out, one cell late. `gap_ns` without a sample cuts the signal."""

    def __init__(self, *, gap_ns: int) -> None:
        self._gap_ns = gap_ns
        self._cell = -1
        self._first_ns = 0
        self._last_ns = 0
        self._after_ns = 0
        self._sum = 0.0
        self._count = 0
        self._cut = True

    def add(self, t_ns: int, value: float, *, cut: bool) -> Point | None:
        """The point of the cell before, if this sample begins another one."""
        cell = t_ns // CELL_NS
        cut = cut or t_ns - self._last_ns > self._gap_ns
        done = None
        if cut or cell != self._cell:
            done = self._close() if self._count else None
            self._cell, self._first_ns, self._cut = cell, t_ns, cut
            self._sum, self._count, self._after_ns = 0.0, 0, 0
        self._sum += value
        self._after_ns += t_ns - self._first_ns
        self._count += 1
        self._last_ns = t_ns
        return done

    def _close(self) -> Point:
        return Point(self._first_ns + self._after_ns // self._count, self._sum / self._count, self._cut)
