"""The figures of the emotion model's manifest and card, all of people that it did not learn from.

Every figure has its controls beside it; what they mean is in the card.
"""

from typing import Final

import numpy as np

from cloud.training import emotion_fit as fit
from cloud.training import emotion_score as score
from cloud.training.emotion_data import CaseRows, StressRows
from cloud.training.emotion_features import Array
from cloud.training.emotion_judge import doubts, sigmoid, softmax, sureness
from cloud.training.emotion_score import Labels

BINARY: Final = 2


def unseen_twice(case: CaseRows) -> fit.Unseen:
    """What is said of each segment without knowing its person or its film."""
    return fit.unseen(case, score.by_person_and_video(case.person, case.video))


def measure(case: CaseRows, stress: StressRows, board: CaseRows, twice: fit.Unseen) -> dict[str, float]:
    """All figures; `twice` is from `unseen_twice`, `board` the rows as an uncalibrated board sees them."""
    folds = score.leave_one_out(case.person)
    person = fit.unseen(case, folds)
    films = fit.unseen(case, score.leave_one_out(case.video))
    truth = case.quadrant
    return {
        **body_scores(person, truth, "unseen_person"),
        **body_scores(twice, truth, "unseen_person_and_video"),
        **body_scores(films, truth, "unseen_video"),
        **score.spread_over_people(twice.quadrant, truth, case.person),
        **sureness_scores(case, twice),
        "people": float(len(np.unique(case.person))),
        "segments": float(len(truth)),
        **_control_metrics(case),
        "uncalibrated_board_macro_f1": _board_f1(case, board, folds),
        **stress_scores(stress),
    }


def body_scores(said: fit.Unseen, truth: Labels, prefix: str) -> dict[str, float]:
    """Macro-F1 and accuracy of the quadrant; macro-F1 of valence and arousal by the outputs of these names."""
    guess, levels = said.quadrant.argmax(1), fit.high(truth)
    found = {f"{prefix}_macro_f1": score.macro_f1(truth, guess), f"{prefix}_accuracy": float((guess == truth).mean())}
    for at, name in enumerate(("valence", "arousal")):
        told = (said.scales[:, at] > 0).astype(np.int64)
        found[f"{prefix}_{name}_f1"] = score.macro_f1(levels[:, at], told, BINARY)
    return found


def calibrated(case: CaseRows, said: fit.Unseen) -> tuple[Array, Array, Array]:
    """Probabilities, the probability of being right, and sureness; what calibrates each person is from the others."""
    shares, right, sure = np.empty_like(said.quadrant), np.empty(len(case.x)), np.empty(len(case.x))
    for train, test in score.leave_one_out(case.person):
        others = case.at(train)
        temperature = fit.best_temperature(said.quadrant[train], others.quadrant)
        theirs = softmax(said.quadrant[train] / temperature)
        shares[test] = softmax(said.quadrant[test] / temperature)
        right[test] = sigmoid(doubts(shares[test], case.course[test]) @ fit.fit_confidence(theirs, others))
        usual = fit.fit_usual_leads(theirs, others.course, said.clarity[train])
        sure[test] = sureness(shares[test], case.course[test], said.clarity[test], usual)
    return shares, right, sure


def sureness_scores(case: CaseRows, said: fit.Unseen) -> dict[str, float]:
    """Calibration, and what abstention gains."""
    truth = case.quadrant
    shares, right, sure = calibrated(case, said)
    guess = shares.argmax(1)
    surer = np.argsort(-sure, kind="stable")[: len(sure) // 2]
    rest = np.setdiff1d(np.arange(len(sure)), surer)
    return {
        "calibration_error": score.calibration_error(shares, truth, np.ones(len(truth))),
        "confidence_calibration_error": score.confidence_error(right, guess == truth, np.ones(len(truth))),
        "half_coverage_macro_f1": score.macro_f1(truth[surer], guess[surer]),
        "half_coverage_accuracy": float((guess == truth)[surer].mean()),
        "other_half_accuracy": float((guess == truth)[rest].mean()),
    }


def stress_unseen(stress: StressRows) -> tuple[Array, Array]:
    """Log-odds of a stressor, and by the session's clock alone, for people that neither was learned from."""
    body, clock = np.zeros(len(stress.x)), np.zeros(len(stress.x))
    for train, test in score.leave_one_out(stress.person):
        others = stress.at(train)
        weights = fit.fit_stress(others)
        body[test] = stress.x[test] @ weights[:-1] + weights[-1]
        timed = fit.fit_clock(others.session_s, others.stress, others.person)
        clock[test] = timed(stress.session_s[test])
    return body, clock


def stress_scores(stress: StressRows) -> dict[str, float]:
    """How well a stressor is told from rest, beside the clock that beats it: all had the tasks in the same order."""
    found: dict[str, float] = {}
    for name, odds in zip(("stress", "control_stress_clock_only"), stress_unseen(stress), strict=True):
        told = (odds > 0).astype(np.int64)
        found[f"{name}_macro_f1"] = score.macro_f1(stress.stress, told, BINARY)
        found[f"{name}_auc"] = score.area_by_person(odds, stress.stress, stress.person)
    return found


def _control_metrics(case: CaseRows) -> dict[str, float]:
    truth, person = case.quadrant, case.person
    crowd = score.consensus(truth, person, case.video, case.place).argmax(1)
    found = {"control_chance_macro_f1": score.blind_f1(truth)}
    for name, guess in (
        ("majority", np.full(len(truth), np.bincount(truth).argmax())),
        ("clock_only", clock_only(case)),
        ("consensus", crowd),
    ):
        found[f"control_{name}_macro_f1"] = score.macro_f1(truth, guess)
        found[f"control_{name}_accuracy"] = float((guess == truth).mean())
    return found


def clock_only(case: CaseRows) -> Labels:
    """What is guessed of an unknown person by the time in the session and in the film, without a body."""
    session, film = case.session_s / 1000, np.log1p(case.place)
    clocks = np.stack([session, session**2, film, film**2], axis=1)
    guess = np.zeros(len(clocks), np.int64)
    for train, test in score.leave_one_out(case.person):
        model = fit.fit_plain(clocks[train], case.quadrant[train], case.person[train])
        guess[test] = model(clocks[test]).argmax(1)
    return guess


def _board_f1(case: CaseRows, board: CaseRows, folds: list[tuple[Labels, Labels]]) -> float:
    """Learned from microsiemens, tested on the counts of a board that nobody calibrated."""
    found = fit.unseen(case, folds, tested=board)
    return score.macro_f1(case.quadrant, found.quadrant.argmax(1))
