"""Whether a probability keeps its word, and what is gained by keeping silent: reliability and risk against coverage."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.eval.figures import Table

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]
COVERAGES: Final = (1.0, 0.9, 0.75, 0.5, 0.25, 0.1)
RESAMPLED: Final = 400
_BINS: Final = 10


def macro_f1(truth: Labels, guess: Labels) -> float:
    """Mean of 2TP / (2TP + FP + FN) over the classes that are true somewhere."""
    found = []
    for one in np.unique(truth):
        hit, told, real = ((truth == one) & (guess == one)).sum(), (guess == one).sum(), (truth == one).sum()
        found.append(2 * hit / (told + real))
    return float(np.mean(found))


def calibration_error(said: Numbers, right: NDArray[np.bool_]) -> float:
    """Expected calibration error in ten bins of equal width: how far `said` is from the share that was `right`."""
    return sum(share * abs(mean - hits) for share, mean, hits in _bins(said, right).values())


def reliability(title: str, said: Numbers, right: NDArray[np.bool_]) -> Table:
    """A row for each bin of what was said: how many, how sure, how often right, and a bar of the latter."""
    rows = [
        [f"{at / _BINS:.1f}-{(at + 1) / _BINS:.1f}", share, mean, hits, "#" * round(40 * hits)]
        for at, (share, mean, hits) in sorted(_bins(said, right).items())
    ]
    return Table(title, ["said", "share of segments", "mean said", "right", "0 .. 1"], rows)


def most_sure(sure: Numbers, coverage: float) -> Labels:
    """Rows of the surest share `coverage`; of equally sure ones the first."""
    count = max(1, round(len(sure) * coverage))
    return np.argsort(-sure, kind="stable")[:count].astype(np.int64)


def risk_coverage(title: str, sure: Numbers, truth: Labels, guess: Labels) -> Table:
    """What is right if only the surest are judged."""
    rows: list[list[object]] = []
    for coverage in COVERAGES:
        kept = most_sure(sure, coverage)
        risk = float((truth[kept] != guess[kept]).mean())
        rows.append([coverage, float(sure[kept].min()), macro_f1(truth[kept], guess[kept]), 1 - risk, risk])
    return Table(title, ["coverage", "surer than", "macro-F1", "accuracy", "risk"], rows)


def gain_over_people(title: str, sure: Numbers, told: tuple[Labels, Labels], person: Labels) -> Table:
    """Macro-F1 of all and of the surer half if others like these people had come; `told` is truth and guess.

    People are drawn anew with replacement, with all that was said of them: twenty are few, and this says how few.
    """
    truth, guess = told
    draw, rows = np.random.default_rng(0), [np.nonzero(person == one)[0] for one in np.unique(person)]
    found = []
    for _ in range(RESAMPLED):
        drawn = np.concatenate([rows[one] for one in draw.integers(0, len(rows), len(rows))])
        kept = drawn[most_sure(sure[drawn], 0.5)]
        found.append((macro_f1(truth[drawn], guess[drawn]), macro_f1(truth[kept], guess[kept])))
    whole, half = np.array(found).T
    named = ("all segments", whole), ("surer half", half), ("gain", half - whole)
    lines = [[name, one.mean(), one.std(), *np.quantile(one, (0.05, 0.95))] for name, one in named]
    return Table(title, ["macro-F1", "mean", "SD", "5 of 100 below", "5 of 100 above"], lines)


def _bins(said: Numbers, right: NDArray[np.bool_]) -> dict[int, tuple[float, float, float]]:
    """Share of rows, mean of what was said, and share that was right, by bin."""
    place = np.minimum((said * _BINS).astype(int), _BINS - 1)
    found = {}
    for one in np.unique(place):
        held = place == one
        found[int(one)] = (float(held.mean()), float(said[held].mean()), float(right[held].mean()))
    return found
