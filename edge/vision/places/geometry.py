"""Where things are against polygons and lines, in shares of the picture.

Every question has one answer: a point on the border between two polygons is in exactly one of them, one on a line is on
its right, whichever way the points were drawn. Only comparisons of products decide, so nothing divides by nothing.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.messages import Box
from contract.plan import area

Place = tuple[float, float]
Flags = NDArray[np.bool_]
_LAST: Final = 1 - 2.0**-20
"""The picture's end belongs to it: who is cut off by the lower side stands in a zone that goes down to it."""


class Polygons:
    """Several polygons that a place is asked about at once. Even-odd: where one crosses itself is a hole.

    In plain numbers: for the few things of a frame arrays take many times as long.
    """

    def __init__(self, polygons: Sequence[Sequence[Place]]) -> None:
        self._edges = [(1 << at, *edge) for at, points in enumerate(polygons) for edge in _sloping(points)]

    def holding(self, place: Place) -> int:
        """The polygons that `place` is in, as bits: the first is the lowest."""
        x, y = place
        inside = 0
        for bit, left, upper, lower, across, down in self._edges:
            if upper <= y < lower and (x - left) * down < (y - upper) * across:
                inside ^= bit
        return inside


def fill(points: Sequence[Place], size: tuple[int, int]) -> Flags:
    """Which pixels of a picture of `size` (width, height) have their centre in a polygon: [height, width]."""
    x = ((np.arange(size[0]) + 0.5) / size[0])[None, :]
    y = ((np.arange(size[1]) + 0.5) / size[1])[:, None]
    inside = np.zeros((size[1], size[0]), bool)
    for x1, y1, x2, y2 in _edges(points):
        inside ^= (y1 <= y) & (y < y2) & ((x - x1) * (y2 - y1) < (y - y1) * (x2 - x1))
    return inside


def foot_of(box: Box) -> Place:
    """Where a thing stands: the middle of the lower side of its box, in the picture."""
    return within_picture(box.x + box.w / 2, box.y + box.h)


def within_picture(x: float, y: float) -> Place:
    """The place of the picture that is nearest to `x`, `y`."""
    if 0.0 <= x <= _LAST and 0.0 <= y <= _LAST:
        return x, y
    return min(max(x, 0.0), _LAST), min(max(y, 0.0), _LAST)


def crossing(a: Place, b: Place, start: Place, end: Place) -> int:
    """Whether the way from `start` to `end` crosses the line from `a` to `b`: 1 to the right hand of one who looks from
    `a` to `b` (`forward`), -1 to the left, 0 not at all. The way back is the opposite."""
    before, after = is_right(a, b, start), is_right(a, b, end)
    first, last = min(start, end), max(start, end)
    if before == after or is_right(first, last, a) == is_right(first, last, b):
        return 0
    return 1 if after else -1


def is_right(a: Place, b: Place, place: Place) -> bool:
    """Whether `place` is to the right hand of one who looks from `a` to `b`, or straight on the line."""
    return (b[0] - a[0]) * (place[1] - a[1]) - (b[1] - a[1]) * (place[0] - a[0]) >= 0


def distance(points: Sequence[Place], place: Place) -> float:
    """How far `place` is from the outline of a polygon."""
    turned = (*points[1:], points[0])
    return min(_to_segment(a, b, place) for a, b in zip(points, turned, strict=True))


def share_inside(box: Box, points: Sequence[Place]) -> float:
    """What share of a box lies in a polygon without crossings, 0 to 1."""
    whole = box.w * box.h
    if whole <= 0:
        return 0.0
    clipped = clip(points, box)
    return min(area(clipped) / whole, 1.0) if clipped else 0.0


def clip(points: Sequence[Place], box: Box) -> tuple[Place, ...]:
    """The part of a polygon that lies in a box, empty if none does: Sutherland and Hodgman, CACM 17 (1974) 32."""
    kept = tuple(points)
    for axis, bound, keeps_more in (
        (0, box.x, True),
        (0, box.x + box.w, False),
        (1, box.y, True),
        (1, box.y + box.h, False),
    ):
        kept = _clip_side(kept, axis, bound, keeps_more=keeps_more)
    return kept


def _clip_side(points: tuple[Place, ...], axis: int, bound: float, *, keeps_more: bool) -> tuple[Place, ...]:
    kept: list[Place] = []
    for at, end in enumerate(points):
        start = points[at - 1]
        starts, ends = ((place[axis] >= bound) == keeps_more for place in (start, end))
        if starts != ends:
            kept.append(_cut(start, end, axis, bound))
        if ends:
            kept.append(end)
    return tuple(kept)


def _cut(start: Place, end: Place, axis: int, bound: float) -> Place:
    part = (bound - start[axis]) / (end[axis] - start[axis])
    other = start[1 - axis] + part * (end[1 - axis] - start[1 - axis])
    return (bound, other) if axis == 0 else (other, bound)


def _edges(points: Sequence[Place]) -> list[tuple[float, float, float, float]]:
    """The edges, each from its upper to its lower end, so that a polygon is the same drawn either way round."""
    turned = (*points[1:], *points[:1])
    ordered = (sorted(pair, key=lambda place: (place[1], place[0])) for pair in zip(points, turned, strict=True))
    return [(*upper, *lower) for upper, lower in ordered]


def _sloping(points: Sequence[Place]) -> list[tuple[float, float, float, float, float]]:
    """The edges that are not level, each as its upper end's x and y, its lower end's y, and its way across and down."""
    return [(x1, y1, y2, x2 - x1, y2 - y1) for x1, y1, x2, y2 in _edges(points) if y1 < y2]


def _to_segment(a: Place, b: Place, place: Place) -> float:
    across, down = b[0] - a[0], b[1] - a[1]
    squared = across * across + down * down
    along = ((place[0] - a[0]) * across + (place[1] - a[1]) * down) / squared if squared else 0.0
    along = min(max(along, 0.0), 1.0)
    return math.dist(place, (a[0] + along * across, a[1] + along * down))
