"""Where an alarm begins: at a score that normal frames hardly ever reach, be the evidence much or little.

Scores above a high level come in bursts, one for each thing that passes. Bursts come at some rate, and their peaks
exceed the level by exponentially distributed amounts (peaks over threshold: Davison and Smith, JRSS B 1990). Level,
rate and scale are uncertain at first: each starts from a prior that is worth `PRIOR_FRAMES` frames with movement, in
which there were `PRIOR_BURSTS` bursts. The threshold is what the predictive distribution of peaks exceeds once in
`MOVING_FRAMES` frames with movement: careful after few bursts, closer to the scene with every one more.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST: Final = 4.0
"""However calm the scene, less than this many standard deviations is no alarm."""
MOVING_FRAMES: Final = 5000.0
"""Five minutes of nothing but movement, at 15 frames a second."""
PRIOR_FRAMES, PRIOR_BURSTS = 500.0, 10.0
PRIOR_LEVEL, PRIOR_SCALE = 3.0, 0.5
"""Sigma: what cells that are Gaussian in truth come to, the three most deviating of some dozens."""
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
    frames = len(values) + PRIOR_FRAMES
    usual = float(np.quantile(values, _LEVEL))
    level = (len(values) * usual + PRIOR_FRAMES * max(usual, PRIOR_LEVEL)) / frames
    excesses = np.maximum(np.append(_peaks(values, level), taught) - level, 0.0)
    bursts = PRIOR_BURSTS + len(excesses)
    total = PRIOR_BURSTS * PRIOR_SCALE + float(excesses.sum())
    often = max(MOVING_FRAMES * bursts / frames, 1.0)
    return max(LEAST, level + total * float(often ** (1 / bursts) - 1))


def _peaks(values: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """The highest value of each burst above `level`."""
    above = np.flatnonzero(values > level)
    if not len(above):
        return np.zeros(0)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(above) > _APART) + 1])
    return np.asarray(np.maximum.reduceat(values[above], starts))
