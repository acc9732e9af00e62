"""Which box is which: pairs the boxes where things should be with those where something is, the likeliest first.

In plain numbers, each box with each: most frames hold a handful, for which arrays take many times as long. A crowd is
compared in arrays.
"""

import math
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final

from edge.vision.things import crowd
from edge.vision.things.crowd import LEAST_ALIKE, Box, Reach, each_once, others

__all__ = ["Box", "Reach", "coverings", "pairs"]
FEW: Final = 64
"""More boxes than this, both sides together, are a crowd."""
_Scored = list[tuple[float, int, int]]
"""Scores with their signs turned, and the places in both rows of boxes that they are of."""


def pairs(expected: Sequence[Box], found: Sequence[Box], reach: Reach) -> list[tuple[int, int]]:
    """Places in `expected` with places in `found`, each at most once.

    Overlapping boxes first, most overlap first; then the nearest of those that have their centres within `reach` (of
    each place in `expected`) and are of similar size. What is alike goes to the earlier one, and gets the leftmost one.
    """
    if not expected or not found:
        return []
    if len(expected) + len(found) > FEW:
        return crowd.pairs(expected, found, reach)
    columns = sorted(range(len(found)), key=lambda column: found[column][0] + found[column][2] / 2)
    made = _best_first(_overlaps(expected, found, columns))
    taken = {column for _, column in made}
    if len(taken) == len(found):
        return made
    lonely = others({row for row, _ in made}, len(expected))
    return made + _best_first(_nearest(expected, lonely, found, [at for at in columns if at not in taken], reach))


def coverings(covered: Sequence[Box], covering: Sequence[Box]) -> Iterator[tuple[int, int, float]]:
    """Each place in `covered` that is covered at all, with the one of `covering` that covers most of it, and the share;
    what is alike goes to the earlier one."""
    if not covered or not covering:
        return
    if len(covered) + len(covering) > FEW:
        yield from crowd.coverings(covered, covering)
        return
    best: dict[int, tuple[float, int]] = {}
    for row, column, shared, size, _ in _meeting(covered, list(enumerate(covering))):
        best[row] = max(best.get(row, (0.0, 0)), (shared / max(size, 1e-12), -column))
    yield from ((row, -column, share) for row, (share, column) in best.items() if share > 0)


def _overlaps(expected: Sequence[Box], found: Sequence[Box], columns: Sequence[int]) -> _Scored:
    """The intersections of boxes over their unions."""
    return [
        (-shared / max(size + other - shared, 1e-12), row, column)
        for row, column, shared, size, other in _meeting(expected, [(column, found[column]) for column in columns])
        if shared > 0
    ]


def _meeting(boxes: Sequence[Box], found: Sequence[tuple[int, Box]]) -> Iterator[tuple[int, int, float, float, float]]:
    """Place and place of those that share anything, how much that is, and how large both are."""
    others = [(column, x, y, x + w, y + h, w * h) for column, (x, y, w, h) in found]
    for row, (left, top, w, h) in enumerate(boxes):
        right, bottom, size = left + w, top + h, w * h
        for column, x, y, end, low, other in others:
            if x < right and left < end and y < bottom and top < low:
                yield row, column, (min(right, end) - max(left, x)) * (min(bottom, low) - max(top, y)), size, other


def _nearest(
    expected: Sequence[Box], lonely: Sequence[int], found: Sequence[Box], free: Sequence[int], reach: Reach
) -> _Scored:
    """How far from each other the centres are, from -1 for one place to 0 for the reach, of boxes of like size."""
    scored = []
    for row in lonely:
        x, y, w, h = expected[row]
        size, least = w * h, reach(row)
        for column in free:
            left, top, wide, tall = found[column]
            across, down, other = x + w / 2 - left - wide / 2, y + h / 2 - top - tall / 2, wide * tall
            apart = math.sqrt(across * across + down * down) / least - 1
            if apart < 0 and min(size, other) >= LEAST_ALIKE * max(size, other):
                scored.append((apart, row, column))
    return scored


def _best_first(scored: _Scored) -> list[tuple[int, int]]:
    return each_once((row, column) for _, row, column in sorted(scored, key=itemgetter(0)))
