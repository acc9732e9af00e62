"""Skin conductance is slow: what a fast sensor says of it is averaged in short cells before anything looks at it.

A cell is cut by the time of its samples, on a grid that is the same for everybody, so that it does not matter in which
pieces the samples came. A sensor slower than the grid keeps each sample with its own time.
"""

from collections.abc import Iterator, Sequence
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

    def add(self, times: Sequence[int], values: Sequence[float], cuts: frozenset[int]) -> Iterator[tuple[int, Point]]:
        """The points that these samples complete, each with the time of the sample that begins the next cell; nothing
        before has to do with those of `cuts`."""
        for t_ns, value in zip(times, values, strict=True):
            cut = t_ns - self._last_ns > self._gap_ns or t_ns in cuts
            if cut or t_ns // CELL_NS != self._cell:
                if self._count:
                    yield t_ns, self._close()
                self._cell, self._first_ns, self._cut = t_ns // CELL_NS, t_ns, cut
                self._sum, self._count, self._after_ns = 0.0, 0, 0
            self._sum += value
            self._after_ns += t_ns - self._first_ns
            self._count += 1
            self._last_ns = t_ns

    def _close(self) -> Point:
        return Point(self._first_ns + self._after_ns // self._count, self._sum / self._count, self._cut)
