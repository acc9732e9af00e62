"""The last minute of body signals on the regular grid that a model wants, in memory that does not grow.

A cell of the grid is the mean of the samples that fell into it. A cell without samples stays empty and is marked so:
nothing is ever filled in, drawn out or interpolated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.affect.relative import relative_conductance
from edge.core.sample import Channel, Sample

LATE_S: Final = 60
"""How long after its end a segment can still be read in full; later its oldest cells are gone, and empty."""

_ABSURD: Final = 1e6


@dataclass(frozen=True, slots=True)
class Grid:
    """`values` and `valid`, float32 `[cells, channels]`, oldest first; an empty cell is 0 in both."""

    values: NDArray[np.float32]
    valid: NDArray[np.float32]

    @property
    def empty(self) -> bool:
        """Whether no cell has a value."""
        return not self.valid.any()


class SignalWindow:
    """A ring of cells by monotonic time. Samples may come late or out of order; older than the ring, they count not."""

    def __init__(self, channels: Sequence[Channel], *, rate_hz: float, cells: int) -> None:
        self._channels = tuple(channels)
        self._cell_ns = round(1e9 / rate_hz)
        self._cells = cells
        self._capacity = cells + round(LATE_S * rate_hz) + 1
        self._sums = np.zeros((self._capacity, len(self._channels)))
        self._counts = np.zeros((self._capacity, len(self._channels)))
        self._newest = -1
        self._first = 0

    @property
    def layout(self) -> tuple[tuple[Channel, ...], int, int]:
        """Channels, nanoseconds of a cell and number of cells: what two windows must share to stand for each other."""
        return self._channels, self._cell_ns, self._cells

    def add(self, sample: Sample) -> None:
        """Count a sample into its cell; values that are no number, or absurdly large, count as absent."""
        cell = sample.mono_ns // self._cell_ns
        self._advance(cell)
        if cell <= self._newest - self._capacity:
            return
        slot = cell % self._capacity
        for index, channel in enumerate(self._channels):
            value = _value(sample, channel)
            if value is not None and abs(value) <= _ABSURD:
                self._sums[slot, index] += value
                self._counts[slot, index] += 1

    def until(self, end_ns: int) -> Grid:
        """The grid of the cells that were over at `end_ns`; a cell that reaches beyond it is left out."""
        last = end_ns // self._cell_ns
        wanted = np.arange(last - self._cells, last)
        held = (wanted > self._newest - self._capacity) & (wanted <= self._newest) & (wanted >= self._first)
        slots = wanted % self._capacity
        counts = np.where(held[:, None], self._counts[slots], 0.0)
        values = np.divide(self._sums[slots], counts, out=np.zeros_like(counts), where=counts > 0)
        return Grid(values.astype(np.float32), (counts > 0).astype(np.float32))

    def forget(self, *, before_ns: int) -> None:
        """Keep nothing of before a moment: what was measured then was another person."""
        self._first = max(self._first, -(-before_ns // self._cell_ns))

    def _advance(self, cell: int) -> None:
        """Empty the cells between the newest one and `cell`."""
        if cell <= self._newest:
            return
        stale = np.arange(max(self._newest + 1, cell - self._capacity + 1), cell + 1) % self._capacity
        self._sums[stale] = 0.0
        self._counts[stale] = 0.0
        self._newest = cell


def _value(sample: Sample, channel: Channel) -> float | None:
    """What a sample says of a channel; counts of an uncalibrated board stand for the conductance that it lacks."""
    value = sample.values.get(channel)
    counts = sample.values.get(Channel.GSR_RAW)
    if value is None and channel is Channel.GSR_US and counts is not None:
        return relative_conductance(counts)
    return value
