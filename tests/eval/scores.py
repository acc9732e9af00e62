"""The arithmetic of the figures: area under the curve, rates, medians."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def area_under_curve(scores: Sequence[float], abnormal: Sequence[bool]) -> float:
    """The chance that an abnormal frame scores higher than a normal one, ties counted half (Mann and Whitney).

    Micro: all frames of all clips together. NaN unless there are frames of both kinds.
    """
    values, positive = np.asarray(scores, np.float64), np.asarray(abnormal, bool)
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return float("nan")
    ranks = _ranks(values)
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def share(flags: Sequence[bool]) -> float:
    """The share that is true; NaN of nothing."""
    return sum(flags) / len(flags) if len(flags) else float("nan")


def folds(count: int, most: int) -> list[list[int]]:
    """0 to count - 1 dealt into at most `most` folds, each with neighbours apart."""
    number = max(1, min(most, count))
    return [list(range(first, count, number)) for first in range(number)]


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], np.float64)
