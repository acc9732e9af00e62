"""The pool of voices in plain numpy: what the graph must compute, and what is learned over.

A logarithmic pool (C. Genest and J. V. Zidek, Statistical Science 1(1), 1986) whose weights depend on who is there and
on how stale the newest label is. How much of a label holds is a power of time since the onset of the stimulus, for
feelings change fastest where something begins: with u = ln(1 + t/early), hold = exp(-rate * (u(now) - u(then))).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.training.voices_departure import departs, opinion, values_of_shares
from cloud.training.voices_recipe import NOBODY, Departure, Pool, Recipe
from cloud.training.voices_sharpness import factor

Array = NDArray[np.float64]
CLASSES: Final = ("HH", "HL", "LH", "LL")
LABELS: Final = 8
BLUR: Final = 0.25
"""What is added to each class of a consensus before its logarithm, where the whole is 1."""
LEAST: Final = 1e-3
"""No voice rules out a class altogether."""
LATE_S: Final = 1.0
"""A label may be this much older than the onset and still be about the stimulus: clocks differ."""
MINUTE_S: Final = 60.0
EARLY_S: Final = 5.0
"""Until about here after the onset feelings change fastest; see `hold_of`."""
RATE: Final = 2.0
"""How fast labels go stale. Both were chosen by how well people that did not teach the pool are told, in sight of the
figures: how likely it is that a label is kept hardly tells one such pair from another."""
GRADE: Final = 9.0
"""How steeply a point of the square belongs to its quadrant. It is three quarters high at .12, which is half a point
of CASE's ratings of 0.5 to 9.5."""
_NUDGE: Final = 1e-5
_N: Final = len(CLASSES)
BODY: Final = slice(0, 2)
LABELLED: Final = slice(2, 4 + 2 * _N * _N)
TABLES: Final = slice(LABELLED.start + 2, LABELLED.stop)
CONSENSUS: Final = slice(LABELLED.stop, LABELLED.stop + 2)
DEPARTURE: Final = slice(CONSENSUS.stop, CONSENSUS.stop + 2)
CROWD: Final = slice(CONSENSUS.start, DEPARTURE.stop)
"""Consensus and departure: both are of other people."""
COLUMNS: Final = DEPARTURE.stop


class Heard(NamedTuple):
    """What is there at the end of each of n segments; the graph hears one of them."""

    body: Array
    """`[n, 4]` probabilities."""
    quality: Array
    """`[n]`"""
    labels: Array
    """`[n, k, 4]`, newest first, zeros where none; see `graded`."""
    ages_s: Array
    """`[n, k]`"""
    consensus: Array
    """`[n, 4]`, zeros where none."""
    since_onset_s: Array
    """`[n]`"""
    others: Array
    """`[n, 1 + k, 2]`: mean of others' values of valence and arousal now and at each label; see
    `voices_departure`."""


class Pooled(NamedTuple):
    """What came of it."""

    probabilities: Array
    weights: Array
    """`[n, 4]`: share of the say of body, labels, consensus and face."""


def pool(recipe: Recipe, heard: Heard, face: Array | None = None, face_weight: float = 0.0) -> Pooled:
    """The pool as learned. `face` is `[n, 4]`, zeros where none."""
    columns = design(heard, recipe.early_s, recipe.rate, recipe.departure)
    weighed = columns * weights_for(recipe, heard)[:, None, :]
    weighed *= factor(weighed.sum(2), _sharpness(recipe, heard))[:, None, None]
    seen = np.zeros_like(heard.body) if face is None else face
    there = (seen.sum(1) > 0)[:, None]
    parts = [weighed[..., voice].sum(2) for voice in (BODY, LABELLED, CROWD)]
    parts.append(face_weight * np.log(np.maximum(seen, LEAST)) * there)
    say = np.stack([part.max(1) - part.min(1) for part in parts], axis=1)
    whole = say.sum(1, keepdims=True)
    return Pooled(softmax(sum(parts, np.zeros_like(heard.body))), say / np.maximum(whole, 1e-6))


def design(heard: Heard, early_s: float, rate: float, departure: Departure = NOBODY) -> Array:
    """`[n, 4, COLUMNS]`: what each weight of a `Pool` is multiplied by, for each class."""
    labels, hold = _labels(heard, early_s, rate)
    told, stale = _told(labels), 1.0 - hold[:, :1]
    kept = hold[:, :1] * told[:, 0] + stale / _N
    older = (hold[:, 1:, None] * told[:, 1:]).sum(1)
    after = (stale * labels[:, 0])[:, None, :, None] * np.eye(_N)[None, :, None, :]
    after = after.reshape(len(stale), _N, _N * _N)
    late = np.log1p(heard.since_onset_s / MINUTE_S)[:, None, None]
    body, crowd = np.log(np.maximum(heard.body, LEAST)), np.log((heard.consensus + BLUR) / (1.0 + _N * BLUR))
    columns = [body, stale * body, np.log(np.maximum(kept, LEAST)), older]
    apart = _departure(heard, departure)
    pairs = [crowd, stale * crowd, apart, stale * apart]
    return np.concatenate([np.stack(columns, 2), after, late * after, np.stack(pairs, 2)], axis=2)


def weights_for(recipe: Recipe, heard: Heard) -> Array:
    """`[n, COLUMNS]`: the weights that hold for who is there. The body alone has its whole say."""
    labelled, watched = present(heard)
    chosen = _of_company(recipe, heard, [vector(one) for one in _companies(recipe)])
    alone = ~(labelled | watched)
    chosen[:, BODY] *= np.where(alone, 1.0, np.clip(heard.quality, 0.0, 1.0))[:, None]
    return chosen


