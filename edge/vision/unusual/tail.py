"""Where an alarm begins: at a score that normal frames hardly ever reach, be the evidence much or little.

Scores above a high level come in bursts, one for each thing that passes. The bursts' peaks above the level are taken as
exponential (peaks over threshold: Davison and Smith, JRSS B 1990) with a scale that is itself uncertain: a gamma
prior worth `PRIOR_BURSTS` peaks of `PRIOR_SCALE` sigma. The threshold is what the predictive distribution exceeds in
one of `MOVING_FRAMES` frames with movement: careful after few bursts, closer to the scene with every one more.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST: Final = 4.0
"""However calm the scene, less than this many standard deviations is no alarm."""
MOVING_FRAMES: Final = 5000.0
PRIOR_BURSTS: Final = 10.0
PRIOR_SCALE: Final = 0.7
_LEVEL: Final = 0.9
_APART: Final = 25
"""Scores so many frames with movement apart belong to two bursts."""
_LEAST_SCORES: Final = 20


def threshold_of(scores: Sequence[float], taught: Sequence[float] = ()) -> float:
    """The threshold for `scores` of normal frames with movement, in order, sigma; `taught` are peaks of bursts besides.

    `LEAST` where there is next to nothing to judge by.
    """
    if len(scores) < _LEAST_SCORES:
        return LEAST
    values = np.asarray(scores, np.float64)
    level = float(np.quantile(values, _LEVEL))
    peaks = np.append(_peaks(values, level), taught) - level
    known = np.maximum(peaks, 0.0)
    bursts, total = PRIOR_BURSTS + len(known), PRIOR_BURSTS * PRIOR_SCALE + float(known.sum())
    often = max(MOVING_FRAMES * len(known) / len(values), 1.0)
    return max(LEAST, level + total * float(often ** (1 / bursts) - 1))


def _peaks(values: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """The highest value of each burst above `level`."""
    above = np.flatnonzero(values > level)
    if not len(above):
        return np.zeros(0)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(above) > _APART) + 1])
    return np.asarray(np.maximum.reduceat(values[above], starts))
