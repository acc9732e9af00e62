"""What is reached without looking at the body, and by looking where one must not: the controls beside every figure."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cloud.training import emotion_fit as fit
from cloud.training import emotion_score as score
from cloud.training.emotion_data import CaseRows

Labels = NDArray[np.int64]
Guess = Callable[[CaseRows, CaseRows], Labels]
_SEED = 0


def controls(case: CaseRows, taught: CaseRows | None = None) -> dict[str, Labels]:
    """A guess for each row, by the name of what is known; learned from `taught`, or else from the other people."""
    sources = list(_sources(case, taught))
    return {
        "chance (drawn)": np.random.default_rng(_SEED).integers(0, len(score.CLASSES), len(case.x)),
        "majority": _filled(case, sources, _majority),
        "time only": _filled(case, sources, _by_time),
        "prior only (own commonest label, other films)": own_prior(case),
        "own first label of the film, held": first_label(case),
        "hold the last label (own, 5 s old: knows the labels)": hold_last(case),
        "consensus of other viewers": _filled(case, sources, _consensus),
    }


def own_prior(case: CaseRows) -> Labels:
    """The label that the person gave most often in the other films."""
    guess = np.zeros(len(case.x), np.int64)
    for rows in _viewings(case):
        others = (case.person == case.person[rows[0]]) & (case.video != case.video[rows[0]])
        guess[rows] = np.bincount(case.quadrant[others], minlength=len(score.CLASSES)).argmax()
    return guess


def first_label(case: CaseRows) -> Labels:
    """The first label of the person in the film, held: what is known before any body."""
    guess = case.quadrant.copy()
    for rows in _viewings(case):
        guess[rows] = guess[rows[0]]
    return guess


def hold_last(case: CaseRows) -> Labels:
    """The label of the segment before, in the same film; at its beginning the person's last in the film before."""
    guess = case.quadrant.copy()
    for person in np.unique(case.person):
        rows = np.nonzero(case.person == person)[0]
        guess[rows[1:]] = case.quadrant[rows[:-1]]
    return guess


def random_split(case: CaseRows, folds: int = 5) -> Labels:
    """The leak: neighbours in time on both sides of the split, judged by the nearest rows of body and session."""
    order = np.random.default_rng(_SEED).permutation(len(case.x)) % folds
    guess = np.zeros(len(case.x), np.int64)
    for one in range(folds):
        test, train = np.nonzero(order == one)[0], np.nonzero(order != one)[0]
        for row in test:
            nearest = train[np.square(case.x[train] - case.x[row]).sum(1).argmin()]
            guess[row] = case.quadrant[nearest]
    return guess


def _sources(case: CaseRows, taught: CaseRows | None) -> list[tuple[Labels, CaseRows]]:
    """Rows to judge, and what may be learned from for these."""
    if taught is not None:
        return [(np.arange(len(case.x)), taught)]
    return [(test, case.at(train)) for train, test in score.leave_one_out(case.person)]


def _filled(case: CaseRows, sources: list[tuple[Labels, CaseRows]], guess: Guess) -> Labels:
    found = np.zeros(len(case.x), np.int64)
    for rows, others in sources:
        found[rows] = guess(case.at(rows), others)
    return found


def _majority(case: CaseRows, others: CaseRows) -> Labels:
    return np.full(len(case.x), np.bincount(others.quadrant).argmax())


def _by_time(case: CaseRows, others: CaseRows) -> Labels:
    model = fit.fit_plain(_clock(others), others.quadrant, others.person)
    return np.asarray(model(_clock(case)).argmax(1))


def _clock(case: CaseRows) -> NDArray[np.float64]:
    session, film = case.session_s / 1000, np.log1p(case.place)
    return np.stack([session, session**2, film, film**2], axis=1)


def _consensus(case: CaseRows, others: CaseRows) -> Labels:
    votes: dict[tuple[int, int], NDArray[np.int64]] = {}
    for film, place, label in zip(others.video, others.place, others.quadrant, strict=True):
        votes.setdefault((int(film), int(place)), np.zeros(len(score.CLASSES), np.int64))[label] += 1
    usual = np.bincount(others.quadrant, minlength=len(score.CLASSES))
    moments = zip(case.video, case.place, strict=True)
    return np.array([votes.get((int(film), int(place)), usual).argmax() for film, place in moments])


def _viewings(case: CaseRows) -> list[Labels]:
    """Rows of each person in each film, in order."""
    begun = np.nonzero((np.diff(case.person) != 0) | (np.diff(case.video) != 0))[0] + 1
    return np.split(np.arange(len(case.x)), begun)
