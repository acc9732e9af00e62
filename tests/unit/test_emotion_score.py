"""The figures of the model card, against the plain way or another's."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from cloud.training import emotion_score as score
from cloud.training.emotion_data import CaseRows
from cloud.training.emotion_fit import balanced, best_temperature, fit_usual_leads
from cloud.training.emotion_judge import ramp, softmax, sureness

RANDOM = np.random.default_rng(3)
TRUTH = RANDOM.integers(0, 4, 400)
PERSON = RANDOM.integers(0, 7, 400)
VIDEO = RANDOM.integers(1, 9, 400)


def test_macro_f1_is_everybodys() -> None:
    guess = RANDOM.integers(0, 4, 400)
    assert score.macro_f1(TRUTH, guess) == pytest.approx(f1_score(TRUTH, guess, average="macro"))


def test_blind_f1_is_what_blind_guesses_get() -> None:
    guesses = [score.macro_f1(TRUTH, RANDOM.integers(0, 4, 400)) for _ in range(300)]
    assert score.blind_f1(TRUTH) == pytest.approx(np.mean(guesses), abs=0.01)


def test_area_is_everybodys() -> None:
    values = np.round(RANDOM.standard_normal(400), 1)
    positive, one = (TRUTH > 1).astype(np.int64), np.zeros(400, np.int64)
    assert score.area_by_person(values, positive, one) == pytest.approx(roc_auc_score(positive, values))


@pytest.mark.parametrize("both", [False, True])
def test_nobody_is_tested_by_a_model_that_knows_them(both: bool) -> None:
    """Each row is tested once; its person, and if asked its video, is not in what was learned from."""
    folds = score.by_person_and_video(PERSON, VIDEO) if both else score.leave_one_out(PERSON)
    tested = np.concatenate([test for _, test in folds])
    assert sorted(tested) == list(range(400))
    for train, test in folds:
        assert not set(PERSON[train]) & set(PERSON[test])
        assert not both or not set(VIDEO[train]) & set(VIDEO[test])


def test_consensus_is_what_the_others_said() -> None:
    truth, person = np.array([0, 1, 1, 2]), np.array([1, 2, 3, 4])
    same = np.ones(4, np.int64)
    votes = score.consensus(truth, person, same, same)
    assert votes[0] == pytest.approx([0, 2 / 3, 1 / 3, 0])
    assert score.consensus(truth, person, np.arange(4), same)[0] == pytest.approx([0.25] * 4)


def test_every_person_and_then_every_class_counts_the_same() -> None:
    weight = balanced(TRUTH, PERSON)
    assert weight.mean() == pytest.approx(1.0)
    assert np.ptp([weight[one == TRUTH].sum() for one in range(4)]) == pytest.approx(0.0, abs=1e-9)


def test_temperature_undoes_overconfidence() -> None:
    """Probabilities sharpened by a factor of 2 are found to want a temperature of about 2."""
    true = RANDOM.dirichlet([1, 1, 1, 1], 4000)
    truth = np.array([RANDOM.choice(4, p=row) for row in true])
    sharp = 2 * np.log(true)
    found = best_temperature(sharp, truth)
    assert found == pytest.approx(2.0, rel=0.2)
    weight = np.ones(4000)
    assert score.calibration_error(softmax(sharp / found), truth, weight) < 0.03
    assert score.calibration_error(softmax(sharp), truth, weight) > 0.08


def test_evidence_grows_after_an_onset() -> None:
    shares = ramp(np.arange(40))
    assert (np.diff(shares) > 0).all()
    assert 0.5 < shares[0] < shares[-1] < 1


def test_the_surer_half_is_half_of_each_class() -> None:
    """Abstention silences no class: a threshold of 1 keeps half of what is said of each."""
    shares = RANDOM.dirichlet([4, 2, 2, 1], 400)
    rows = np.zeros(400)
    case = CaseRows(rows[:, None], PERSON, VIDEO, PERSON, rows, np.zeros((400, 2)), rows + 30.0, rows)
    clarity = RANDOM.normal(size=400)
    sure = sureness(shares, case.course, clarity, fit_usual_leads(shares, case.course, clarity))
    for one in range(4):
        assert (sure[shares.argmax(1) == one] >= 1).mean() == pytest.approx(0.5, abs=0.03)
