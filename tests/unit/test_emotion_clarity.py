"""How far from the borders of the quadrants a rating is to be expected, and what that does to silence."""

import numpy as np
import pytest

from cloud.training.emotion_data import CaseRows
from cloud.training.emotion_fit import fit_clarity
from cloud.training.emotion_judge import CLARITY_LIMIT, clarity_columns, clear_leads, sureness

RANDOM = np.random.default_rng(4)
PEOPLE, ROWS = 10, 2000
SURE = np.array([[0.4, 0.3, 0.2, 0.1]])


def people(distance: np.ndarray[tuple[int], np.dtype[np.float64]], evidence: np.ndarray) -> CaseRows:
    """Rows whose ratings lie this far from the nearer border, on any side of it."""
    rating = 5.0 + np.stack([distance, distance + 1], axis=1) * RANDOM.choice([-1, 1], (ROWS, 2))
    zeros = np.zeros(ROWS)
    return CaseRows(evidence, np.arange(ROWS) % PEOPLE, zeros, zeros, zeros, rating, zeros + 30, zeros)


def test_a_clear_rating_is_expected_of_what_clear_ratings_came_with() -> None:
    """The size of a feature tells as well as its sign; what never changes tells nothing."""
    evidence = RANDOM.normal(size=(ROWS, 3))
    evidence[:, 2] = 0.0
    case = people(1.0 + 0.5 * np.abs(evidence[:, 0]) + 0.2 * RANDOM.random(ROWS), evidence)
    columns = clarity_columns(case.x, case.change)
    weights = fit_clarity(columns, case)
    expected = columns @ weights
    assert expected.mean() == pytest.approx(0, abs=0.02)
    assert expected.std() == pytest.approx(1, abs=1e-6)
    assert np.corrcoef(expected, np.abs(case.rating - 5).min(1))[0, 1] > 0.9
    assert weights[2] == weights[5] == weights[6] == 0


def test_where_all_ratings_are_alike_nothing_is_expected() -> None:
    """Neither far nor near: every lead counts as it is."""
    case = people(np.ones(ROWS), RANDOM.normal(size=(ROWS, 2)))
    columns = clarity_columns(case.x, case.change)
    assert np.abs(columns @ fit_clarity(columns, case)).max() < 1e-3


@pytest.mark.parametrize("wild", [1e30, -1e30, np.inf, -np.inf])
def test_a_body_far_from_usual_stops_at_the_limit(wild: float) -> None:
    """A sureness stays a number, however far from usual the features are."""
    course, usual = np.array([30.0]), np.full(4, 0.1)
    found = sureness(SURE, course, np.array([wild]), usual)
    assert found == pytest.approx(sureness(SURE, course, np.array([np.sign(wild) * CLARITY_LIMIT]), usual))
    assert np.isfinite(found).all()


def test_a_lead_counts_more_where_a_clear_rating_is_to_be_expected() -> None:
    leads = [float(clear_leads(SURE, np.array([30.0]), np.array([clarity]))[0]) for clarity in (-1.0, 0.0, 1.0)]
    assert leads[0] < leads[1] < leads[2]
    assert leads[2] / leads[1] == pytest.approx(leads[1] / leads[0])
