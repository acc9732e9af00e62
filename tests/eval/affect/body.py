"""How well the body alone tells the quadrant, valence and arousal of people and films that the model does not know.

CASE's segments of 5 s, causal features of the bundled model. Without other recordings to learn from, each person and
film is judged by a model of the others (leave one person and one video out at once); with `train`, by a model of that
folder's people without this film.
"""

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.training import emotion_fit as fit
from cloud.training import emotion_score as score
from cloud.training.emotion_data import CaseRows, clearly_rated, enough, read_case, strangers
from cloud.training.emotion_judge import doubts, sigmoid, softmax, sureness
from cloud.training.emotion_metrics import calibrated, unseen_twice
from tests.eval.affect.calibration import (
    calibration_error,
    gain_over_people,
    macro_f1,
    most_sure,
    reliability,
    risk_coverage,
)
from tests.eval.affect.controls import controls, random_split
from tests.eval.figures import Figure, Table

QUADRANT, AROUSAL, VALENCE, ECE, GAIN = 0.37, 0.63, 0.56, 0.05, 0.08
_COLUMNS: Final = ["what is known", "macro-F1", "accuracy", "valence F1", "arousal F1"]
Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]


class Said(NamedTuple):
    """What the body's model says of each row of CASE, calibrated on other people."""

    probabilities: Numbers
    """`[rows, 4]`"""
    valence: Labels
    """1 where high."""
    arousal: Labels
    sure: Numbers
    """1 is the middle of what is usual for the guessed class."""
    right: Numbers
    """Probability of being right."""

    @property
    def quadrant(self) -> Labels:
        """The likeliest class."""
        guess: Labels = self.probabilities.argmax(1)
        return guess


def tables(data: Path, train: Path | None = None) -> tuple[list[Table], list[Figure]]:
    """Tables and figures of CASE under `data`; raises `NoRecordingsError` if it or `train`'s cannot be read."""
    every = read_case(data, margin=-1.0)
    all_taught = strangers(read_case(train, margin=-1.0), every) if train else None
    case = every.at(clearly_rated(every))
    taught = all_taught.at(clearly_rated(all_taught)) if all_taught else None
    enough(taught or case)
    said = body_said(case, taught)
    return [
        _beside(case, taught, said),
        _unmoved(every, body_said(every, all_taught)),
        _over_people(case, said),
        _over_videos(case, said),
        reliability("Reliability, quadrant, probability of the likeliest class", *_kept_word(case, said)),
        reliability("Reliability, quadrant, output confidence", said.right, said.quadrant == case.quadrant),
        risk_coverage(
            "Risk and coverage, quadrant, by sureness (half is the threshold of the model)",
            said.sure,
            case.quadrant,
            said.quadrant,
        ),
        risk_coverage("The same by the output confidence", said.right, case.quadrant, said.quadrant),
        gain_over_people(
            "What silence gains, over people drawn anew", said.sure, (case.quadrant, said.quadrant), case.person
        ),
    ], _figures(case, said)


def body_said(case: CaseRows, taught: CaseRows | None = None) -> Said:
    """What is said of every row of `case` by models that know neither its person nor its film."""
    if taught is None:
        odds = unseen_twice(case)
        shares, right, sure = calibrated(case, odds)
        return _said(shares, odds.scales, sure, right)
    outside = unseen_twice(taught)
    temperature = fit.best_temperature(outside.quadrant, taught.quadrant)
    theirs = softmax(outside.quadrant / temperature)
    odds = _by_film(case, taught)
    shares = softmax(odds.quadrant / temperature)
    right = sigmoid(doubts(shares, case.course) @ fit.fit_confidence(theirs, taught))
    usual = fit.fit_usual_leads(theirs, taught.course, outside.clarity)
    return _said(shares, odds.scales, sureness(shares, case.course, odds.clarity, usual), right)


def _by_film(case: CaseRows, taught: CaseRows) -> fit.Unseen:
    """Log-odds of `case` by models of `taught` without the film that is judged."""
    count = len(case.x)
    both = CaseRows(*(np.concatenate([mine, theirs]) for mine, theirs in zip(case, taught, strict=True)))
    others = np.arange(len(both.x)) >= count
    folds = [
        (np.nonzero(others & (both.video != film))[0], np.nonzero(~others & (both.video == film))[0])
        for film in np.unique(case.video)
    ]
    odds = fit.unseen(both, folds)
    return fit.Unseen(*(said[:count] for said in odds))


