"""Learn the numbers of the voices' pool: `python -m cloud.training.learn_voices --data DIR [--seed 1]`.

Writes `recipes/voices.json`, which is committed; `graphs.voices` builds the model from it without the recordings. The
same recordings and seed give the same recipe.

Ratings of CASE stand for labels: at moments drawn at random, a segment's own mean is what would have been answered.
The pool is learned with the body's probabilities of people that its model did not know.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from cloud.training.emotion_data import NoRecordingsError, read_case
from cloud.training.voices_data import viewings
from cloud.training.voices_features import CLASSES, EARLY_S, GRADE, LABELS, RATE
from cloud.training.voices_fit import Learned, body_voice, learn_pool
from cloud.training.voices_metrics import measure
from cloud.training.voices_recipe import RECIPE, Recipe, encode_recipe

SEED: Final = 1
DECIDE_ABOVE: Final = 0.35
"""As the body's model has it."""
DATA: Final = [
    "CASE, K. Sharma, C. Castellini, E. L. van den Broek, A. Albu-Schaeffer, F. Schwenker: A dataset of continuous "
    "affect annotations and physiological signals for emotion analysis, Scientific Data 6:196 (2019), CC BY 4.0",
]


def learn(data: Path, seed: int = SEED, say: Callable[[str], Any] = lambda line: None) -> Recipe:
    """Learn and measure everything from the folder of recordings; raises `NoRecordingsError`."""
    case = read_case(data, margin=-1.0)
    views = viewings(case)
    say(f"{len(views.truth)} segments in {len(views.rows)} viewings")
    everybody = np.arange(len(views.truth))
    body = body_voice(case, everybody, everybody[:0])
    return recipe_of(learn_pool(views, body, everybody, seed=seed), measure(case, seed))


def recipe_of(learned: Learned, metrics: dict[str, float]) -> Recipe:
    """What was learned, as it is kept."""
    return Recipe(
        classes=list(CLASSES),
        labels=LABELS,
        early_s=EARLY_S,
        rate=RATE,
        grade=GRADE,
        labelled=learned.labelled,
        watched=learned.watched,
        both=learned.both,
        departed=learned.departed,
        departure=learned.departure,
        decide_above=DECIDE_ABOVE,
        data=DATA,
        metrics={name: round(float(value), 3) for name, value in metrics.items()},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn and write the recipe; print what was found."""
    parser = argparse.ArgumentParser(prog="python -m cloud.training.learn_voices", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the recordings (body/case)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the moments that are labelled in learning")
    parser.add_argument("--out", type=Path, default=RECIPE, help="recipe to write (default: the committed one)")
    options = parser.parse_args(arguments)
    try:
        recipe = learn(options.data, options.seed, lambda line: sys.stdout.write(f"{line}\n"))
    except NoRecordingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    options.out.write_bytes(encode_recipe(recipe))
    sys.stdout.writelines(f"{name:42} {value:8.3f}\n" for name, value in recipe.metrics.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
