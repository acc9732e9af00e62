"""Puts the samples of an optical pulse, however jittered, on an even grid of 64 Hz, piece by piece.

A cell of the grid is the mean, over its 1/64 s, of the straight lines between the samples, so that a faster sensor is
averaged and a slower one drawn out; where samples are missing the piece ends, and nothing is drawn across.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 64
CELL_NS: Final = 1_000_000_000 // RATE_HZ

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EvenPiece:
    """Values of consecutive cells; the first is that of cell `first` (times `CELL_NS` for its beginning)."""

    first: int
    values: Floats
    cut: bool
    """Whether it goes on from the piece before."""


class EvenGrid:
    """Samples of a block in, pieces out. `gap_ns` without a sample cuts."""

    def __init__(self, *, gap_ns: int) -> None:
        self._gap_ns = gap_ns
        self._kept: tuple[NDArray[np.int64], Floats] | None = None
        self._next = 0

    def pieces(self, times: NDArray[np.int64], values: Floats, cuts: frozenset[int]) -> list[EvenPiece]:
        """The cells that the samples complete; `cuts` are times of samples that nothing before belongs to."""
        fresh = self._kept is None
        if self._kept is not None:
            times, values = np.concatenate((self._kept[0], times)), np.concatenate((self._kept[1], values))
        apart = times[1:] - times[:-1] > self._gap_ns
        if cuts:
            apart |= np.isin(times[1:], list(cuts))
        bounds = [0, *(np.flatnonzero(apart) + 1).tolist(), times.size]
        found = []
        for number, (begin, end) in enumerate(pairwise(bounds)):
            piece = self._even(times[begin:end], values[begin:end], fresh or number > 0)
            if piece is not None:
                found.append(piece)
        spent = int(np.searchsorted(times, self._next * CELL_NS, side="right")) - 1
        begin = max(bounds[-2], spent)
        self._kept = (times[begin:], values[begin:])
        return found

    def _even(self, times: NDArray[np.int64], values: Floats, fresh: bool) -> EvenPiece | None:
        if fresh:
            self._next = -(-int(times[0]) // CELL_NS)
        last = int(times[-1]) // CELL_NS
        if times.size == 1 or last <= self._next:
            return EvenPiece(self._next, np.empty(0), True) if fresh else None
        edges = np.arange(self._next, last + 1) * CELL_NS
        piece = EvenPiece(self._next, _cells(times, values, edges), fresh)
        self._next = last
        return piece


def _cells(times: NDArray[np.int64], values: Floats, edges: NDArray[np.int64]) -> Floats:
    integral = _integral(times, values, edges)
    found: Floats = (integral[1:] - integral[:-1]) / CELL_NS
    return found


def _integral(times: NDArray[np.int64], values: Floats, edges: NDArray[np.int64]) -> Floats:
    """The integral of the straight lines through the samples, from the first sample to each edge."""
    steps = times[1:] - times[:-1]
    areas = np.concatenate(([0.0], np.cumsum(steps * (values[:-1] + values[1:]) / 2)))
    left = np.clip(np.searchsorted(times, edges, side="right") - 1, 0, times.size - 2)
    past = edges - times[left]
    slope = (values[left + 1] - values[left]) / steps[left]
    found: Floats = areas[left] + values[left] * past + slope * past * past / 2
    return found
