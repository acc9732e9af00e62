"""Clock recovery between node and host: offset, drift and jitter from arrival times alone, against the truth."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.sensing.lower_edge import lower_edge
from edge.sensing.node_clock import NodeClock
from tests.support.late_arrivals import Path, arrivals

_MS = 1_000_000
_SETTLED_S = 30


def _placed(clock: NodeClock, elapsed_ms: list[int | None], arrived_ms: float) -> list[float]:
    elapsed = [None if step is None else step * 1000 for step in elapsed_ms]
    return [at / _MS for at, _ in clock.place(elapsed, round(arrived_ms * _MS))]


def _errors_ms(
    path: Path, *, drift_ppm: float, rate_hz: float = 100, seconds: float = 200
) -> tuple[NodeClock, list[float]]:
    """How far settled moments lie from the truth, but for the least delay, which nobody can know."""
    clock, before, errors = NodeClock(), None, []
    for arrival in arrivals(random.Random(3), path, drift_ppm=drift_ppm, rate_hz=rate_hz, seconds=seconds):
        elapsed: list[int | None] = []
        for node_us in arrival.node_us:
            elapsed.append(None if before is None else node_us - before)
            before = node_us
        placed = clock.place(elapsed, arrival.arrived_ns)
        assert not any(jumped for _, jumped in placed)
        errors += [
            (at - true) / _MS - path.least_ms
            for (at, _), true, node_us in zip(placed, arrival.true_ns, arrival.node_us, strict=True)
            if node_us > _SETTLED_S * 1e6
        ]
    return clock, errors


@pytest.mark.parametrize(
    ("path", "drift_ppm", "rms_ms", "worst_ms"),
    [
        (Path(), 35, 0.1, 0.5),
        (Path(), -35, 0.1, 0.5),
        (Path(timer_ms=16), 80, 0.5, 2.0),
        (Path(usual_ms=1), 5000, 0.2, 1.0),
        (Path(usual_ms=1), -5000, 0.2, 1.0),
        (Path(usual_ms=2, timer_ms=1, stall_every_s=5, stall_ms=300), 200, 0.5, 2.0),
        (Path(usual_ms=2, timer_ms=16, stall_every_s=30, stall_ms=2000), -200, 0.5, 3.0),
    ],
    ids=["quiet", "fast crystal", "latency timer", "resonator", "fast resonator", "bursts", "long stalls"],
)
def test_moments_lie_near_the_truth_whatever_the_line_does(
    path: Path, drift_ppm: float, rms_ms: float, worst_ms: float
) -> None:
    clock, errors = _errors_ms(path, drift_ppm=drift_ppm)
    assert math.sqrt(sum(error * error for error in errors) / len(errors)) < rms_ms
    assert max(map(abs, errors)) < worst_ms
    figures = clock.figures()
    assert figures is not None
    assert figures.drift_ppm == pytest.approx(drift_ppm, abs=20)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_moments_never_go_back_nor_lie_after_their_arrival(data: st.DataObject) -> None:
    clock, arrived_ns, last = NodeClock(), 10**9, -(10**18)
    steps = st.lists(st.none() | st.integers(0, 2**33), max_size=5)
    for elapsed in data.draw(st.lists(steps, max_size=30)):
        arrived_ns += data.draw(st.integers(0, 10**11))
        placed = clock.place(elapsed, arrived_ns)
        assert len(placed) == len(elapsed)
        for at, _ in placed:
            assert last <= at <= arrived_ns
            last = at


def test_samples_that_arrive_in_bunches_lie_where_the_board_measured_them() -> None:
    clock = NodeClock()
    placed = _placed(clock, [None], 0) + _placed(clock, [100] * 4, 400) + _placed(clock, [100], 500)
    assert placed + _placed(clock, [100] * 4, 900) == [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]


def test_of_a_first_bunch_the_last_came_in_time() -> None:
    assert _placed(NodeClock(), [None, 10, 10, 10], 1000) == [970, 980, 990, 1000]


def test_a_reset_begins_anew_without_a_jump_flag_and_in_order() -> None:
    clock = NodeClock()
    assert _placed(clock, [None, 100], 1000) == [900, 1000]
    assert clock.place([None, 100_000], 3000 * _MS) == [(2900 * _MS, False), (3000 * _MS, False)]


def test_a_board_or_a_host_that_slept_begins_anew_and_says_so() -> None:
    clock = NodeClock()
    clock.place([None], 0)
    assert clock.place([100_000], 60_000 * _MS) == [(60_000 * _MS, True)]
    assert clock.place([80_000_000], 60_100 * _MS) == [(60_100 * _MS, True)]


def test_a_board_clock_that_stood_still_for_a_second_is_noticed_within_half_a_minute() -> None:
    clock, jumps, placed = NodeClock(), 0, 0
    for tenth in range(900):
        behind_ms = 1000 if tenth > 300 else 0
        [(placed, jumped)] = clock.place([None if tenth == 0 else 100_000], (tenth * 100 + behind_ms) * _MS)
        jumps += jumped
    assert jumps == 1
    assert placed == (899 * 100 + 1000) * _MS


def test_the_path_of_a_busy_hour_is_bounded_and_its_jitter_told() -> None:
    clock, _ = _errors_ms(Path(usual_ms=4), drift_ppm=0, rate_hz=20, seconds=400)
    figures = clock.figures()
    assert figures is not None
    assert figures.jitter_ms == pytest.approx(4, abs=3)
    assert abs(figures.offset_ms) < 8


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.floats(-1e9, 1e9)), min_size=1, max_size=30, unique_by=lambda p: p[0])
)
def test_no_point_lies_below_the_lower_edge_and_none_of_its_slopes_is_too_steep(
    points: list[tuple[int, float]],
) -> None:
    ordered = [(float(x), y) for x, y in sorted(points)]
    edge = lower_edge(ordered, 0.01)
    assert abs(edge.slope) <= 0.01
    assert min(y - edge.at(x) for x, y in ordered) == pytest.approx(0, abs=1e-3)
