"""How well the pool of voices tells the quadrant where a person gave few labels, beside what needs no model.

Scored are the segments (5 s) of CASE's films that nobody labelled; those with the joystick at rest count too, as low
and low. *First label only* (k0): the person labels the first segment of each film. *2 probes* and *4 probes*: that, and
2 or 4 more at equal distances, i / (probes + 1) of the film. A segment knows the labels up to its own end, never later
ones. *Consensus*: what other people felt at that place of that film. Body model and pool have seen neither the person
nor the film, but for the rows that say otherwise.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cloud.training import emotion_fit as fit
from cloud.training.voices_data import Viewings, consensus
from cloud.training.voices_metrics import Folds, Known, out_of_fold, settings_of
from tests.eval.affect.body import scores
from tests.eval.affect.calibration import calibration_error, macro_f1, reliability, risk_coverage
from tests.eval.affect.viewings import Stage, stage
from tests.eval.figures import Figure, Table

FIGURES: Final = {
    "quadrant_f1_first": ("k0", 0.42),
    "quadrant_f1_k0": ("k0", 0.47),
    "quadrant_f1_probes2": ("probes2", 0.68),
    "quadrant_f1_probes2_consensus": ("probes2_consensus", 0.73),
}
TITLES: Final = {
    "body": "body alone",
    "consensus": "body, consensus",
    "k0": "first label",
    "k0_by_key": "first label, by key",
    "k0_consensus": "first label, consensus",
    "probes2": "2 probes",
    "probes2_consensus": "2 probes, consensus",
    "probes4": "4 probes",
    "probes4_consensus": "4 probes, consensus",
}
_COLUMNS: Final = ["macro-F1", "accuracy", "valence F1", "arousal F1"]
_QUARTILES: Final = (("worst", 0.0), ("quarter", 0.25), ("median", 0.5), ("three quarters", 0.75), ("best", 1.0))
Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]


def tables(data: Path, train: Path | None = None, *, seed: int = 1) -> tuple[list[Table], list[Figure]]:
    """Tables and figures of labels under `data`; raises `NoRecordingsError` if it or `train`'s cannot be read."""
    told = stage(data, train)
    known = settings_of(told.views)
    found = out_of_fold(told.case, told.views, known, told.strict, seed)
    guesses = {name: shares.argmax(1).astype(np.int64) for name, shares in found.items()}
    return [
        _beside(told, known, guesses),
        _protocols(told, known, guesses, seed),
        _over_people(told, known, guesses),
        *_kept_word(told, known, found, "probes2"),
        *_kept_word(told, known, found, "probes2_consensus"),
    ], _figures(told, known, guesses)


def scored(told: Stage, one: Known) -> Mask:
    """The rows that count: judged, and labelled by nobody."""
    return told.judged if one.labels is None else told.judged & ~one.labels.labelled


def _beside(told: Stage, known: dict[str, Known], guesses: dict[str, Labels]) -> Table:
    """The pool beside every control."""
    rows: list[list[Any]] = []
    for name, one in known.items():
        at = scored(told, one)
        rows.append([f"POOL {TITLES[name]}", *scores(told.views.truth[at], guesses[name][at])])
        if not one.crowd and not one.by_key:
            for control, guess in _controls(told, one).items():
                rows.append([f"  {control}", *scores(told.views.truth[at], guess[at])])
    for control, guess in _blind(told).items():
        rows.append([control, *scores(told.views.truth[told.judged], guess[told.judged])])
    people = len(np.unique(told.views.person[told.judged]))
    return Table(f"Labels, {people} people, {told.judged.sum()} segments", ["what is known", *_COLUMNS], rows)


