"""The fits that make the pool of voices: the body's own nested, and who has how much say."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from cloud.training.emotion_data import CaseRows
from cloud.training.emotion_fit import balanced, evidence, fit_plain
from cloud.training.voices_covariance import learn_departure
from cloud.training.voices_data import (
    Asked,
    Crowd,
    Labels,
    Viewings,
    asked,
    crowd_of,
    drawn,
    folds_by,
    heard,
    of_rows,
)
from cloud.training.voices_features import (
    BODY,
    CLASSES,
    COLUMNS,
    CONSENSUS,
    DEPARTURE,
    EARLY_S,
    LABELLED,
    RATE,
    TABLES,
    Array,
    Heard,
    departed,
    design,
    present,
    softmax,
    unvector,
)
from cloud.training.voices_recipe import NOBODY, Departure, Pool
from cloud.training.voices_sharpness import learn_sharpness

DRAWS: Final = 4
APART_DRAWS: Final = 8
"""Of these, where what others felt is known: the more, the less hangs on which moments were drawn."""
RIDGE: Final = 30.0
"""Penalty on the square of a weight's distance from where it begins, in rows: the body with its whole say."""
TABLE_RIDGE: Final = 300.0
"""The same for what follows a label of each class: 32 numbers, learned from what a few people felt in a few films."""
APART_TABLE_RIDGE: Final = 100.0
"""The same where what others felt is known."""
APART_RARITY: Final = 0.15
"""There a class counts by this power of how rare it is, beside all counting the same."""
INNER_GROUPS: Final = 4
_STEPS: Final = 25
_REFINED: Final = 2
"""Steps from what all people taught to what all but some would have."""
_TWO: Final = 2
_CLOSE: Final = 1e-4
_PENALTY: Final = np.full(COLUMNS, RIDGE)
_PENALTY[TABLES] = TABLE_RIDGE
_APART_PENALTY: Final = _PENALTY.copy()
_APART_PENALTY[TABLES] = APART_TABLE_RIDGE


class Learned(NamedTuple):
    """What a pool knows; see `voices_recipe`."""

    labelled: Pool
    watched: Pool
    both: Pool
    departed: Pool
    departure: Departure


def body_voice(case: CaseRows, train: Labels, test: Labels) -> Array:
    """`[segments, 4]` calibrated probabilities by the body: training rows out of fold (by groups of people, within the
    training rows alone), test rows by a model of all training rows; uniform elsewhere."""
    x, truth, person = evidence(case), case.quadrant, case.person
    odds = np.zeros((len(x), 4))
    for kept, left in folds_by(person[train], INNER_GROUPS):
        odds[train[left]] = fit_plain(x[train[kept]], truth[train[kept]], person[train[kept]])(x[train[left]])
    shared = balanced(truth[train], person[train])
    scale = _conditional_logit(odds[train][:, :, None], truth[train], shared, np.array([RIDGE]))
    if len(test):
        odds[test] = fit_plain(x[train], truth[train], person[train])(x[test])
    return softmax(odds * scale)


def learn_pool(views: Viewings, body: Array, train: Labels, *, seed: int) -> Learned:
    """Learn from the training rows: labels at random moments, consensus of the other people among them."""
    random = np.random.default_rng(seed)
    crowd = crowd_of(views, np.unique(views.person[train]))
    departure = learn_departure(views, train)
    draws = [asked(views, drawn(random)) for _ in range(APART_DRAWS)]
    scored = [train[~draw.labelled[train]] for draw in draws]

    def learned(told: Sequence[Asked | None], others: Crowd | None, columns: list[int]) -> Pool:
        cuts = [of_rows(heard(views, body, labels, others), rows) for labels, rows in zip(told, scored, strict=False)]
        truths = [(views.truth[rows], views.person[rows]) for rows in scored[: len(told)]]
        return _weights(cuts, truths, columns, departure if DEPARTURE.start in columns else NOBODY)

    everything = np.arange(COLUMNS)
    body_only, labels, shares, apart = (
        [int(one) for one in everything[voice]] for voice in (BODY, LABELLED, CONSENSUS, DEPARTURE)
    )
    nobody = [None] * DRAWS
    return Learned(
        labelled=learned(draws[:DRAWS], None, body_only + labels),
        watched=learned(nobody, crowd, body_only[:1] + shares[:1]),
        both=learned(draws[:DRAWS], crowd, body_only + labels + shares),
        departed=learned(draws, crowd, body_only + labels + shares + apart),
        departure=departure,
    )


