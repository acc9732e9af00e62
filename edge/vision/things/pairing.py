"""Which box is which: pairs the boxes where things should be with those where something is, the likeliest first.

In plain numbers: most frames hold a handful of boxes, for which arrays take many times as long. Only boxes that are
near one another are compared, found by a sweep from left to right; a crowd is compared in arrays.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from edge.vision.things import crowd
from edge.vision.things.crowd import LEAST_ALIKE, SLACK, Box, each_once, others

__all__ = ["Box", "coverings", "pairs"]
FEW: Final = 64
"""More boxes than this, both sides together, are a crowd."""


def pairs(expected: Sequence[Box], found: Sequence[Box], reach: Sequence[float]) -> list[tuple[int, int]]:
    """Places in `expected` with places in `found`, each at most once.

    Overlapping boxes first, most overlap first; then the nearest of those that have their centres within `reach` (one
    for each expected box) and are of similar size. What is alike goes to the earlier one.
    """
    if _is_crowd(expected, found):
        return crowd.pairs(expected, found, reach)
    near = _near(expected, found)
    made = each_once(_best_first((_overlap(expected[row], found[at]), row, at) for row, at in near))
    lonely = others({row for row, _ in made}, len(expected))
    free = others({column for _, column in made}, len(found))
    if lonely and free:
        made += _nearest(expected, lonely, found, free, reach)
    return made


def coverings(covered: Sequence[Box], covering: Sequence[Box]) -> Iterator[tuple[int, int, float]]:
    """Each place in `covered` whose box touches one of `covering`, with the one that covers most of it and the share
    that lies in that; what is alike goes to the earlier one."""
    if _is_crowd(covered, covering):
        return crowd.coverings(covered, covering)
    best: dict[int, tuple[float, int]] = {}
    for row, column in _near(covered, covering):
        _, _, w, h = covered[row]
        share = _shared(covered[row], covering[column]) / max(w * h, 1e-12)
        best[row] = max(best.get(row, (0.0, 0)), (share, -column))
    return ((row, -column, share) for row, (share, column) in best.items() if share > 0)


def _is_crowd(boxes: Sequence[Box], others: Sequence[Box]) -> bool:
    return len(boxes) + len(others) > FEW and bool(boxes) and bool(others)


def _nearest(
    expected: Sequence[Box], lonely: Sequence[int], found: Sequence[Box], free: Sequence[int], reach: Sequence[float]
) -> list[tuple[int, int]]:
    """The pairs that nearness makes of those that overlap made none of."""
    boxes, reaches = [expected[row] for row in lonely], [reach[row] for row in lonely]
    places = [found[column] for column in free]
    near = _near(boxes, places, reaches)
    scored = ((_nearness(boxes[row], places[at], reaches[row]), row, at) for row, at in near)
    return [(lonely[row], free[at]) for row, at in each_once(_best_first(scored))]


def _near(
    expected: Sequence[Box], found: Sequence[Box], reach: Sequence[float] | None = None
) -> Iterator[tuple[int, int]]:
    """Pairs that touch, or have their centres within `reach` by each axis."""
    if not expected or not found:
        return
    middles = sorted(_middle(box, column) for column, box in enumerate(found))
    widest = max(w for _, _, w, _ in found) / 2
    for row, (x, y, w, h) in enumerate(expected):
        least = (reach[row] if reach else 0.0) + SLACK
        gate, across, down, half = max(w / 2 + widest + SLACK, least), x + w / 2, y + h / 2, h / 2 + SLACK
        first = bisect_left(middles, (across - gate, -1))
        for _, column, middle, tall in middles[first : bisect_right(middles, (across + gate, len(found)), first)]:
            apart = abs(down - middle)
            if apart < half + tall or apart < least:
                yield row, column


def _middle(box: Box, column: int) -> tuple[float, int, float, float]:
    x, y, w, h = box
    return x + w / 2, column, y + h / 2, h / 2


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    shared = _shared(a, b)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-12) if shared else 0.0


def _nearness(a: Box, b: Box, reach: float) -> float:
    """1 for boxes in one place to 0 for those `reach` apart; none for boxes of unlike size."""
    size, other = a[2] * a[3], b[2] * b[3]
    if min(size, other) < LEAST_ALIKE * max(size, other):
        return 0.0
    across, down = a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[3] / 2 - b[1] - b[3] / 2
    return 1 - math.sqrt(across * across + down * down) / reach


def _shared(a: Box, b: Box) -> float:
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    if across <= 0:
        return 0.0
    return across * max(min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]), 0.0)


def _best_first(scored: Iterable[tuple[float, int, int]]) -> list[tuple[int, int]]:
    """The pairs whose score is above 0, the best first."""
    return [(row, column) for _, row, column in sorted((one for one in scored if one[0] > 0), key=lambda one: -one[0])]
