"""The committed numbers of the emotion model come from the recordings, and from nothing else."""

from pathlib import Path

import numpy as np
import pytest

from cloud.training.emotion_recipe import encode_recipe, read_recipe
from cloud.training.learn_emotion import learn

WEIGHT_TOLERANCE = 2e-3
FIGURE_TOLERANCE = 0.006
"""Another BLAS ends the same descent a little elsewhere."""


@pytest.mark.data
def test_learning_again_gives_the_committed_recipe(data_dir: Path) -> None:
    """Nothing is drawn at random: weights, temperature and every figure of the card are found again."""
    committed, found = read_recipe(), learn(data_dir)
    assert np.array(found.weights) == pytest.approx(np.array(committed.weights), abs=WEIGHT_TOLERANCE)
    assert found.bias == pytest.approx(committed.bias, abs=WEIGHT_TOLERANCE)
    assert found.temperature == pytest.approx(committed.temperature, rel=0.03)
    assert found.metrics == pytest.approx(committed.metrics, abs=FIGURE_TOLERANCE)
    assert found.data == committed.data
    assert encode_recipe(found).endswith(b"}\n")