def _controls(told: Stage, one: Known) -> dict[str, Labels]:
    """Without a model: hold the newest label; the person's most frequent label in other films."""
    truth, labels = told.views.truth, one.labels
    if labels is None:
        return {}
    prior = np.zeros_like(truth)
    for rows in told.views.rows:
        mine = (told.views.person == told.views.person[rows[0]]) & labels.labelled
        elsewhere = mine & (told.views.video != told.views.video[rows[0]])
        prior[rows] = np.bincount(truth[elsewhere], minlength=1).argmax()
    return {"hold the last label": truth[labels.known[:, 0]], "prior only (the person's labels of other films)": prior}


def _blind(told: Stage) -> dict[str, Labels]:
    """Without label and body."""
    views, count = told.views, len(told.views.truth)
    majority, timed = np.zeros(count, np.int64), np.zeros(count, np.int64)
    clock = np.stack([told.case.session_s / 1000, np.log1p(told.case.place)], axis=1)
    clock = np.hstack([clock, clock**2])
    for train, test in told.folds["unseen person"]:
        majority[test] = np.bincount(views.truth[train]).argmax()
        timed[test] = fit.fit_plain(clock[train], views.truth[train], views.person[train])(clock[test]).argmax(1)
    crowd = consensus(views, np.unique(views.person)).argmax(1).astype(np.int64)
    chance = np.random.default_rng(0).integers(0, 4, count)
    return {"chance (drawn)": chance, "majority": majority, "time only": timed, "consensus of other viewers": crowd}


def _protocols(told: Stage, known: dict[str, Known], guesses: dict[str, Labels], seed: int) -> Table:
    """Macro-F1 by what the models had not seen."""
    rows: list[list[Any]] = []
    for number, (name, folds) in enumerate(told.folds.items()):
        mine = guesses if number == 0 else _guesses(told, known, folds, seed)
        values = [_f1(told.views, mine[key], scored(told, one)) for key, one in known.items()]
        rows.append([name, *values])
    return Table("Macro-F1 of the pool by what was not learned from", ["", *TITLES.values()], rows)


def _guesses(told: Stage, known: dict[str, Known], folds: Folds, seed: int) -> dict[str, Labels]:
    found = out_of_fold(told.case, told.views, known, folds, seed)
    return {name: shares.argmax(1).astype(np.int64) for name, shares in found.items()}


def _over_people(told: Stage, known: dict[str, Known], guesses: dict[str, Labels]) -> Table:
    each = []
    for person in np.unique(told.views.person[told.judged]):
        mine = told.views.person == person
        each.append([_f1(told.views, guesses[key], scored(told, one) & mine) for key, one in known.items()])
    values = np.array(each)
    rows = [[name, *np.quantile(values, share, axis=0).tolist()] for name, share in _QUARTILES]
    return Table("Spread over people, macro-F1 of each", ["person", *TITLES.values()], rows)


def _kept_word(told: Stage, known: dict[str, Known], found: dict[str, Numbers], name: str) -> list[Table]:
    at = scored(told, known[name])
    shares, truth = found[name][at], told.views.truth[at]
    sure, guess = shares.max(1), shares.argmax(1)
    error = calibration_error(sure, guess == truth)
    return [
        reliability(f"Reliability, pool, {TITLES[name]}; expected calibration error {error:.3f}", sure, guess == truth),
        risk_coverage(f"Risk and coverage, pool, {TITLES[name]}", sure, truth, guess),
    ]


def _figures(told: Stage, known: dict[str, Known], guesses: dict[str, Labels]) -> list[Figure]:
    """`quadrant_f1_first` and `_k0` are one number under the two names that were asked for."""
    figures = []
    for name, (key, least) in FIGURES.items():
        one = known[key]
        at = scored(told, one)
        newest = np.zeros(1, np.int64) if one.labels is None else one.labels.known[:, 0]
        held = _f1(told.views, told.views.truth[newest], at)
        figures.append(Figure(name, _f1(told.views, guesses[key], at), "macro-F1", at_least=least, baseline=held))
    return figures


def _f1(views: Viewings, guess: Labels, at: Mask) -> float:
    return macro_f1(views.truth[at], guess[at])
