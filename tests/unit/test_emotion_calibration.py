"""The eval's arithmetic of calibration and abstention, against the plain way or another's."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.eval.affect.calibration import (
    calibration_error,
    gain_over_people,
    macro_f1,
    most_sure,
    reliability,
    risk_coverage,
)

RANDOM = np.random.default_rng(4)


def test_macro_f1_is_everybodys() -> None:
    truth, guess = RANDOM.integers(0, 4, 300), RANDOM.integers(0, 4, 300)
    assert macro_f1(truth, guess) == pytest.approx(f1_score(truth, guess, average="macro"))


def test_who_keeps_their_word_has_no_error() -> None:
    said = RANDOM.random(20_000)
    right = RANDOM.random(20_000) < said
    assert calibration_error(said, right) < 0.02
    assert calibration_error(np.full(20_000, 0.95), right) == pytest.approx(0.45, abs=0.02)


def test_the_surest_are_kept() -> None:
    sure = np.array([0.1, 0.9, 0.5, 0.9])
    assert most_sure(sure, 0.5).tolist() == [1, 3]
    assert most_sure(sure, 0.0).tolist() == [1]


def test_risk_falls_where_sureness_says_something() -> None:
    sure = RANDOM.random(4000)
    truth = RANDOM.integers(0, 4, 4000)
    guess = np.where(RANDOM.random(4000) < sure, truth, (truth + 1) % 4)
    risks = [row[-1] for row in risk_coverage("one", sure, truth, guess).rows]
    assert risks == sorted(risks, reverse=True)
    assert risks[0] == pytest.approx(0.5, abs=0.03)


def test_a_gain_is_told_with_its_spread_over_people() -> None:
    person = np.repeat(np.arange(8), 200)
    sure, truth = RANDOM.random(1600), RANDOM.integers(0, 4, 1600)
    guess = np.where(RANDOM.random(1600) < sure, truth, (truth + 1) % 4)
    whole, half, gain = (row[1:] for row in gain_over_people("one", sure, (truth, guess), person).rows)
    assert gain[0] == pytest.approx(half[0] - whole[0])
    assert gain[0] == pytest.approx(0.25, abs=0.05)
    assert gain[2] < gain[0] < gain[3]
    alike = np.tile(np.arange(200), 8)
    assert gain_over_people("one", sure[alike], (truth[alike], guess[alike]), person).rows[2][2] == pytest.approx(0.0)


def test_a_row_for_each_bin() -> None:
    table = reliability("one", np.array([0.05, 0.15, 0.15, 1.0]), np.array([False, True, False, True]))
    assert [row[0] for row in table.rows] == ["0.0-0.1", "0.1-0.2", "0.9-1.0"]
    assert [row[3] for row in table.rows] == [0.0, 0.5, 1.0]
