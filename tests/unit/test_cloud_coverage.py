"""What of a boot is here and what is missing, against a plain set of numbers."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from cloud.store.coverage import Coverage, Range, cover, merge

RANGE = st.builds(lambda first, size: (first, first + size), st.integers(1, 60), st.integers(0, 8))


def _numbers(ranges: list[Range]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(st.lists(st.lists(RANGE, max_size=6), max_size=8))
def test_coverage_knows_what_a_set_would_know(batches: list[list[Range]]) -> None:
    coverage, seen = Coverage(), set[int]()
    for batch in batches:
        coverage, seen = cover(coverage, batch), seen | _numbers(batch)
        highest = max(seen, default=0)
        assert coverage.highest == highest
        assert _numbers(list(coverage.gaps)) == set(range(1, highest + 1)) - seen
        assert coverage.contiguous == next(n for n in range(highest + 2) if n + 1 not in seen)


@given(st.lists(RANGE, max_size=8))
def test_merged_ranges_are_apart_and_the_same_numbers(ranges: list[Range]) -> None:
    merged = merge(ranges)
    assert _numbers(merged) == _numbers(ranges)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(merged))


def test_records_in_order_leave_no_gap_to_keep() -> None:
    coverage = Coverage()
    for seq in range(1, 100):
        coverage = cover(coverage, [(seq, seq)])
    assert coverage == Coverage(99, ())
