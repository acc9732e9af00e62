"""Learn the emotion model's numbers from the recordings: `python -m cloud.training.learn_emotion --data DIR`.

Writes `recipes/emotion.json`, which is committed; `graphs.emotion` builds the model from it without the recordings. The
same recordings give the same recipe: nothing is drawn at random.

Quadrants are learned from CASE by softmax regression, each person and each class counting the same, so that the
probabilities are calibrated for a viewer of whom nothing is known beforehand. CASE as published has no heart rate: what
that says about arousal is learned from Stress-Predict (stressor or rest) and added to the log-odds of arousal.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from cloud.training import emotion_score as score
from cloud.training.emotion_data import CaseRows, StressRows, read_case, read_stress, uncalibrated
from cloud.training.emotion_features import CHANNELS, FEATURES, Array
from cloud.training.emotion_recipe import RECIPE, Recipe, encode_recipe
from cloud.training.emotion_score import CLASSES, Labels

STRENGTH: Final = 0.03
"""Inverse of the ridge penalty. Chosen on the very people of the figures; from .01 to 1 these differ by .007."""
DECIDE_ABOVE: Final = 0.35
"""Least probability of the best class for a decision; blind is .25."""
LEAST_QUALITY: Final = 0.4
AROUSAL_SIGN: Final = np.array([0.5, -0.5, 0.5, -0.5])
"""Adding `d * AROUSAL_SIGN` to the four log-odds adds `d` to the log-odds of arousal and nothing to valence."""
DATA: Final = [
    "CASE, K. Sharma, C. Castellini, E. L. van den Broek, A. Albu-Schaeffer, F. Schwenker: A dataset of continuous "
    "affect annotations and physiological signals for emotion analysis, Scientific Data 6:196 (2019), CC BY 4.0",
    "Stress-Predict, T. Iqbal et al.: Stress monitoring using wearable sensors: a pilot study and Stress-Predict "
    "dataset, Sensors 22(21):8135 (2022), MIT",
]
_TEMPERATURES: Final = np.geomspace(0.5, 3.0, 61)
_HEART: Final = np.array([channel == "hr_bpm" for _ in FEATURES for channel in CHANNELS])


def learn(data: Path, say: Callable[[str], Any] = lambda line: None) -> Recipe:
    """Learn and measure everything from the folder of recordings."""
    case, stress = read_case(data), read_stress(data)
    say(f"{len(case.x)} labelled segments of CASE, {len(stress.x)} of Stress-Predict")
    unseen = score.out_of_fold(fit_quadrant, case.x, case.quadrant, case.person, score.leave_one_out(case.person))
    temperature = best_temperature(unseen, case.quadrant, case.person)
    metrics = {
        **_case_metrics(case, unseen),
        **_control_metrics(case),
        "uncalibrated_board_macro_f1": _board_f1(case, read_case(data, uncalibrated)),
        **_stress_metrics(case, stress, temperature),
    }
    weights, bias = _softmax(case.x, case.quadrant, case.person)
    weights, bias = weights / temperature, bias / temperature
    weights = weights + np.outer(_heart_weights(stress.x, stress.stress, stress.person), AROUSAL_SIGN)
    return Recipe(
        features=list(FEATURES),
        channels=list(CHANNELS),
        classes=list(CLASSES),
        weights=[[round(float(one), 5) for one in row] for row in weights],
        bias=[round(float(one), 5) for one in bias],
        temperature=round(temperature, 4),
        decide_above=DECIDE_ABOVE,
        least_quality=LEAST_QUALITY,
        data=DATA,
        metrics={name: round(float(value), 3) for name, value in metrics.items()},
    )


def fit_quadrant(x: Array, truth: Labels, person: Labels) -> Callable[[Array], Array]:
    """Softmax regression; the result gives uncalibrated probabilities `[rows, 4]`."""
    weights, bias = _softmax(x, truth, person)
    return lambda rows: _normalised(rows @ weights + bias)


def best_temperature(probabilities: Array, truth: Labels, person: Labels) -> float:
    """By what to divide the log-odds so that people the model does not know find the probabilities kept."""
    weight = balanced(truth, person)
    losses = []
    for temperature in _TEMPERATURES:
        cooled = tempered(probabilities, float(temperature))
        losses.append(-float(weight @ np.log(cooled[np.arange(len(truth)), truth])))
    return float(_TEMPERATURES[int(np.argmin(losses))])


def tempered(probabilities: Array, temperature: float) -> Array:
    """Probabilities after their log-odds were divided by `temperature`."""
    return _normalised(np.log(np.maximum(probabilities, 1e-9)) / temperature)


def balanced(truth: Labels, person: Labels) -> Array:
    """Weights with mean 1 under which every person, and then every class, counts the same."""
    _, who, rows = np.unique(person, return_inverse=True, return_counts=True)
    weight: Array = 1.0 / rows[who]
    total = np.bincount(truth, weights=weight, minlength=int(truth.max()) + 1)
    shared: Array = weight / total[truth]
    mean = float(shared.mean())
    return shared / mean


def _softmax(x: Array, truth: Labels, person: Labels) -> tuple[Array, Array]:
    """Weights `[columns, 4]` and bias; a class that does not occur is as unlikely as the least likely one."""
    model = LogisticRegression(C=STRENGTH, max_iter=1000, tol=1e-5)
    model.fit(x, truth, sample_weight=balanced(truth, person))
    weights, bias = np.zeros((x.shape[1], len(CLASSES))), np.full(len(CLASSES), float(model.intercept_.min()))
    weights[:, model.classes_] = model.coef_.T
    bias[model.classes_] = model.intercept_
    return weights, bias


def _heart_weights(x: Array, stress: Labels, person: Labels) -> Array:
    """What heart rate adds to the log-odds of stress, for all columns; without heart rate it is nothing."""
    model = LogisticRegression(C=STRENGTH, fit_intercept=False, max_iter=1000, tol=1e-5)
    model.fit(x[:, _HEART], stress, sample_weight=balanced(stress, person))
    weights = np.zeros(x.shape[1])
    weights[_HEART] = model.coef_[0]
    return weights


def _case_metrics(case: CaseRows, unseen: Array) -> dict[str, float]:
    truth, person = case.quadrant, case.person
    calm = np.empty_like(unseen)
    for train, test in score.leave_one_out(person):
        calm[test] = tempered(unseen[test], best_temperature(unseen[train], truth[train], person[train]))
    both = score.by_person_and_video(person, case.video)
    decided = calm.max(1) >= DECIDE_ABOVE
    right = calm.argmax(1) == truth
    return {
        **score.scores(unseen, truth, "unseen_person"),
        **score.scores(score.out_of_fold(fit_quadrant, case.x, truth, person, both), truth, "unseen_person_and_video"),
        **score.scores(
            score.out_of_fold(fit_quadrant, case.x, truth, person, score.leave_one_out(case.video)),
            truth,
            "unseen_video",
        ),
        **score.spread_over_people(unseen, truth, person),
        "calibration_error": score.calibration_error(calm, truth, balanced(truth, person)),
        "decided_share": float(decided.mean()),
        "decided_accuracy": float(right[decided].mean()),
        "undecided_accuracy": float(right[~decided].mean()),
        "people": float(len(np.unique(person))),
        "segments": float(len(truth)),
    }


def _control_metrics(case: CaseRows) -> dict[str, float]:
    truth, person = case.quadrant, case.person
    session, film = case.session_s / 1000, np.log1p(case.place)
    clocks = np.stack([session, session**2, film, film**2], axis=1)
    timed = score.out_of_fold(fit_quadrant, clocks, truth, person, score.leave_one_out(person))
    crowd = score.consensus(truth, person, case.video, case.place)
    most = np.eye(len(CLASSES))[np.full(len(truth), np.bincount(truth).argmax())]
    return {
        "control_chance_macro_f1": score.blind_f1(truth),
        **_pick(score.scores(most, truth, "control_majority")),
        **_pick(score.scores(timed, truth, "control_clock_only")),
        **_pick(score.scores(crowd, truth, "control_consensus")),
    }


def _board_f1(case: CaseRows, board: CaseRows) -> float:
    """Learned from microsiemens, tested on the counts of a board that nobody calibrated."""
    folds = score.leave_one_out(case.person)
    found = score.out_of_fold(fit_quadrant, case.x, case.quadrant, case.person, folds, tested=board.x)
    return score.macro_f1(case.quadrant, found.argmax(1))


def _pick(found: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if name.endswith(("_macro_f1", "_accuracy"))}


def _stress_metrics(case: CaseRows, stress: StressRows, temperature: float) -> dict[str, float]:
    """How well arousal, learned from films, tells a stressor from rest on other people with other sensors."""
    likely = tempered(fit_quadrant(case.x, case.quadrant, case.person)(stress.x), temperature)
    arousal = np.log(likely[:, [0, 2]].sum(1) / likely[:, [1, 3]].sum(1))
    heart = np.zeros(len(arousal))
    clock = np.zeros(len(arousal))
    times = (stress.session_s[:, None] / 3600) ** np.arange(1, 4)
    for train, test in score.leave_one_out(stress.person):
        heart[test] = stress.x[test] @ _heart_weights(stress.x[train], stress.stress[train], stress.person[train])
        fitted = LogisticRegression(max_iter=1000).fit(
            times[train], stress.stress[train], sample_weight=balanced(stress.stress[train], stress.person[train])
        )
        clock[test] = fitted.decision_function(times[test])
    named = {"arousal": arousal, "heart_rate": heart, "arousal_and_heart_rate": arousal + heart, "clock_only": clock}
    return {
        f"stress_auc_{name}": score.area_by_person(value, stress.stress, stress.person) for name, value in named.items()
    }


def _normalised(log_odds: Array) -> Array:
    raised = np.exp(log_odds - log_odds.max(1, keepdims=True))
    shares: Array = raised / raised.sum(1, keepdims=True)
    return shares


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn and write the recipe; print what was found."""
    parser = argparse.ArgumentParser(prog="python -m cloud.training.learn_emotion", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the recordings (body/case, ...)")
    parser.add_argument("--out", type=Path, default=RECIPE, help="recipe to write (default: the committed one)")
    options = parser.parse_args(arguments)
    recipe = learn(options.data, lambda line: sys.stdout.write(f"{line}\n"))
    options.out.write_bytes(encode_recipe(recipe))
    sys.stdout.writelines(f"{name:42} {value:8.3f}\n" for name, value in recipe.metrics.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
