"""What an acknowledgement proves beyond its prefix, so that records which overtook others are not sent for ever."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from contract.messages import Ack

Range = tuple[int, int]
"""Closed: both ends belong to it."""
LARGEST: Final = 1 << 62
"""No record has a number beyond this."""


def missing_of(ack: Ack) -> list[Range]:
    """The ranges that the cloud lacks, ascending and apart; what makes no sense is left out or put right."""
    gaps: list[Range] = []
    for first, last in sorted(ack.missing):
        low = max(first, ack.seq + 1, gaps[-1][1] + 1 if gaps else 0)
        if low <= min(last, LARGEST):
            gaps.append((low, min(last, LARGEST)))
    return gaps


def proven_above(ack: Ack) -> list[Range]:
    """The ranges above `ack.seq` that the cloud has committed.

    Between two gaps there is nothing missing; after the last one that is told it is certain of the next number alone,
    unless the cloud says how far it is (`highest`).
    """
    gaps = missing_of(ack)
    top = max(ack.highest, gaps[-1][1] + 1 if gaps else 0)
    lows = [ack.seq + 1, *(last + 1 for _, last in gaps)]
    highs = [*(first - 1 for first, _ in gaps), top]
    return [(low, high) for low, high in zip(lows, highs, strict=True) if low <= high]


def up_to(last: int, ranges: Sequence[Range]) -> list[Range]:
    """What of `ranges` is not beyond `last`."""
    return [(low, min(high, last)) for low, high in ranges if low <= last]


def within(seq: int, ranges: Sequence[Range]) -> bool:
    """Whether a number is in one of `ranges`, which ascend and lie apart."""
    index = bisect_right(ranges, seq, key=_first) - 1
    return index >= 0 and seq <= ranges[index][1]


def _first(one: Range) -> int:
    return one[0]
