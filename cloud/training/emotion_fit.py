"""The fits that make the emotion model, each a regularised linear one: there are twenty people to learn from.

Strengths were chosen once and are coarse on purpose: from a third to threefold they change the macro-F1 of unseen
people by less than .02, which is noise, and what abstention gains by up to .04.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression, Ridge

from cloud.training import emotion_score as score
from cloud.training.emotion_data import RATING_CENTRE, CaseRows, StressRows
from cloud.training.emotion_features import CHANNELS, FEATURES, KINDS, Array
from cloud.training.emotion_judge import clarity_columns, clear_leads, doubts, ramp, sigmoid, softmax
from cloud.training.emotion_score import CLASSES, Labels

STRENGTH: Final = 0.03
"""Inverse of the ridge penalty."""
AROUSAL_SIGN: Final = np.array([0.5, -0.5, 0.5, -0.5])
"""Adding `d * AROUSAL_SIGN` to the four log-odds adds `d` to the log-odds of arousal and nothing to valence."""
SCALES_SAY: Final = 0.3
"""What the log-odds of valence and arousal, each learned on its own, add to the quadrants'. From .1 to .5 the figures
differ by less than .01; with nothing, the surer half is worse by .02 and the calibration by .01."""
CLARITY_RIDGE: Final = 0.1
"""Of the columns in their own spreads, beside a mean over the rows. From .03 to .3 what abstention gains is the same
within .01."""
CLUSTERS: Final = 5
_TEMPERATURES: Final = np.geomspace(0.5, 3.0, 31)
_LEAST_LEAD: Final = 1e-3
_LEAST_SPREAD: Final = 1e-6
_STANDING_OUT: Final = 0.5
_TWO: Final = 2
_SIGNS: Final = np.array([[0.5, 0.5, -0.5, -0.5], [0.5, -0.5, 0.5, -0.5]])
"""What high valence, and high arousal, say for each class."""
_POWERS: Final = np.arange(1, 4)
_ACROSS: Final = [channel for _ in KINDS for channel in CHANNELS]
_KIND: Final = [kind for kind in KINDS for _ in CHANNELS]
_TIMELESS: Final = np.array([kind not in {"since_onset", "course"} for kind in _KIND])
"""Stress-Predict has one onset, its beginning: distances from it would know the session's clock."""
_PULSE: Final = np.array([channel in {"hr_bpm", "ibi_ms"} for channel in _ACROSS]) & _TIMELESS
_MEASURED: Final = np.array([channel in {"gsr_us", "skin_c"} for channel in _ACROSS])


class Unseen(NamedTuple):
    """What models say that know neither the person nor the film: uncalibrated log-odds, row by row."""

    quadrant: Array
    """`[rows, 4]`"""
    scales: Array
    """`[rows, 2]`: of high valence and of high arousal."""
    clarity: Array
    """`[rows]`: how far from the borders of the quadrants a rating is to be expected, in spreads."""


class BodyFit(NamedTuple):
    """What was learned from CASE; temperatures are divided out already."""

    weights: Array
    bias: Array
    scale_weights: Array
    scale_bias: Array
    temperature: float
    confidence: Array
    clarity: Array
    usual_leads: Array

    def quadrant(self, rows: CaseRows) -> Array:
        """Probabilities `[rows, 4]`."""
        return softmax(evidence(rows) @ self.weights + self.bias)

    def scales(self, rows: CaseRows) -> Array:
        """Log-odds of high valence and of high arousal `[rows, 2]`."""
        odds: Array = evidence(rows) @ self.scale_weights + self.scale_bias
        return odds

    def confident(self, rows: CaseRows) -> Array:
        """Probability of being right `[rows]`."""
        return sigmoid(doubts(self.quadrant(rows), rows.course) @ self.confidence)


def evidence(rows: CaseRows) -> Array:
    """The features of a segment, weighted by how long the body was seen since the onset."""
    return rows.x * ramp(rows.course)[:, None]


def unseen(case: CaseRows, folds: list[tuple[Labels, Labels]], *, tested: CaseRows | None = None) -> Unseen:
    """Log-odds of each row by a model that saw only the training rows of its fold.

    `tested` stands for `case` when testing: the same segments by another sensor.
    """
    x, truth = evidence(case), case.quadrant
    probed = x if tested is None else evidence(tested)
    columns = clarity_columns(x, case.change)
    tested_columns = columns if tested is None else clarity_columns(probed, tested.change)
    found = Unseen(np.zeros((len(x), len(CLASSES))), np.zeros((len(x), 2)), np.zeros(len(x)))
    for train, test in folds:
        (weights, bias), (scales, offset) = _heads(x[train], truth[train], case.person[train])
        found.quadrant[test], found.scales[test] = probed[test] @ weights + bias, probed[test] @ scales + offset
        found.clarity[test] = tested_columns[test] @ fit_clarity(columns[train], case.at(train))
    return found


