"""How what people feel apart from other viewers hangs together over a film: learned of the people and films that teach,
and of nobody else."""

from typing import Final

import numpy as np

from cloud.training.voices_data import Labels, Viewings, sums_of
from cloud.training.voices_departure import FUZZ, NOISE, values
from cloud.training.voices_features import Array
from cloud.training.voices_recipe import NOBODY, Departure

PLACES: Final = 40
"""Of 5 s each, at most: no film of CASE is longer than 200 s."""
_DIGITS: Final = 5


def learn_departure(views: Viewings, train: Labels) -> Departure:
    """From the training rows alone; `NOBODY` where no two people saw the same."""
    counted = np.isin(np.arange(len(views.truth)), train)
    own = values(views.point)
    totals, others = sums_of(views, counted, own)
    rows = np.nonzero(counted & (others > 0) & (views.place < PLACES))[0]
    if not len(rows):
        return NOBODY
    apart = own[rows] - totals[rows] / others[rows][:, None]
    viewing = np.unique(np.stack([views.person[rows], views.video[rows]]), axis=1, return_inverse=True)[1].ravel()
    table = np.full((viewing.max() + 1, int(views.place[rows].max()) + 1, apart.shape[1]), np.nan)
    table[viewing, views.place[rows]] = apart
    covariance = [_covariance(table[:, :, scale]) for scale in range(apart.shape[1])]
    return Departure(noise=NOISE, fuzz=FUZZ, covariance=[np.round(one, _DIGITS).tolist() for one in covariance])


def _covariance(table: Array) -> Array:
    """Between the columns of `[viewings, places]` about zero, each pair where both are known, and of no negative
    variance in any direction."""
    known = ~np.isnan(table)
    filled = np.where(known, table, 0.0)
    pairs = known.T.astype(float) @ known
    variances, directions = np.linalg.eigh(filled.T @ filled / np.maximum(pairs, 1.0))
    whole: Array = (directions * np.maximum(variances, 0.0)) @ directions.T
    return whole
