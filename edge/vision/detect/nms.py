"""Candidates of a detector made tidy: finite, inside the picture, the best first, and of each thing only one."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MOST: Final = 300
"""So many candidates are compared with each other at most."""
_LEAST_SIDE: Final = 1e-4
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a detector proposes, best first: `boxes` [n, 4] are left, top, right, bottom in shares of the model's input,
    all inside 0..1; `scores` [n] from 0 to 1; `classes` [n] are indexes of the manifest's classes."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]


def as_rows(array: NDArray[Any], columns: int) -> Floats:
    """Any array as rows of so many columns; what does not fill a row is left out."""
    with np.errstate(all="ignore"):
        flat = np.asarray(array).astype(np.float32).ravel()
    count = flat.size // columns
    return flat[: count * columns].reshape(count, columns)


def in_shares(boxes: Floats, size: tuple[float, float]) -> Floats:
    """Boxes [n, 4] in units of which the input has `size` (width, height), as shares of it."""
    with np.errstate(all="ignore"):
        return np.asarray(boxes / np.array([*size, *size], np.float32), np.float32)


def from_centres(rows: Floats) -> Floats:
    """Boxes [n, 4] of centre x, centre y, width, height as left, top, right, bottom."""
    with np.errstate(all="ignore"):
        half = rows[:, 2:] / 2
        return np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)


def tidy(boxes: Floats, scores: Floats, classes: NDArray[Any], min_score: float) -> Candidates:
    """The best of what counts at all: a number, inside the input or cut to it, and sure enough."""
    fine = (scores >= min_score) & (scores <= np.inf) & np.isfinite(boxes).all(axis=1)
    boxes = np.clip(boxes, 0.0, 1.0)
    fine &= ((boxes[:, 2:] - boxes[:, :2]) > _LEAST_SIDE).all(axis=1)
    kept = np.flatnonzero(fine)
    kept = kept[np.argsort(-scores[kept], kind="stable")[:MOST]]
    best = np.clip(scores[kept], 0.0, 1.0)
    return Candidates(boxes[kept].astype(np.float32), best.astype(np.float32), classes[kept].astype(np.int64))


def suppress(found: Candidates, max_overlap: float) -> Candidates:
    """Of candidates of one class that overlap by more than `max_overlap` (intersection over union), the best alone."""
    alive = survivors(found.boxes, found.classes, max_overlap)
    return Candidates(found.boxes[alive], found.scores[alive], found.classes[alive])


def survivors(boxes: Floats, classes: NDArray[np.int64], max_overlap: float) -> NDArray[np.bool_]:
    """Which of these boxes [n, 4], the best first, no better one of their class overlaps by more than `max_overlap`."""
    rivals = (overlap(boxes, boxes) > max_overlap) & (classes[:, None] == classes[None, :])
    alive = np.ones(len(boxes), bool)
    for index in range(len(alive)):
        if alive[index]:
            alive[index + 1 :] &= ~rivals[index, index + 1 :]
    return alive


def overlap(one: Floats, other: Floats) -> Floats:
    """Intersection over union of each box of `one` [n, 4] with each of `other` [m, 4], as [n, m]."""
    shared = intersection(one, other)
    union = _areas(one)[:, None] + _areas(other)[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-12), np.float32)


def intersection(one: Floats, other: Floats) -> Floats:
    """The area that each box of `one` [n, 4] has in common with each of `other` [m, 4], as [n, m]."""
    least = np.maximum(one[:, None, :2], other[None, :, :2])
    most = np.minimum(one[:, None, 2:], other[None, :, 2:])
    sides = np.clip(most - least, 0.0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def _areas(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
