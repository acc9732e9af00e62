"""How sure the pool of voices may be of its best class for strangers.

Whoever is left out of learning is told rightly more often than a pool says that is hardly sure, and less often than one
says that is very sure. So all log-odds are multiplied by a scale and by a power of their own spread: which class is the
likeliest stays, and how likely it is comes nearer to how often it is right.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEAST_SPREAD: Final = 0.05
"""Is added to the spread: log-odds that are all equal have none."""
MOST_POWER: Final = 0.9
"""Below 1, so that more spread log-odds stay surer."""
_STEPS: Final = 25
_CLOSE: Final = 1e-4
_SURE: Final = 1e-6
_RIDGE: Final = np.eye(2)
"""Penalty on the square of the distance from leaving all as it is, in rows."""


def spread_of(odds: Array) -> Array:
    """`[n]`: standard deviation of log-odds `[n, classes]`, and `LEAST_SPREAD`."""
    found: Array = odds.std(axis=1) + LEAST_SPREAD
    return found


def factor(odds: Array, sharpness: Array) -> Array:
    """`[n]`: what log-odds `[n, classes]` are to be multiplied by, given scale and power, `[n, 2]` or `[2]`."""
    found: Array = sharpness[..., 0] * spread_of(odds) ** -sharpness[..., 1]
    return found


def learn_sharpness(odds: Array, truth: NDArray[np.int64], weight: Array) -> tuple[float, float]:
    """Scale and power under which the best class is right as often as it says: likeliest of all by what came of it,
    right or wrong. By Fisher's scoring; `odds` are of people who did not teach them."""
    best = odds.argmax(1)
    right = (best == truth).astype(float)
    slopes = np.stack([np.ones(len(odds)), -np.log(spread_of(odds))], axis=1)
    found = np.zeros(2)
    for _ in range(_STEPS):
        scaled = odds * np.exp(slopes @ found)[:, None]
        shares = np.exp(scaled - scaled.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        lead = scaled.max(1) - (shares * scaled).sum(1)
        told = np.clip(shares.max(1), _SURE, 1.0 - _SURE)
        pull = slopes.T @ (weight * lead * (right - told) / (1.0 - told)) - _RIDGE @ found
        curve = (slopes * (weight * lead**2 * told / (1.0 - told))[:, None]).T @ slopes + _RIDGE
        step = np.linalg.solve(curve, pull)
        found = found + np.clip(step, -1.0, 1.0)
        found[1] = np.clip(found[1], 0.0, MOST_POWER)
        if np.abs(step).max() < _CLOSE:
            break
    return round(float(np.exp(found[0])), 4), round(float(found[1]), 4)
