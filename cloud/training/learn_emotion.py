"""Learn the emotion model's numbers from the recordings: `python -m cloud.training.learn_emotion --data DIR`.

Writes `recipes/emotion.json`, which is committed; `graphs.emotion` builds the model from it without the recordings. The
same recordings give the same recipe: what is drawn at random is seeded.

Quadrants, valence and arousal are learned from CASE, each person and each class counting the same, so that the
probabilities are calibrated for a viewer of whom nothing is known beforehand. CASE as published has no pulse: what
heart rate and the time between beats say about arousal is learned from Stress-Predict (stressor or rest) and added to
the log-odds of arousal.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from cloud.training import emotion_fit as fit
from cloud.training.emotion_data import (
    CaseRows,
    NoRecordingsError,
    StressRows,
    enough,
    read_case,
    read_stress,
    uncalibrated,
)
from cloud.training.emotion_features import CHANNELS, FEATURES, Array
from cloud.training.emotion_metrics import measure, unseen_twice
from cloud.training.emotion_recipe import RECIPE, Recipe, encode_recipe
from cloud.training.emotion_score import CLASSES

DECIDE_ABOVE: Final = 0.35
"""Least probability of the best class for a decision; blind is .25."""
SURE_ABOVE: Final = 1.0
"""Least sureness for a decision: the surer half of what is said of each class."""
LEAST_QUALITY: Final = 0.4
DATA: Final = [
    "CASE, K. Sharma, C. Castellini, E. L. van den Broek, A. Albu-Schaeffer, F. Schwenker: A dataset of continuous "
    "affect annotations and physiological signals for emotion analysis, Scientific Data 6:196 (2019), CC BY 4.0",
    "Stress-Predict, T. Iqbal et al.: Stress monitoring using wearable sensors: a pilot study and Stress-Predict "
    "dataset, Sensors 22(21):8135 (2022), MIT",
]


def learn(data: Path, say: Callable[[str], Any] = lambda line: None) -> Recipe:
    """Learn and measure everything from the folder of recordings; raises `NoRecordingsError`."""
    case, stress = read_case(data), read_stress(data)
    enough(case)
    enough(stress)
    say(f"{len(case.x)} labelled segments of CASE, {len(stress.x)} of Stress-Predict")
    twice = unseen_twice(case)
    return recipe_of(case, stress, twice, measure(case, stress, read_case(data, uncalibrated), twice))


def recipe_of(case: CaseRows, stress: StressRows, twice: fit.Unseen, metrics: dict[str, float]) -> Recipe:
    """Learn from all rows; `twice` is from `unseen_twice`, `metrics` are only handed on."""
    body = fit.fit_body(case, twice)
    pulse = np.outer(fit.pulse_weights(stress), fit.AROUSAL_SIGN)
    stressed = fit.fit_stress(stress)
    names, prototypes = fit.prototypes(case, stress)
    arousal = body.scale_weights + np.outer(fit.pulse_weights(stress), [0.0, 1.0])
    return Recipe(
        features=list(FEATURES),
        channels=list(CHANNELS),
        classes=list(CLASSES),
        weights=_rounded(body.weights + pulse),
        bias=_rounded(body.bias),
        scale_weights=_rounded(arousal),
        scale_bias=_rounded(body.scale_bias),
        stress_weights=_rounded(stressed[:-1]),
        stress_bias=round(float(stressed[-1]), 5),
        confidence=_rounded(body.confidence),
        clarity=_rounded(body.clarity),
        usual_leads=_rounded(body.usual_leads),
        prototypes=_rounded(prototypes),
        clusters=names,
        temperature=round(body.temperature, 4),
        decide_above=DECIDE_ABOVE,
        sure_above=SURE_ABOVE,
        least_quality=LEAST_QUALITY,
        data=DATA,
        metrics={name: round(float(value), 3) for name, value in metrics.items()},
    )


def _rounded(values: Array) -> Any:
    return np.round(values, 5).tolist()


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn and write the recipe; print what was found."""
    parser = argparse.ArgumentParser(prog="python -m cloud.training.learn_emotion", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the recordings (body/case, ...)")
    parser.add_argument("--out", type=Path, default=RECIPE, help="recipe to write (default: the committed one)")
    options = parser.parse_args(arguments)
    try:
        recipe = learn(options.data, lambda line: sys.stdout.write(f"{line}\n"))
    except NoRecordingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    options.out.write_bytes(encode_recipe(recipe))
    sys.stdout.writelines(f"{name:42} {value:8.3f}\n" for name, value in recipe.metrics.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
