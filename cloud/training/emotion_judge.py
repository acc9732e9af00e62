"""From features to a judgement in plain numpy: what the graph must compute after `emotion_features`.

Evidence on emotion counts the more the longer the body was seen since the onset of what it answers to: skin conductance
needs seconds to rise and minutes to settle. `ramp` is that share, the same in learning, here and in the graph.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cloud.training.emotion_features import COURSE, Array
from cloud.training.emotion_recipe import Recipe

RAMP_SEGMENTS, RAMP_FLOOR = 12.0, 0.6
"""Segments after an onset in which evidence comes 63 % of the way from `RAMP_FLOOR` of its weight to all of it. Chosen
for calibration; macro-F1 hardly depends on it."""
MARGIN_SCALE: Final = 0.15
"""The lead of the likeliest class over the second at which half of what a lead can say is said."""

CLARITY_SAY: Final = 2.0
"""How much more a lead is worth for each spread by which a clearer rating is to be expected, as a logarithm. From 1.5
to 5 what abstention gains is the same within .01."""
CLARITY_LIMIT: Final = 3.0
"""Spreads; 2 in 100 of what was learned from are farther from what is usual."""

BLIND: Final = 0.25
"""What a blind guess gives each class."""


class Judgement(NamedTuple):
    """What is said of one segment; shapes are those of the graph's outputs."""

    pushes: Array
    probabilities: Array
    valence: float
    arousal: float
    stress: float
    confidence: float
    sureness: float
    cluster: int


def judge(recipe: Recipe, features: Array, course: float, change: float) -> Judgement:
    """Judge `features` `[features]`, seen for `course` segments since the onset, with this change score."""
    evidence = features * ramp(course)
    pushes = evidence[:, None] * np.array(recipe.weights)
    shares = softmax((np.array(recipe.bias) + pushes.sum(0))[None])
    valence, arousal = np.array(recipe.scale_bias) + evidence @ np.array(recipe.scale_weights)
    seen = np.array([course])
    right = float(sigmoid(doubts(shares, seen) @ np.array(recipe.confidence))[0])
    clear = clarity_columns(evidence[None], np.array([change])) @ np.array(recipe.clarity)
    distances = np.square(np.array(recipe.prototypes) - features).sum(1)
    return Judgement(
        pushes=pushes,
        probabilities=modest(shares[0], right),
        valence=float(np.tanh(valence / 2)),
        arousal=float(np.tanh(arousal / 2)),
        stress=float(sigmoid(recipe.stress_bias + features @ np.array(recipe.stress_weights))),
        confidence=right,
        sureness=float(sureness(shares, seen, clear, np.array(recipe.usual_leads))[0]),
        cluster=int(distances.argmin()),
    )


def modest(shares: Array, confidence: float) -> Array:
    """`shares` drawn towards a blind guess until the greatest is no more than `confidence`: far from what was learned
    from, evidence adds up to certainties that nobody has earned."""
    kept = np.clip((confidence - BLIND) / max(float(shares.max()) - BLIND, 1e-6), 0.0, 1.0)
    drawn: Array = BLIND + kept * (shares - BLIND)
    return drawn


def ramp(course: ArrayLike) -> Array:
    """Share of its weight that evidence has after `course` segments since the onset."""
    share: Array = 1.0 - (1.0 - RAMP_FLOOR) * np.exp(-np.asarray(course, float) / RAMP_SEGMENTS)
    return share


def doubts(probabilities: Array, course: Array) -> Array:
    """`[rows, 3]`: 1, what the lead of the likeliest class says, and how long the body was seen."""
    lead = leads(probabilities)
    return np.stack([np.ones(len(lead)), lead / (lead + MARGIN_SCALE), course / COURSE], axis=1)


def leads(probabilities: Array) -> Array:
    """By how much the likeliest class of each row is likelier than the second."""
    ordered = np.sort(probabilities, axis=1)
    lead: Array = ordered[:, -1] - ordered[:, -2]
    return lead


def settled_leads(probabilities: Array, course: Array) -> Array:
    """The leads, less where the body had little time to answer since the onset."""
    return leads(probabilities) * (1.0 - np.exp(-course / RAMP_SEGMENTS))


def clarity_columns(evidence: Array, change: Array) -> Array:
    """What a clear rating is expected by: the evidence, its size, the change score from 0 to 1, and 1.

    `[rows, 2 * features + 2]`, of `evidence` `[rows, features]` and `change` `[rows]`.
    """
    moved = change / (1.0 + change)
    return np.column_stack([evidence, np.abs(evidence), moved, np.ones(len(evidence))])


def clear_leads(probabilities: Array, course: Array, clarity: Array) -> Array:
    """The settled leads, more where a rating far from the borders of the quadrants is to be expected of such a body.

    `clarity` is that distance in spreads of what is usual. Near a border a lead of any size says little about the side.
    """
    known = np.clip(clarity, -CLARITY_LIMIT, CLARITY_LIMIT)
    lead: Array = settled_leads(probabilities, course) * np.exp(CLARITY_SAY * known)
    return lead


def sureness(probabilities: Array, course: Array, clarity: Array, usual: Array) -> Array:
    """The clear lead beside what is usual for the class: 1 parts the surer half of each class from the other.

    A threshold on a probability would silence the classes that are hard to tell, and leave macro-F1 where it was.
    """
    shares: Array = clear_leads(probabilities, course, clarity) / usual[probabilities.argmax(1)]
    return shares


def softmax(log_odds: Array) -> Array:
    """Probabilities of `[rows, classes]`."""
    raised = np.exp(log_odds - log_odds.max(1, keepdims=True))
    shares: Array = raised / raised.sum(1, keepdims=True)
    return shares


def sigmoid(log_odds: ArrayLike) -> Array:
    """Probability of log-odds."""
    share: Array = 1.0 / (1.0 + np.exp(-np.asarray(log_odds, float)))
    return share
