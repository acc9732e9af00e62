"""How good an emotion model is, and the controls that would shame it: all figures that its manifest and card show.

Every figure comes from people that the model did not learn from. A random split of segments is never made: neighbours
in time are nearly equal, and such figures say nothing about a new person.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud.training.emotion_features import Array

CLASSES: Final = ("HH", "HL", "LH", "LL")
Labels = NDArray[np.int64]
_BINS: Final = 10


def leave_one_out(group: Labels) -> list[tuple[Labels, Labels]]:
    """Folds that leave one person, or one video, out."""
    return [(np.nonzero(group != one)[0], np.nonzero(group == one)[0]) for one in np.unique(group)]


def by_person_and_video(person: Labels, video: Labels) -> list[tuple[Labels, Labels]]:
    """Folds that test one person on one video, having learned from other people's other videos."""
    pairs = sorted({(int(a), int(b)) for a, b in zip(person, video, strict=True)})
    return [
        (np.nonzero((person != one) & (video != film))[0], np.nonzero((person == one) & (video == film))[0])
        for one, film in pairs
    ]


def macro_f1(truth: Labels, guess: Labels, classes: int = len(CLASSES)) -> float:
    """Mean over the classes that occur of 2TP / (2TP + FP + FN)."""
    scores = []
    for one in range(classes):
        hit, told, real = ((truth == one) & (guess == one)).sum(), (guess == one).sum(), (truth == one).sum()
        if real:
            scores.append(2 * hit / (told + real))
    return float(np.mean(scores))


def blind_f1(truth: Labels) -> float:
    """Macro-F1 to expect of a uniform blind guess: per class with share p, 2 p/4 / (p + 1/4)."""
    share = np.bincount(truth, minlength=len(CLASSES)) / len(truth)
    return float(np.mean(0.5 * share / (share + 0.25)))


def spread_over_people(probabilities: Array, truth: Labels, person: Labels) -> dict[str, float]:
    """Quartiles over people of each one's own accuracy: some are read well, some not at all."""
    right = probabilities.argmax(1) == truth
    each = [right[person == one].mean() for one in np.unique(person)]
    low, middle, high = np.quantile(each, (0.25, 0.5, 0.75))
    return {
        "person_accuracy_q25": float(low),
        "person_accuracy_median": float(middle),
        "person_accuracy_q75": float(high),
    }


def consensus(truth: Labels, person: Labels, video: Labels, index: Labels) -> Array:
    """What other viewers said at the same moment of the same video: knows the film, nothing of the body."""
    moment = video * 1000 + index
    votes = np.zeros((len(truth), len(CLASSES)))
    for row in range(len(truth)):
        others = (moment == moment[row]) & (person != person[row])
        votes[row] = np.bincount(truth[others], minlength=len(CLASSES)) if others.any() else 1.0
    shares: Array = votes / votes.sum(1, keepdims=True)
    return shares


def calibration_error(probabilities: Array, truth: Labels, weight: Array) -> float:
    """Expected calibration error of the top class in ten bins, rows counted by `weight`."""
    return confidence_error(probabilities.max(1), probabilities.argmax(1) == truth, weight)


def confidence_error(top: Array, right: NDArray[np.bool_], weight: Array) -> float:
    """The same of any probability of being right."""
    bins = np.minimum((top * _BINS).astype(int), _BINS - 1)
    error = 0.0
    for one in np.unique(bins):
        held = bins == one
        share = weight[held].sum() / weight.sum()
        gap = np.average(top[held], weights=weight[held]) - np.average(right[held], weights=weight[held])
        error += share * abs(float(gap))
    return error


def area_by_person(score: Array, positive: Labels, person: Labels) -> float:
    """Mean over people of the area under each one's ROC curve."""
    areas = [_area(score[person == one], positive[person == one]) for one in np.unique(person)]
    return float(np.mean(areas))


def _area(score: Array, positive: Labels) -> float:
    """Mann-Whitney's U over its greatest possible value; ties count half."""
    yes, no = score[positive == 1], np.sort(score[positive == 0])
    below, up_to = np.searchsorted(no, yes, "left"), np.searchsorted(no, yes, "right")
    return float((below + up_to).sum() / (2 * len(yes) * len(no)))