def _said(shares: Numbers, scales: Numbers, sure: Numbers, right: Numbers) -> Said:
    high = (scales > 0).astype(np.int64)
    return Said(shares, high[:, 0], high[:, 1], sure, right)


def _beside(case: CaseRows, taught: CaseRows | None, said: Said) -> Table:
    """The body beside every control, and the leak."""
    truth = case.quadrant
    rows = [["body, unseen person and film", *scores(truth, said.quadrant, said.valence, said.arousal)]]
    if taught is None:
        odds = fit.unseen(case, score.leave_one_out(case.person))
        person = _said(softmax(odds.quadrant), odds.scales, said.sure, said.right)
        rows.append(["body, unseen person", *scores(truth, person.quadrant, person.valence, person.arousal)])
    for name, guess in controls(case, taught).items():
        rows.append([name, *scores(truth, guess)])
    rows.append(["LEAK: body, random split, quote it never", *scores(truth, random_split(case))])
    return Table(f"CASE, {len(np.unique(case.person))} people, {len(truth)} segments", _COLUMNS, rows)


def _unmoved(every: CaseRows, said: Said) -> Table:
    """The same if a joystick that rests in its centre counts as low and low."""
    rows = [["body, unseen person and film", *scores(every.quadrant, said.quadrant, said.valence, said.arousal)]]
    surer = most_sure(said.sure, 0.5)
    half = scores(every.quadrant[surer], said.quadrant[surer], said.valence[surer], said.arousal[surer])
    rows.append(["the same, surer half", *half])
    return Table(f"The same with unmoved joysticks as LL, {len(every.x)} segments", _COLUMNS, rows)


def scores(truth: Labels, guess: Labels, valence: Labels | None = None, arousal: Labels | None = None) -> list[float]:
    """Macro-F1 and accuracy of quadrants, macro-F1 of valence and arousal; by the quadrant's letters if not given."""
    levels, told = fit.high(truth), fit.high(guess)
    first, second = (told[:, at] if given is None else given for at, given in enumerate((valence, arousal)))
    return [
        macro_f1(truth, guess),
        float((truth == guess).mean()),
        macro_f1(levels[:, 0], first),
        macro_f1(levels[:, 1], second),
    ]


def _over_people(case: CaseRows, said: Said) -> Table:
    """Quartiles over people: some are read well, some not at all."""
    each = _each(case, said, case.person)
    rows = [
        [name, *(float(np.quantile(each[:, at], share)) for at in range(4))]
        for name, share in (("worst", 0), ("quarter", 0.25), ("median", 0.5), ("three quarters", 0.75), ("best", 1))
    ]
    return Table("Spread over people", ["person", *_COLUMNS[1:]], rows)


def _over_videos(case: CaseRows, said: Said) -> Table:
    films = np.unique(case.video)
    rows: list[list[Any]] = [[str(film), *row] for film, row in zip(films, _each(case, said, case.video), strict=True)]
    return Table("By film, none of which was learned from", ["film", *_COLUMNS[1:]], rows)


def _each(case: CaseRows, said: Said, group: Labels) -> Numbers:
    found = []
    for one in np.unique(group):
        held = group == one
        found.append(scores(case.quadrant[held], said.quadrant[held], said.valence[held], said.arousal[held]))
    return np.array(found)


def _kept_word(case: CaseRows, said: Said) -> tuple[Numbers, NDArray[np.bool_]]:
    return said.probabilities.max(1), said.quadrant == case.quadrant


def _figures(case: CaseRows, said: Said) -> list[Figure]:
    whole, _, valence, arousal = scores(case.quadrant, said.quadrant, said.valence, said.arousal)
    surer = most_sure(said.sure, 0.5)
    half = macro_f1(case.quadrant[surer], said.quadrant[surer])
    return [
        Figure("quadrant_f1_body", whole, "macro-F1", at_least=QUADRANT),
        Figure("valence_f1_body", valence, "macro-F1", at_least=VALENCE),
        Figure("arousal_f1_body", arousal, "macro-F1", at_least=AROUSAL),
        Figure("quadrant_ece", calibration_error(*_kept_word(case, said)), "", at_most=ECE),
        Figure("quadrant_f1_at_half_coverage", half, "macro-F1", at_least=whole + GAIN, baseline=whole),
    ]
