"""The comparisons of `pairing` for a crowd: arrays, which take long to begin with but little longer for hundreds.

Each gives exactly what its namesake in `pairing` gives, for the arithmetic is the same, step by step. But only boxes
that are near one another are compared, found by a sweep from left to right.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""x, y, w, h in shares of the picture."""
Reach = Callable[[int], float]
"""How far from where it is expected a box may be found, by its place."""
LEAST_ALIKE: Final = 1 / 6
"""Of two boxes that do not touch, the smaller is at least this part of the larger one, or they are two things."""
_SLACK: Final = 1e-9
"""Who is left out before a score is taken is farther off than rounding could have put them."""
_Floats = NDArray[np.float64]
_Places = NDArray[np.intp]


def pairs(expected: Sequence[Box], found: Sequence[Box], reach: Reach) -> list[tuple[int, int]]:
    """Places in `expected` with places in `found`; neither is empty."""
    a, b = _sides(expected), _sides(found)
    made = each_once(_overlapping(a, b))
    lonely = np.array(others({row for row, _ in made}, len(expected)), np.intp)
    free = np.array(others({column for _, column in made}, len(found)), np.intp)
    if lonely.size and free.size:
        near = each_once(_nearest(a[:, lonely], b[:, free], np.array([reach(row) for row in lonely.tolist()])))
        made += [(int(lonely[row]), int(free[column])) for row, column in near]
    return made


def coverings(covered: Sequence[Box], covering: Sequence[Box]) -> Iterator[tuple[int, int, float]]:
    """Each place in `covered` that is covered at all, with the one that covers most of it, and the share; neither is
    empty."""
    a, b = _sides(covered)[:, :, None], _sides(covering)[:, None, :]
    shares = _shared(a, b) / np.maximum(a[2] * a[3], 1e-12)
    best, most = shares.argmax(axis=1).tolist(), shares.max(axis=1).tolist()
    return ((row, column, share) for row, (column, share) in enumerate(zip(best, most, strict=True)) if share > 0)


def each_once(found: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of pairs in order those whose row and column are not in an earlier one."""
    rows: set[int] = set()
    columns: set[int] = set()
    made = []
    for row, column in found:
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            made.append((row, column))
    return made


def others(taken: set[int], count: int) -> list[int]:
    """The places up to `count` that are not taken."""
    return [at for at in range(count) if at not in taken]


def _sides(boxes: Sequence[Box]) -> _Floats:
    """x, y, w and h as rows, each in one piece."""
    return np.ascontiguousarray(np.array(boxes).T)


def _overlapping(a: _Floats, b: _Floats) -> list[tuple[int, int]]:
    rows, columns = _near(a, b)
    a, b = a[:, rows], b[:, columns]
    shared = _shared(a, b)
    return _best_first(rows, columns, shared / np.maximum(a[2] * a[3] + b[2] * b[3] - shared, 1e-12))


def _nearest(a: _Floats, b: _Floats, reaches: _Floats) -> list[tuple[int, int]]:
    rows, columns = _near(a, b, reaches)
    a, b = a[:, rows], b[:, columns]
    size, other = a[2] * a[3], b[2] * b[3]
    alike = np.minimum(size, other) >= LEAST_ALIKE * np.maximum(size, other)
    across, down = a[:2] + a[2:] / 2 - b[:2] - b[2:] / 2
    return _best_first(rows, columns, alike * (1 - np.sqrt(across * across + down * down) / reaches[rows]))


def _near(a: _Floats, b: _Floats, reaches: _Floats | float = 0.0) -> tuple[_Places, _Places]:
    """Places of boxes that touch, or have their centres within reach by each axis."""
    half, other = a[2:] / 2 + _SLACK, b[2:] / 2
    (x, y), (middle, level) = a[:2] + a[2:] / 2, b[:2] + other
    least = reaches + _SLACK
    order = np.argsort(middle, kind="stable")
    middle, level, tall = middle[order], level[order], other[1][order]
    gate = np.maximum(half[0] + other[0].max(), least)
    first = np.searchsorted(middle, x - gate)
    counts = np.searchsorted(middle, x + gate, side="right") - first
    columns = np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)
    apart = np.abs(np.repeat(y, counts) - level[columns])
    high = np.repeat(half[1], counts) + tall[columns]
    close = np.flatnonzero(apart < (np.maximum(high, np.repeat(least, counts)) if np.ndim(reaches) else high))
    return np.repeat(np.arange(len(counts)), counts)[close], order[columns[close]]


def _shared(a: _Floats, b: _Floats) -> _Floats:
    across, down = np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2])
    return np.asarray(np.maximum(across, 0.0) * np.maximum(down, 0.0))


def _best_first(rows: _Places, columns: _Places, scores: _Floats) -> list[tuple[int, int]]:
    liked = np.flatnonzero(scores > 0)
    order = liked[np.argsort(-scores[liked], kind="stable")]
    return list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))
