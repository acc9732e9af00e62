"""The grid that the emotion model sees: means where there are samples, emptiness where there are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.affect.relative import relative_conductance
from edge.affect.window import LATE_S, SignalWindow
from edge.core.sample import Channel, Sample

CELL_NS = 250_000_000
CELLS = 20
CHANNELS = (Channel.GSR_US, Channel.HR_BPM)


def window() -> SignalWindow:
    return SignalWindow(CHANNELS, rate_hz=4.0, cells=CELLS)


def sample(at_ns: int, **values: float) -> Sample:
    return Sample("body", at_ns, {Channel(name): value for name, value in values.items()})


def test_a_cell_is_the_mean_of_its_samples_and_gaps_stay_gaps() -> None:
    """A channel that is silent and a cell without samples are invalid, never filled in."""
    ring = window()
    ring.add(sample(0, gsr_us=1.0))
    ring.add(sample(100_000_000, gsr_us=3.0))
    ring.add(sample(3 * CELL_NS, gsr_us=5.0, hr_bpm=70.0))
    grid = ring.until(4 * CELL_NS)
    assert grid.values.shape == grid.valid.shape == (CELLS, 2)
    assert grid.values[-4:, 0].tolist() == [2.0, 0.0, 0.0, 5.0]
    assert grid.valid[-4:, 0].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert grid.valid[:, 1].tolist() == [0.0] * 19 + [1.0]
    assert not grid.valid[:-4].any()


def test_what_comes_after_the_end_is_not_seen() -> None:
    """The model is causal: a cell that reaches beyond the end of the segment is left out."""
    ring = window()
    ring.add(sample(CELL_NS, gsr_us=9.0))
    assert ring.until(CELL_NS).empty
    assert ring.until(2 * CELL_NS - 1).empty
    assert not ring.until(2 * CELL_NS).empty


def test_a_late_sample_counts_and_an_ancient_one_does_not() -> None:
    ring = window()
    ring.add(sample(1000 * CELL_NS, gsr_us=1.0))
    ring.add(sample(990 * CELL_NS, gsr_us=2.0))
    ring.add(sample(0, gsr_us=3.0))
    grid = ring.until(1001 * CELL_NS)
    assert grid.values[:, 0].sum() == 3.0
    assert ring.until(CELL_NS).empty


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_a_value_that_is_no_number_is_absent(value: float) -> None:
    ring = window()
    ring.add(sample(0, gsr_us=value))
    assert ring.until(CELL_NS).empty


def test_an_uncalibrated_board_stands_in_with_what_changes() -> None:
    """More conductance is fewer counts; at the converter's stop nothing is known."""
    ring = window()
    for cell, counts in enumerate((300.0, 290.0, 1023.0, 0.0)):
        ring.add(sample(cell * CELL_NS, gsr_raw=counts))
    grid = ring.until(4 * CELL_NS)
    assert grid.valid[-4:, 0].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert 0 < grid.values[-4, 0] < grid.values[-3, 0]


def test_microsiemens_come_before_counts() -> None:
    ring = window()
    ring.add(sample(0, gsr_us=4.0, gsr_raw=300.0))
    assert ring.until(CELL_NS).values[-1, 0] == 4.0


@given(st.floats(1, 1021))
def test_relative_conductance_rises_as_counts_fall(counts: float) -> None:
    one, other = relative_conductance(counts), relative_conductance(counts + 1)
    assert one is not None and other is not None
    assert one > other > 0


@given(
    st.lists(
        st.tuples(st.integers(0, 200 * CELL_NS), st.floats(-1e5, 1e5), st.sampled_from(["gsr_us", "hr_bpm"])),
        max_size=60,
    ),
    st.integers(0, 220 * CELL_NS),
)
def test_any_samples_in_any_order_give_the_plain_means(samples: list[tuple[int, float, str]], end_ns: int) -> None:
    """Against the obvious way: a dictionary of all samples by cell."""
    ring = window()
    cells: dict[tuple[int, int], list[float]] = {}
    newest = max((at for at, _, _ in samples), default=0) // CELL_NS
    for at, value, name in samples:
        ring.add(sample(at, **{name: value}))
        cells.setdefault((at // CELL_NS, CHANNELS.index(Channel(name))), []).append(value)
    grid = ring.until(end_ns)
    last = end_ns // CELL_NS
    readable = last - CELLS > newest - CELLS - LATE_S * 4
    for row in range(CELLS):
        for column in range(2):
            held = cells.get((last - CELLS + row, column), [])
            if held and readable and newest - (last - CELLS + row) < LATE_S * 4:
                assert grid.valid[row, column] == 1
                assert grid.values[row, column] == pytest.approx(np.mean(held), rel=1e-5, abs=1e-2)
            elif not held:
                assert grid.valid[row, column] == 0
                assert grid.values[row, column] == 0
