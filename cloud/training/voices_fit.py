"""The fits that make the pool of voices: the body's own nested, how fast labels go stale, and who has how much say."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from cloud.training.emotion_data import CaseRows
from cloud.training.emotion_fit import balanced, evidence, fit_plain
from cloud.training.voices_data import (
    Asked,
    Labels,
    Viewings,
    asked,
    consensus,
    drawn,
    folds_by,
    heard,
    of_rows,
)
from cloud.training.voices_features import (
    BODY,
    COLUMNS,
    CONSENSUS,
    LABELLED,
    TABLES,
    Array,
    Heard,
    design,
    hold_of,
    present,
    softmax,
    stale_of,
    unvector,
)
from cloud.training.voices_recipe import Pool

EARLY_S: Final = (2.5, 5.0, 10.0, 20.0)
RATES: Final = (0.7, 1.0, 1.4, 2.0)
DRAWS: Final = 4
RIDGE: Final = 30.0
"""Penalty on the square of a weight's distance from where it begins, in rows: the body with its whole say."""
TABLE_RIDGE: Final = 300.0
"""The same for what follows a label of each class: 32 numbers, learned from what a few people felt in a few films."""
INNER_GROUPS: Final = 4
_STEPS: Final = 25
_REFINED: Final = 2
"""Steps from what all people taught to what all but some would have."""
_SHARP_RIDGE: Final = np.ones(2)
_TWO: Final = 2
_CLOSE: Final = 1e-4
_PENALTY: Final = np.full(COLUMNS, RIDGE)
_PENALTY[TABLES] = TABLE_RIDGE


class Learned(NamedTuple):
    """What a pool knows; see `voices_recipe`."""

    early_s: float
    rate: float
    labelled: Pool
    watched: Pool
    both: Pool


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
    shares = consensus(views, np.unique(views.person[train]))
    draws = [asked(views, drawn(random)) for _ in range(DRAWS)]
    scored = [train[~draw.labelled[train]] for draw in draws]
    early_s, rate = _shape(views, draws, scored)

    def learned(told: Sequence[Asked | None], crowd: Array | None, columns: list[int]) -> Pool:
        cuts = [of_rows(heard(views, body, labels, crowd), rows) for labels, rows in zip(told, scored, strict=True)]
        return _weights(cuts, [(views.truth[rows], views.person[rows]) for rows in scored], (early_s, rate), columns)

    everything = np.arange(COLUMNS)
    body_only, labels, crowd = ([int(one) for one in everything[voice]] for voice in (BODY, LABELLED, CONSENSUS))
    nobody = [None] * DRAWS
    return Learned(
        early_s=early_s,
        rate=rate,
        labelled=learned(draws, None, body_only + labels),
        watched=learned(nobody, shares, body_only[:1] + crowd[:1]),
        both=learned(draws, shares, body_only + labels + crowd),
    )


def _shape(views: Viewings, draws: list[Asked], scored: list[Labels]) -> tuple[float, float]:
    """By likelihood of the class, given the newest label: it holds, or one of those that follow it."""
    rows = np.concatenate(scored)
    newest = np.concatenate([draw.known[one, 0] for draw, one in zip(draws, scored, strict=True)])
    since = views.since_onset_s[rows]
    age = since - views.since_onset_s[newest]
    now, then = views.truth[rows], views.truth[newest]

    def likelihood(early_s: float, rate: float) -> float:
        hold = hold_of(since, age, early_s, rate) * (then == now)
        gone = 1.0 - hold_of(since, age, early_s, rate)
        follows = np.full((4, 4), 0.25)
        for _ in range(6):
            moved = gone * follows[then, now]
            counts = np.ones((4, 4))
            np.add.at(counts, (then, now), moved / np.maximum(hold + moved, 1e-9))
            follows = counts / counts.sum(1, keepdims=True)
        return float(np.log(np.maximum(hold + gone * follows[then, now], 1e-9)).mean())

    return max(((early, rate) for early in EARLY_S for rate in RATES), key=lambda shape: likelihood(*shape))


def _weights(
    cuts: list[Heard], truths: list[tuple[Labels, Labels]], shape: tuple[float, float], columns: list[int]
) -> Pool:
    """Conditional logistic regression over some columns of the design, where everybody expected is present."""
    with_labels, with_crowd = LABELLED.start in columns, CONSENSUS.start in columns
    kept = [np.all([present(cut)[0] >= with_labels, present(cut)[1] >= with_crowd], axis=0) for cut in cuts]
    x = np.concatenate(
        [design(of_rows(cut, rows), *shape)[:, :, columns] for cut, rows in zip(cuts, kept, strict=True)]
    )
    truth = np.concatenate([one[0][rows] for one, rows in zip(truths, kept, strict=True)])
    person = np.concatenate([one[1][rows] for one, rows in zip(truths, kept, strict=True)])
    found = np.zeros(COLUMNS)
    if not len(truth):
        return unvector(found)
    weight, penalty = balanced(truth, person) / DRAWS, _PENALTY[columns]
    found[columns] = _conditional_logit(x, truth, weight, penalty)
    stale = np.concatenate([stale_of(of_rows(cut, rows), *shape) for cut, rows in zip(cuts, kept, strict=True)])
    sharpness = _sharpness(_Rows(x, truth, weight, person), stale, penalty, found[columns])
    return replace(unvector(found), sharpness=(round(float(sharpness[0]), 4), round(float(sharpness[1]), 4)))


class _Rows(NamedTuple):
    """What a fit is made of."""

    x: Array
    truth: Labels
    weight: Array
    person: Labels


def _sharpness(rows: _Rows, stale: Array, penalty: Array, begun: Array) -> Array:
    """By how much the log-odds are to be multiplied for strangers, and what is added to it times `stale`.

    A ridge penalty makes the pool timid, and people are not all alike: learned where each group of people is judged by
    the weights that the others taught.
    """
    odds, groups = np.zeros(rows.x.shape[:2]), list(folds_by(rows.person, INNER_GROUPS))
    if len(groups) < _TWO:
        return np.array([1.0, 0.0])
    for kept, left in groups:
        weights = _conditional_logit(rows.x[kept], rows.truth[kept], rows.weight[kept], penalty, begun)
        odds[left] = rows.x[left] @ weights
    pair = np.stack([odds, odds * stale[:, None]], axis=2)
    return _conditional_logit(pair, rows.truth, rows.weight, _SHARP_RIDGE)


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
