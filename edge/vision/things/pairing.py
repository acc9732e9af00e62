"""Which box is which: pairs the boxes where things should be with those where something is, the likeliest first."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""Rows of x, y, w, h in shares of the picture."""
_Rows = NDArray[np.intp]
_LEAST_ALIKE: Final = 1 / 6
"""Of two boxes that do not touch, the smaller is at least this part of the larger one, or they are two things."""


def pairs(expected: Boxes, found: Boxes, reach: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows of `expected` with rows of `found`, each at most once.

    Overlapping boxes first, most overlap first; then the nearest of those that have their centres within `reach` (one
    for each expected box) and are of similar size. What is alike goes to the earlier row. Only boxes that are near one
    another are compared, so that hundreds cost little more than a few.
    """
    if not len(expected) or not len(found):
        return []
    rows, columns = _near(expected, found, np.zeros(len(expected)))
    made = _best_first(rows, columns, _overlap(expected[rows], found[columns]))
    lonely = _others({row for row, _ in made}, len(expected))
    free = _others({column for _, column in made}, len(found))
    if len(lonely) and len(free):
        rows, columns = _near(expected[lonely], found[free], reach[lonely])
        rows, columns = lonely[rows], free[columns]
        made += _best_first(rows, columns, _nearness(expected[rows], found[columns], reach[rows]))
    return made


def coverage(covered: Boxes, covering: Boxes) -> Boxes:
    """What share of each box of `covered` lies in each of `covering`: [len(covered), len(covering)]."""
    shared = _shared(covered[:, None, :], covering[None, :, :])
    return np.asarray(shared / np.maximum(covered[:, 2] * covered[:, 3], 1e-12)[:, None])


def _others(taken: set[int], count: int) -> _Rows:
    return np.array([row for row in range(count) if row not in taken], np.intp)


def _near(expected: Boxes, found: Boxes, reach: NDArray[np.float64]) -> tuple[_Rows, _Rows]:
    """Pairs that touch, or have their centres within `reach` by each axis: a sweep from left to right."""
    half, other = expected[:, 2:] / 2, found[:, 2:] / 2
    centre, place = expected[:, :2] + half, found[:, :2] + other
    order = np.argsort(place[:, 0], kind="stable")
    across = place[order, 0]
    gate = np.maximum(half[:, 0] + other[:, 0].max(), reach)
    first = np.searchsorted(across, centre[:, 0] - gate)
    counts = np.searchsorted(across, centre[:, 0] + gate, side="right") - first
    rows = np.repeat(np.arange(len(expected)), counts)
    skipped = np.cumsum(counts) - counts
    columns = order[np.arange(len(rows)) + np.repeat(first - skipped, counts)]
    apart = np.abs(centre[rows, 1] - place[columns, 1])
    close = apart < np.maximum(half[rows, 1] + other[columns, 1], reach[rows])
    return rows[close], columns[close]


def _overlap(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Intersection over union, row by row."""
    shared = _shared(a, b)
    union = a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - shared
    return np.asarray(shared / np.maximum(union, 1e-12))


def _nearness(a: Boxes, b: Boxes, reach: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for boxes in one place to 0 for those `reach` apart; none for boxes of unlike size."""
    sizes, others = a[:, 2] * a[:, 3], b[:, 2] * b[:, 3]
    alike = np.minimum(sizes, others) >= _LEAST_ALIKE * np.maximum(sizes, others)
    apart = a[:, :2] + a[:, 2:] / 2 - b[:, :2] - b[:, 2:] / 2
    return np.asarray(alike * (1 - np.hypot(apart[:, 0], apart[:, 1]) / reach))


def _shared(a: Boxes, b: Boxes) -> Boxes:
    across = np.minimum(a[..., 0] + a[..., 2], b[..., 0] + b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    down = np.minimum(a[..., 1] + a[..., 3], b[..., 1] + b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    return np.asarray(np.maximum(across, 0.0) * np.maximum(down, 0.0))


def _best_first(rows: _Rows, columns: _Rows, score: NDArray[np.float64]) -> list[tuple[int, int]]:
    order = np.argsort(-score, kind="stable")[: np.count_nonzero(score > 0)]
    return _greedy(rows[order].tolist(), columns[order].tolist())


def _greedy(rows: Sequence[int], columns: Sequence[int]) -> list[tuple[int, int]]:
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    made = []
    for row, column in zip(rows, columns, strict=True):
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            made.append((row, column))
    return made
