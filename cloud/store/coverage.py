"""Which sequence numbers of one boot are here, and which are missing: arithmetic on closed ranges, no database.

Instead of what is there we keep what is not: a device that is well has no gap at all, however many records it sent.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

Range = tuple[int, int]
MOST_GAPS: Final = 1000
"""Gaps kept of one boot. More than a window in flight can leave; a device that makes more has itself to blame."""


class Coverage(NamedTuple):
    """The highest number seen or given up, and the ranges below it that are neither, ascending and apart."""

    highest: int = 0
    gaps: tuple[Range, ...] = ()

    @property
    def contiguous(self) -> int:
        """The number up to which nothing is missing."""
        return self.gaps[0][0] - 1 if self.gaps else self.highest


def merge(ranges: Iterable[Range]) -> list[Range]:
    """The same numbers as ascending ranges that neither overlap nor touch."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def cover(before: Coverage, ranges: Iterable[Range]) -> Coverage:
    """`before` with all numbers of `ranges` (closed, from 1) present too.

    Beyond `MOST_GAPS` the highest gaps become one, and what lies between them counts as missing: a device forgets
    nothing above `contiguous`, so it sends that again.
    """
    highest, gaps = before.highest, list(before.gaps)
    for first, last in merge(ranges):
        if first > highest + 1:
            gaps.append((highest + 1, first - 1))
        gaps = _without(gaps, first, last)
        highest = max(highest, last)
    return Coverage(highest, tuple(_bounded(gaps)))


def _bounded(gaps: list[Range]) -> list[Range]:
    if len(gaps) <= MOST_GAPS:
        return gaps
    return [*gaps[: MOST_GAPS - 1], (gaps[MOST_GAPS - 1][0], gaps[-1][1])]


def _without(gaps: list[Range], first: int, last: int) -> list[Range]:
    kept: list[Range] = []
    for low, high in gaps:
        if high < first or low > last:
            kept.append((low, high))
            continue
        if low < first:
            kept.append((low, first - 1))
        if high > last:
            kept.append((last + 1, high))
    return kept
