"""How good the pool of voices is for people and videos that it did not learn from: the figures of manifest and card."""

from typing import Final, NamedTuple

import numpy as np

from cloud.training.emotion_data import CaseRows
from cloud.training.emotion_fit import balanced
from cloud.training.emotion_score import calibration_error, macro_f1
from cloud.training.voices_data import (
    Asked,
    Crowd,
    Labels,
    Mask,
    Viewings,
    asked,
    crowd_of,
    evenly,
    folds_by_person_and_video,
    heard,
    of_rows,
    viewings,
)
from cloud.training.voices_features import CLASSES, EARLY_S, GRADE, RATE, Array, Heard, pool
from cloud.training.voices_fit import body_voice, learn_pool
from cloud.training.voices_recipe import Recipe

GROUPS: Final = 5
"""Groups of people that are left out together."""
Folds = list[tuple[Labels, Labels]]


class Known(NamedTuple):
    """What is known beside the body: which labels, and whether others'."""

    labels: Asked | None
    crowd: bool
    by_key: bool = False
    """Whether labels are quadrants, not points of the square."""

    @property
    def scored(self) -> Mask | slice:
        """The segments that nobody labelled."""
        return slice(None) if self.labels is None else ~self.labels.labelled


def settings_of(views: Viewings) -> dict[str, Known]:
    """The situations that figures are about; each is told of in the docs."""
    first, two, four = (asked(views, evenly(count)) for count in (0, 2, 4))
    return {
        "body": Known(None, False),
        "consensus": Known(None, True),
        "k0": Known(first, False),
        "k0_by_key": Known(first, False, by_key=True),
        "k0_consensus": Known(first, True),
        "probes2": Known(two, False),
        "probes2_consensus": Known(two, True),
        "probes4": Known(four, False),
        "probes4_consensus": Known(four, True),
    }


def out_of_fold(case: CaseRows, views: Viewings, known: dict[str, Known], folds: Folds, seed: int) -> dict[str, Array]:
    """Probabilities `[segments, 4]` in each situation, by a body and a pool that saw only a fold's training rows.

    The consensus of a tested row is of everybody but the viewer: other viewers of a stimulus are known on a device.
    That of a training row is of the training people alone.
    """
    found = {name: np.full((len(views.truth), len(CLASSES)), 1 / len(CLASSES)) for name in known}
    crowd = crowd_of(views, np.unique(views.person))
    for train, test in folds:
        body = body_voice(case, train, test)
        recipe = _recipe(views, body, train, seed)
        for name, one in known.items():
            found[name][test] = pool(recipe, of_rows(_heard(views, body, one, crowd), test)).probabilities
    return found


def measure(case: CaseRows, seed: int) -> dict[str, float]:
    """Figures by situation, unseen person and unseen video."""
    views = viewings(case)
    known = settings_of(views)
    found = out_of_fold(case, views, known, list(folds_by_person_and_video(views, GROUPS)), seed)
    figures: dict[str, float] = {}
    for name, probabilities in found.items():
        rows = known[name].scored
        guess, truth, person = probabilities[rows].argmax(1), views.truth[rows], views.person[rows]
        figures[f"{name}_f1"] = macro_f1(truth, guess)
        figures[f"{name}_ece"] = calibration_error(probabilities[rows], truth, balanced(truth, person))
    return figures | {"people": float(len(np.unique(views.person))), "segments": float(len(views.truth))}


def _heard(views: Viewings, body: Array, one: Known, crowd: Crowd) -> Heard:
    return heard(views, body, one.labels, crowd if one.crowd else None, by_key=one.by_key)


def _recipe(views: Viewings, body: Array, train: Labels, seed: int) -> Recipe:
    learned = learn_pool(views, body, train, seed=seed)
    return Recipe(
        classes=list(CLASSES),
        labels=0,
        early_s=EARLY_S,
        rate=RATE,
        grade=GRADE,
        **learned._asdict(),
        decide_above=0.0,
        data=[],
        metrics={},
    )