def graded(points: Array) -> Array:
    """`[n, 4]` shares of the quadrants for `[n, 2]` valence and arousal, -1 to 1: how strongly a point belongs to each.

    The middle lines are low, as CASE counts a resting joystick.
    """
    high = 1.0 / (1.0 + np.exp(_NUDGE - GRADE * points))
    valence, arousal = np.stack([high, 1.0 - high], axis=2).transpose(1, 0, 2)
    shares: Array = (valence[:, :, None] * arousal[:, None, :]).reshape(-1, _N)
    return shares


def present(heard: Heard) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether there is a label that is about this stimulus, and a consensus."""
    return _about(heard)[:, 0] > 0, heard.consensus.sum(1) > 0


def departed(heard: Heard, departure: Departure) -> NDArray[np.bool_]:
    """`[n]`: whether there are labels and others, and these are known by their values at a place that was learned."""
    labelled, watched = present(heard)
    return labelled & watched & departs(departure, heard.others, heard.since_onset_s)


def vector(one: Pool) -> Array:
    """The weights in the order of the columns."""
    tables = [*np.ravel(one.after), *np.ravel(one.later)]
    return np.array([*one.body, one.newest, one.older, *tables, *one.consensus, *one.departure])


def unvector(weights: Array) -> Pool:
    """Weights in the order of the columns as a `Pool`, rounded as they are kept."""
    kept = [round(float(one), 4) for one in weights]
    square = [kept[at : at + _N] for at in range(4, 4 + 2 * _N * _N, _N)]
    return Pool(
        body=(kept[0], kept[1]),
        newest=kept[2],
        older=kept[3],
        after=square[:_N],
        later=square[_N:],
        consensus=(kept[CONSENSUS.start], kept[CONSENSUS.start + 1]),
        departure=(kept[DEPARTURE.start], kept[DEPARTURE.start + 1]),
    )


ALONE: Final = unvector(np.eye(COLUMNS)[0])
"""Nobody but the body."""


def hold_of(since_s: Array, age_s: Array, early_s: float, rate: float) -> Array:
    """What share of a label of that age holds so long after the onset."""
    then = np.maximum(since_s - age_s, 0.0)
    share: Array = ((1.0 + then / early_s) / (1.0 + np.maximum(since_s, 0.0) / early_s)) ** rate
    return share


def softmax(log_odds: Array) -> Array:
    """Probabilities of `[n, classes]`."""
    raised = np.exp(log_odds - log_odds.max(1, keepdims=True))
    shares: Array = raised / raised.sum(1, keepdims=True)
    return shares


def _companies(recipe: Recipe) -> tuple[Pool, Pool, Pool, Pool, Pool]:
    """What holds where nobody else is there, labels, a consensus, both, both with what the person departs by."""
    return ALONE, recipe.labelled, recipe.watched, recipe.both, recipe.departed


def _of_company(recipe: Recipe, heard: Heard, rows: Sequence[Array]) -> Array:
    """For each segment the one of five rows that is for who is there."""
    labelled, watched = present(heard)
    apart = departed(heard, recipe.departure)
    chosen: Array = np.stack(rows)[labelled.astype(int) + 2 * watched.astype(int) + apart.astype(int)]
    return chosen


def _departure(heard: Heard, departure: Departure) -> Array:
    """`[n, 4]` log probabilities by how the person departs from others; zeros where that is not known."""
    found, rows = np.zeros_like(heard.body), np.nonzero(departed(heard, departure))[0]
    if len(rows):
        some = Heard(*(column[rows] for column in heard))
        since = some.since_onset_s[:, None]
        said = values_of_shares(_shares(some), GRADE)
        at_s = np.concatenate([since, since - np.maximum(some.ages_s, 0.0)], axis=1)
        found[rows] = np.log(opinion(departure, said, some.others, at_s))
    return found


def _sharpness(recipe: Recipe, heard: Heard) -> Array:
    """`[n, 2]`: see `voices_sharpness.factor`."""
    return _of_company(recipe, heard, [np.array(one.sharpness) for one in _companies(recipe)])


def _told(shares: Array) -> Array:
    """Labels as the classes they are said to be, for that is what holds: the largest share, or each of the largest."""
    largest = shares.max(2, keepdims=True)
    best = (shares >= largest) & (largest > 0)
    told: Array = best / np.maximum(best.sum(2, keepdims=True), 1)
    return told


def _about(heard: Heard) -> Array:
    """1 where a label is there and about this stimulus."""
    there = (heard.labels.sum(2) > 0) & (heard.ages_s >= 0)
    about: Array = (there & (heard.ages_s <= heard.since_onset_s[:, None] + LATE_S)).astype(float)
    return about


def _labels(heard: Heard, early_s: float, rate: float) -> tuple[Array, Array]:
    """Labels that sum to 1 or are zeros, and what share of each holds."""
    hold = hold_of(heard.since_onset_s[:, None], np.maximum(heard.ages_s, 0.0), early_s, rate)
    return _shares(heard), hold * _about(heard)


def _shares(heard: Heard) -> Array:
    """`[n, k, 4]`: labels that are about this stimulus, each of which sums to 1; zeros for the others."""
    shares: Array = heard.labels / np.maximum(heard.labels.sum(2, keepdims=True), 1e-6) * _about(heard)[:, :, None]
    return shares
