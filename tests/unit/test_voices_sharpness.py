"""What makes the pool of voices as sure as it is right: learned of strangers, and which class is likeliest stays."""

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from cloud.training.voices_features import Array, softmax
from cloud.training.voices_sharpness import MOST_POWER, factor, learn_sharpness, spread_of

_N = 4000
_odds = arrays(float, (1, 4), elements=st.floats(-20, 20))


@given(_odds, st.floats(1.1, 5), st.floats(0.1, 3), st.floats(0, MOST_POWER))
def test_the_likeliest_class_stays_and_who_is_surer_stays_surer(
    odds: Array, more: float, scale: float, power: float
) -> None:
    pair = np.array([scale, power])
    less, sharper = (factor(one, pair)[0] * one for one in (odds, more * odds))
    assert less[0, odds.argmax()] == less.max()
    assert softmax(sharper).max() >= softmax(less).max() - 1e-9


def test_a_pool_that_is_right_as_often_as_it_says_is_left_alone() -> None:
    odds, truth = _drawn(lambda odds: odds)
    scale, power = learn_sharpness(odds, truth, np.ones(_N))
    assert abs(scale - 1) < 0.12
    assert power < 0.12


def test_one_that_says_too_little_when_unsure_and_too_much_when_sure_is_set_right() -> None:
    """What was drawn by a power of the spread is found again."""
    odds, truth = _drawn(lambda odds: odds * factor(odds, np.array([1.3, 0.5]))[:, None])
    scale, power = learn_sharpness(odds, truth, np.ones(_N))
    assert abs(scale - 1.3) < 0.2
    assert abs(power - 0.5) < 0.12


def test_nothing_to_learn_of_changes_nothing() -> None:
    nobody = np.zeros((0, 4))
    assert learn_sharpness(nobody, np.zeros(0, np.int64), np.zeros(0)) == (1.0, 0.0)
    assert np.isfinite(factor(np.zeros((3, 4)), np.array([1.0, MOST_POWER]))).all()
    assert spread_of(np.zeros((1, 4)))[0] > 0


def _drawn(true: Callable[[Array], Array]) -> tuple[Array, NDArray[np.int64]]:
    random = np.random.default_rng(5)
    odds = random.normal(size=(_N, 4)) * random.choice([0.2, 0.6, 1.5, 4.0], _N)[:, None]
    edges = softmax(true(odds)).cumsum(1)
    return odds, (random.random(_N)[:, None] > edges[:, :3]).sum(1)