def _weights(cuts: list[Heard], truths: list[tuple[Labels, Labels]], columns: list[int], departure: Departure) -> Pool:
    """Conditional logistic regression over some columns of the design, where everybody expected is present."""
    with_labels, with_crowd = LABELLED.start in columns, CONSENSUS.start in columns
    apart = DEPARTURE.start in columns
    kept = [
        np.all(
            [present(cut)[0] >= with_labels, present(cut)[1] >= with_crowd, departed(cut, departure) >= apart], axis=0
        )
        for cut in cuts
    ]
    x = np.concatenate(
        [
            design(of_rows(cut, rows), EARLY_S, RATE, departure)[:, :, columns]
            for cut, rows in zip(cuts, kept, strict=True)
        ]
    )
    truth = np.concatenate([one[0][rows] for one, rows in zip(truths, kept, strict=True)])
    person = np.concatenate([one[1][rows] for one, rows in zip(truths, kept, strict=True)])
    found = np.zeros(COLUMNS)
    if not len(truth):
        return unvector(found)
    weight = balanced(truth, person) / len(cuts)
    penalty = (_APART_PENALTY if apart else _PENALTY)[columns]
    if apart:
        weight = weight * _rarity(truth)
    found[columns] = _conditional_logit(x, truth, weight, penalty)
    sharpness = _sharpness(_Rows(x, truth, weight, person), penalty, found[columns])
    return replace(unvector(found), sharpness=sharpness)


def _rarity(truth: Labels) -> Array:
    """`[n]`: how much more a row counts for the rarity of its class, one in the mean over classes."""
    counts = np.maximum(np.bincount(truth, minlength=len(CLASSES)), 1).astype(float)
    raised = counts**-APART_RARITY
    found: Array = (raised / raised.mean())[truth]
    return found


class _Rows(NamedTuple):
    """What a fit is made of."""

    x: Array
    truth: Labels
    weight: Array
    person: Labels


def _sharpness(rows: _Rows, penalty: Array, begun: Array) -> tuple[float, float]:
    """See `voices_sharpness`: learned where each group of people is judged by the weights that the others taught."""
    odds, groups = np.zeros(rows.x.shape[:2]), list(folds_by(rows.person, INNER_GROUPS))
    if len(groups) < _TWO:
        return 1.0, 0.0
    for kept, left in groups:
        weights = _conditional_logit(rows.x[kept], rows.truth[kept], rows.weight[kept], penalty, begun)
        odds[left] = rows.x[left] @ weights
    return learn_sharpness(odds, rows.truth, rows.weight)


def _conditional_logit(x: Array, truth: Labels, weight: Array, penalty: Array, begun: Array | None = None) -> Array:
    """Newton's method from "the body alone", or a few steps from where it has `begun`.

    `x` is `[rows, classes, columns]`, `penalty` of each column's distance from "the body alone".
    """
    start = np.zeros(x.shape[2])
    start[0] = 1.0
    found = start.copy() if begun is None else begun.copy()
    rows = np.arange(len(truth))
    for _ in range(_STEPS if begun is None else _REFINED):
        shares = softmax(x @ found)
        mean = np.einsum("nc,ncp->np", shares, x)
        slope = weight @ (x[rows, truth] - mean) - penalty * (found - start)
        spread = (x * (shares * weight[:, None])[:, :, None]).reshape(-1, len(found))
        curve = spread.T @ x.reshape(-1, len(found)) - (mean * weight[:, None]).T @ mean
        step = np.linalg.solve(curve + np.diag(penalty), slope)
        found = found + step
        if np.abs(step).max() < _CLOSE:
            break
    return found
