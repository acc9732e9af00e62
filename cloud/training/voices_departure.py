"""How this person departs from other viewers, as far as their labels so far tell: one more voice of the pool.

A Gaussian process (C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, 2006, section 2.2)
over the person's deviation from the mean of other viewers, valence and arousal each by itself, at places of 5 s since
the onset. How places hang together was learned; labels enter one by one, which is the same in closed form as all at
once and needs no inverse.
"""

from math import erf, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud.training.voices_recipe import Departure

Array = NDArray[np.float64]
OFF_CENTRE: Final = 0.25
"""By how much a value is moved away from the centre, before a hyperbolic tangent draws it in: see `values`."""
NOISE: Final = 0.005
"""Variance of a label about what is felt."""
FUZZ: Final = 0.02
"""Variance of a value about the border of its quadrants."""
UNKNOWN: Final = 2.0
"""Stands for a mean of others that nobody knows; a known one is between -1 and 1."""
PLACE_S: Final = 5.0
SURE: Final = 0.01
"""Neither side of a scale is held less likely than this."""
BORDER: Final = 1e-6
"""A label whose share of the high side is this near to a half does not say which."""
LATE_S: Final = 0.01
"""A segment that ends this little after the border of two places belongs to the former: clocks round."""
_erf = np.vectorize(erf, otypes=[np.float64])


def values(points: Array) -> Array:
    """Of valence or arousal, -1 to 1: which side it is on counts more than how far. At the centre it is low, as in
    CASE."""
    return np.tanh(points + np.where(points > 0, OFF_CENTRE, -OFF_CENTRE))


def values_of_shares(labels: Array, grade: float) -> tuple[Array, NDArray[np.bool_]]:
    """`[n, 2, k]` values of labels that are shares of the quadrants `[n, k, 4]`, and whether they say any."""
    high = np.stack([labels[:, :, 0] + labels[:, :, 1], labels[:, :, 0] + labels[:, :, 2]], axis=1)
    least = 1.0 / (1.0 + np.exp(grade))
    kept = np.clip(high, least, 1.0 - least)
    told = (labels.sum(2) > 0)[:, None] & (np.abs(high - 0.5) > BORDER)
    return values(np.log(kept / (1.0 - kept)) / grade), told


def place_of(since_s: Array) -> NDArray[np.int64]:
    """Which 5 s since the onset end at that moment."""
    return np.maximum(np.ceil((since_s - LATE_S) / PLACE_S) - 1.0, 0.0).astype(np.int64)


def departs(departure: Departure, others: Array, since_s: Array) -> NDArray[np.bool_]:
    """`[n]`: whether the others' mean is known now, at a place that was learned of. `others` is `[n, 1 + k, 2]`."""
    known = np.max(np.abs(others[:, 0]), axis=1) <= 1.0
    there: NDArray[np.bool_] = known & (place_of(since_s) < len(departure.covariance[0]))
    return there


def opinion(departure: Departure, said: tuple[Array, NDArray[np.bool_]], others: Array, at_s: Array) -> Array:
    """`[n, 4]` probabilities of the quadrants now.

    `said` are values of labels and whether they count, `[n, 2, k]` both; `others` is `[n, 1 + k, 2]`, now and at each
    label; `at_s` `[n, 1 + k]` seconds since the onset of all of these.
    """
    cover = np.array(departure.covariance)
    places = np.minimum(place_of(at_s), cover.shape[1] - 1)
    joint = cover[:, places[:, :, None], places[:, None, :]].transpose(1, 0, 2, 3)
    there = others.transpose(0, 2, 1)
    counts = said[1] & (np.abs(there[:, :, 1:]) <= 1.0)
    missed = np.where(counts, said[0] - there[:, :, 1:], 0.0)
    mean = np.zeros(there.shape)
    for index in range(missed.shape[2]):
        own = joint[:, :, :, index + 1]
        gain = own * (counts[:, :, index] / (np.maximum(own[:, :, index + 1], 0.0) + departure.noise))[:, :, None]
        mean = mean + gain * (missed[:, :, index] - mean[:, :, index + 1])[:, :, None]
        joint = joint - gain[:, :, :, None] * own[:, :, None, :]
    spread = np.sqrt(np.maximum(joint[:, :, 0, 0], 0.0) + departure.fuzz)
    return _quadrants((there[:, :, 0] + mean[:, :, 0]) / spread)


def _quadrants(steps: Array) -> Array:
    """From how many standard deviations `[n, 2]` valence and arousal are above their borders."""
    high = np.clip(0.5 * (1.0 + _erf(steps / sqrt(2.0))), SURE, 1.0 - SURE)
    valence, arousal = high[:, 0], high[:, 1]
    return np.stack(
        [valence * arousal, valence * (1 - arousal), (1 - valence) * arousal, (1 - valence) * (1 - arousal)], axis=1
    )