def fit_body(case: CaseRows, outside: Unseen) -> BodyFit:
    """Learn from all rows; temperature and confidence from `outside`, where nobody was known."""
    truth, person = case.quadrant, case.person
    (weights, bias), (scales, offset) = _heads(evidence(case), truth, person)
    temperature = best_temperature(outside.quadrant, truth)
    cool = [scale_temperature(outside.scales[:, at], high(truth)[:, at]) for at in (0, 1)]
    shares = softmax(outside.quadrant / temperature)
    return BodyFit(
        weights / temperature,
        bias / temperature,
        scales / cool,
        offset / cool,
        temperature,
        fit_confidence(shares, case),
        fit_clarity(clarity_columns(evidence(case), case.change), case),
        fit_usual_leads(shares, case.course, outside.clarity),
    )


def fit_confidence(probabilities: Array, case: CaseRows) -> Array:
    """Log-odds of being right by `doubts`, in which the lead and the time count the same: only the scale is learned."""
    right = (probabilities.argmax(1) == case.quadrant).astype(np.int64)
    if len(np.unique(right)) < _TWO:
        return np.array([10.0 * right[0] - 5.0, 0.0, 0.0])
    model = _logistic(1.0).fit(doubts(probabilities, case.course)[:, 1:].sum(1, keepdims=True), right)
    slope = float(model.coef_[0, 0])
    return np.array([float(model.intercept_[0]), slope, slope])


def fit_clarity(columns: Array, case: CaseRows) -> Array:
    """Weights of `clarity_columns` for the distance of a rating from the nearer border, in spreads of what is usual.

    A column that never changes, as those of a channel that was not measured, has no weight.
    """
    distance, weight = np.abs(case.rating - RATING_CENTRE).min(1), each_alike(case.person)
    spread = columns[:, :-1].std(0)
    varying = spread > _LEAST_SPREAD
    scaled = columns[:, :-1][:, varying] / spread[varying]
    model = Ridge(alpha=CLARITY_RIDGE).fit(scaled, distance, sample_weight=weight)
    weights = np.zeros(columns.shape[1])
    weights[:-1][varying], weights[-1] = model.coef_ / spread[varying], model.intercept_
    expected = columns @ weights
    weights[-1] -= weight @ expected
    return weights / max(float(expected.std()), _LEAST_SPREAD)


def fit_usual_leads(probabilities: Array, course: Array, clarity: Array) -> Array:
    """By class, the median of the clear leads of the rows in which it is the likeliest."""
    lead, guess = clear_leads(probabilities, course, clarity), probabilities.argmax(1)
    usual = [np.median(lead[guess == one]) if (guess == one).any() else 1.0 for one in range(len(CLASSES))]
    return np.maximum(usual, _LEAST_LEAD)


def fit_stress(stress: StressRows) -> Array:
    """Weights for all features, and the bias as the last: log-odds of a stressor. Knows no clock."""
    model = _logistic(STRENGTH)
    model.fit(stress.x[:, _TIMELESS], stress.stress, sample_weight=balanced(stress.stress, stress.person))
    found = np.zeros(len(FEATURES) + 1)
    found[:-1][_TIMELESS], found[-1] = model.coef_[0], model.intercept_[0]
    return found


def fit_clock(seconds: Array, stress: Labels, person: Labels) -> Callable[[Array], Array]:
    """The control that knows nothing but the time since the session began; gives log-odds of a stressor."""
    model = _logistic(1.0).fit((seconds[:, None] / 3600) ** _POWERS, stress, sample_weight=balanced(stress, person))
    return lambda times: np.asarray(model.decision_function((times[:, None] / 3600) ** _POWERS))


def fit_plain(x: Array, truth: Labels, person: Labels) -> Callable[[Array], Array]:
    """Softmax regression on any columns, for controls; gives log-odds `[rows, 4]`."""
    weights, bias = _softmax(x, truth, person, len(CLASSES), np.ones(x.shape[1], bool))
    return lambda rows: rows @ weights + bias


