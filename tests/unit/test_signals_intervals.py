"""Wrong intervals are corrected, marked, and never counted."""

import math
from itertools import pairwise

import pytest

from edge.affect.signals.intervals import Interval, IntervalCorrector
from edge.affect.signals.variability import rate_bpm, rmssd_ms, sdnn_ms

STEADY = [800.0, 810.0, 790.0, 805.0, 795.0, 800.0, 810.0, 790.0]


def corrected(intervals: list[float]) -> list[Interval]:
    corrector = IntervalCorrector(lowest_ms=300, highest_ms=1700)
    found, at_ns = [], 0
    for ms in intervals:
        at_ns += round(ms * 1e6)
        found += corrector.add(at_ns, ms)
    return found + corrector.cut()


@pytest.mark.parametrize(
    ("wrong", "kind", "values"),
    [
        ([1600.0], "missed", [800.0, 800.0]),
        ([300.0, 500.0], "extra", [800.0]),
        ([560.0, 1040.0], "ectopic", [800.0, 800.0]),
    ],
)
def test_a_wrong_interval_is_told_and_corrected(wrong: list[float], kind: str, values: list[float]) -> None:
    found = corrected([*STEADY, *wrong, *STEADY])
    assert [one.ms for one in found if one.kind == kind] == values
    assert [one.ms for one in found if one.kind == "valid"] == STEADY + STEADY


def test_corrected_intervals_count_in_nothing() -> None:
    found = corrected([*STEADY, 1600.0, *STEADY])
    steps = [(b - a) ** 2 for a, b in pairwise(STEADY)] * 2
    assert rmssd_ms(found, least=14) == pytest.approx(math.sqrt(sum(steps) / len(steps)))
    assert rmssd_ms(found, least=15) is None
    assert rate_bpm(found, least=16) == pytest.approx(75.0)
    assert sdnn_ms(found, least=17) is None
    assert sdnn_ms(found, least=16) == pytest.approx(7.3, abs=0.5)


def test_a_heart_that_slows_within_three_beats_is_followed_from_the_first_of_the_slow_ones() -> None:
    """As a deep breath does: 750 ms, then 990; a lone one of them is still not believed."""
    quick, slow = [750.0, 755.0, 745.0, 750.0] * 4, [990.0, 960.0, 975.0, 980.0, 985.0]
    found = corrected([*quick, 880.0, *slow])
    assert [one.ms for one in found if one.kind == "valid"] == [*quick, 880.0, *slow]
    assert [one.end_ns for one in found] == sorted(one.end_ns for one in found)
    assert [one.ms for one in corrected([*quick, 990.0, *quick]) if one.kind == "valid"] == [*quick, *quick]


@pytest.mark.parametrize("wild", [[1010.0, 1250.0, 1450.0, 980.0], [2000.0, 2010.0, 1990.0, 2005.0]])
def test_what_is_not_alike_or_no_heart_is_not_believed_however_long_it_lasts(wild: list[float]) -> None:
    found = corrected([*STEADY, *wild, *STEADY])
    assert not {one.ms for one in found if one.kind == "valid"} & set(wild)


def test_a_heart_that_changes_is_followed() -> None:
    found = corrected([*STEADY, *[one * 0.6 for one in STEADY * 3]])
    assert sum(one.kind == "valid" and one.ms < 500 for one in found) >= 12


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_heart_of_twice_or_half_the_pace_is_followed(factor: float) -> None:
    """As after beats that were counted twice: no lasting run of them is extra or missed beats."""
    changed = [one * factor for one in STEADY * 4]
    found = corrected([*STEADY, *changed])
    assert [one.ms for one in found if one.kind == "valid"][-16:] == changed[-16:]
    assert [one.ms for one in corrected([*STEADY, *changed[:4], *STEADY]) if one.kind == "valid"] == STEADY + STEADY
