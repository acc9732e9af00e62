"""Which box is which: pairs the boxes where things should be with those where something is, the likeliest first.

In plain numbers: most frames hold a handful of boxes, for which arrays take many times as long. Only boxes that are
near one another are compared, found by a sweep from left to right, so that hundreds cost little more than a few.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

Box = tuple[float, float, float, float]
"""x, y, w, h in shares of the picture."""
_LEAST_ALIKE: Final = 1 / 6
"""Of two boxes that do not touch, the smaller is at least this part of the larger one, or they are two things."""


def pairs(expected: Sequence[Box], found: Sequence[Box], reach: Sequence[float]) -> list[tuple[int, int]]:
    """Places in `expected` with places in `found`, each at most once.

    Overlapping boxes first, most overlap first; then the nearest of those that have their centres within `reach` (one
    for each expected box) and are of similar size. What is alike goes to the earlier one.
    """
    rows, columns = range(len(expected)), range(len(found))
    made = _best_first((_overlap(expected[a], found[b]), a, b) for a, b in _near(expected, rows, found, columns))
    lonely, free = _others({row for row, _ in made}, rows), _others({column for _, column in made}, columns)
    if lonely and free:
        near = _near(expected, lonely, found, free, reach)
        made += _best_first((_nearness(expected[a], found[b], reach[a]), a, b) for a, b in near)
    return made


def coverings(covered: Sequence[Box], covering: Sequence[Box]) -> Iterator[tuple[int, int, float]]:
    """Each place in `covered` whose box touches one of `covering`, with the one that covers most of it and the share
    that lies in that; what is alike goes to the earlier one."""
    best: dict[int, tuple[float, int]] = {}
    for row, column in _near(covered, range(len(covered)), covering, range(len(covering))):
        _, _, w, h = covered[row]
        share = _shared(covered[row], covering[column]) / max(w * h, 1e-12)
        best[row] = max(best.get(row, (0.0, 0)), (share, -column))
    return ((row, -column, share) for row, (share, column) in best.items())


def _others(taken: set[int], among: Iterable[int]) -> list[int]:
    return [at for at in among if at not in taken]


def _near(
    expected: Sequence[Box],
    rows: Sequence[int],
    found: Sequence[Box],
    columns: Sequence[int],
    reach: Sequence[float] | None = None,
) -> Iterator[tuple[int, int]]:
    """Pairs of these rows and columns that touch, or have their centres within `reach` by each axis."""
    if not rows or not columns:
        return
    middles = sorted(_middle(found[column], column) for column in columns)
    widest = max(found[column][2] for column in columns) / 2
    for row in rows:
        x, y, w, h = expected[row]
        least = reach[row] if reach else 0.0
        gate, across, down, half = max(w / 2 + widest, least), x + w / 2, y + h / 2, h / 2
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
    if min(size, other) < _LEAST_ALIKE * max(size, other):
        return 0.0
    across, down = a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[3] / 2 - b[1] - b[3] / 2
    return 1 - math.hypot(across, down) / reach


def _shared(a: Box, b: Box) -> float:
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    if across <= 0:
        return 0.0
    return across * max(min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]), 0.0)


def _best_first(scored: Iterable[tuple[float, int, int]]) -> list[tuple[int, int]]:
    """The pairs whose score is above 0, the best first, each row and column once."""
    rows: set[int] = set()
    columns: set[int] = set()
    made = []
    for _, row, column in sorted((one for one in scored if one[0] > 0), key=lambda one: -one[0]):
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            made.append((row, column))
    return made