def pulse_weights(stress: StressRows) -> Array:
    """What the pulse adds to the log-odds of stress, for all features; without a pulse it is nothing."""
    model = _logistic(STRENGTH, fit_intercept=False)
    model.fit(stress.x[:, _PULSE], stress.stress, sample_weight=balanced(stress.stress, stress.person))
    weights = np.zeros(len(FEATURES))
    weights[_PULSE] = model.coef_[0]
    return weights


def prototypes(case: CaseRows, stress: StressRows) -> tuple[list[str], Array]:
    """Names and places of typical states of the body, the most frequent first; every recording counts the same."""
    x = np.vstack([case.x, stress.x[:: max(1, len(stress.x) // len(case.x))]])
    found = KMeans(CLUSTERS, n_init=4, random_state=0).fit(x)
    order = np.argsort(-np.bincount(found.labels_, minlength=CLUSTERS), kind="stable")
    places: Array = found.cluster_centers_[order].astype(float)
    return [_named(place) for place in places], places


def high(truth: Labels) -> Labels:
    """`[rows, 2]`: 1 where valence, and where arousal, is high."""
    return np.stack([truth // 2 == 0, truth % 2 == 0], axis=1).astype(np.int64)


def best_temperature(log_odds: Array, truth: Labels) -> float:
    """By what to divide the log-odds so that people the model does not know find the probabilities kept.

    That is the least calibration error. The likelihood would choose otherwise: it pays for rare classes, which the
    model, taking all classes as equally frequent, expects too often.
    """
    errors = [
        score.calibration_error(softmax(log_odds / temperature), truth, np.ones(len(truth)))
        for temperature in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(errors))])


def scale_temperature(log_odds: Array, positive: Labels) -> float:
    """The same for log-odds of one thing against another."""
    return best_temperature(np.stack([-log_odds, log_odds], axis=1) / 2, positive)


def each_alike(person: Labels) -> Array:
    """Weights that add up to 1, under which every person counts the same."""
    _, who, rows = np.unique(person, return_inverse=True, return_counts=True)
    weight: Array = 1.0 / rows[who]
    total = float(weight.sum())
    return weight / total


def balanced(truth: Labels, person: Labels) -> Array:
    """Weights with mean 1 under which every person, and then every class, counts the same."""
    weight = each_alike(person)
    total = np.bincount(truth, weights=weight, minlength=int(truth.max()) + 1)
    shared: Array = weight / total[truth]
    mean = float(shared.mean())
    return shared / mean


def _heads(x: Array, truth: Labels, person: Labels) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Softmax over the quadrants; and valence and arousal each on its own, which tells these better."""
    levels = high(truth)
    scales = [_softmax(x, levels[:, at], person, 2) for at in (0, 1)]
    slopes = np.stack([weights[:, 1] - weights[:, 0] for weights, _ in scales], axis=1)
    offset = np.array([bias[1] - bias[0] for _, bias in scales])
    weights, bias = _softmax(x, truth, person, len(CLASSES))
    say = SCALES_SAY * _SIGNS
    return (weights + slopes @ say, bias + offset @ say), (slopes, offset)


def _softmax(
    x: Array, truth: Labels, person: Labels, classes: int, used: NDArray[np.bool_] = _MEASURED
) -> tuple[Array, Array]:
    """Weights `[features, classes]` and bias; a class that does not occur is as unlikely as the least likely one."""
    weights, bias = np.zeros((x.shape[1], classes)), np.zeros(classes)
    occurring = np.unique(truth)
    if len(occurring) < _TWO:
        bias[occurring] = 1.0
        return weights, bias
    model = _logistic(STRENGTH)
    model.fit(x[:, used], truth, sample_weight=balanced(truth, person))
    slopes, offsets = model.coef_, model.intercept_
    if len(occurring) == _TWO:
        slopes, offsets = np.vstack([-slopes, slopes]) / 2, np.concatenate([-offsets, offsets]) / 2
    bias[:] = offsets.min()
    weights[np.ix_(used, occurring)] = slopes.T
    bias[occurring] = offsets
    return weights, bias


def _logistic(strength: float, **how: Any) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=300, tol=1e-4, **how)


def _named(place: Array) -> str:
    """The two features that stand out most, by their sign; "even" if none does."""
    told = [at for at in np.argsort(-np.abs(place), kind="stable")[:2] if abs(place[at]) > _STANDING_OUT]
    return " and ".join(f"{'high' if place[at] > 0 else 'low'} {FEATURES[at]}" for at in told) or "even"
