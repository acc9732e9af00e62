"""The motion and anomaly graphs against plain numpy, on random states and on states that were worked out by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cloud.training.graphs import anomaly, motion
from edge.models.session import Model
from edge.models.store import ModelStore
from tests.support.graph_reference import expectation_reference, motion_reference


@pytest.fixture(scope="module")
def motion_model() -> Model:
    return ModelStore().load("motion")


@pytest.fixture(scope="module")
def anomaly_model() -> Model:
    return ModelStore().load("anomaly")


def _motion_inputs(rng: np.random.Generator, height: int, width: int) -> dict[str, NDArray[Any]]:
    shape = (1, 1, height, width)
    base = rng.integers(0, 256, shape)
    samples = {
        f"sample_{index}": np.clip(base + rng.integers(-20, 21, shape), 0, 255).astype(np.float32)
        for index in range(motion.SAMPLES)
    }
    return {
        "luma": base.astype(np.uint8),
        "chance": rng.random(shape, np.float32),
        "threshold": np.array([rng.integers(4, 30)], np.float32),
        "rate": np.array([0.25], np.float32),
        "blind": np.array([rng.choice([0.0, 0.3, 1.0])], np.float32),
        "gain": np.array([rng.choice([1.0, 0.9, 1.2])], np.float32),
        "offset": np.array([rng.choice([0.0, -7.0, 11.0])], np.float32),
        "age_limit": np.array([50], np.float32),
        "noise": rng.uniform(0, 3, shape).astype(np.float32),
        "age": rng.integers(0, 60, shape).astype(np.float32),
        **samples,
    }


@given(seed=st.integers(0, 2**32 - 1), height=st.integers(8, 40), width=st.integers(8, 40))
@settings(max_examples=30, deadline=None)
def test_motion_is_what_numpy_says(motion_model: Model, seed: int, height: int, width: int) -> None:
    inputs = _motion_inputs(np.random.default_rng(seed), height, width)
    outputs = motion_model.run(inputs)
    for name, expected in motion_reference(inputs).items():
        np.testing.assert_allclose(outputs[name].squeeze(), expected, rtol=1e-5, atol=1e-4, err_msg=name)


def test_motion_of_a_square_on_an_even_background(motion_model: Model) -> None:
    """Worked out by hand: the mask is the square but for three pixels of each corner, in whatever light.

    Of their neighbourhoods of 25 pixels only 9 and 12 move.
    """
    inputs = _motion_inputs(np.random.default_rng(0), 24, 24)
    for index in range(motion.SAMPLES):
        inputs[f"sample_{index}"][:] = 100
    inputs["luma"][:] = 100
    inputs["luma"][0, 0, 6:16, 6:16] = 150
    inputs |= {"noise": np.zeros((1, 1, 24, 24), np.float32), "threshold": np.array([13], np.float32)}
    inputs["luma"] //= 2
    inputs |= {"gain": np.array([1.8], np.float32), "offset": np.array([10], np.float32)}
    mask = motion_model.run(inputs)["mask"][0, 0]
    assert set(np.unique(mask)) == {0, 255}
    expected = np.zeros((24, 24), bool)
    expected[8:14, 6:16] = expected[7:15, 7:15] = expected[6:16, 8:14] = True
    np.testing.assert_array_equal(mask > 0, expected)


def _anomaly_inputs(rng: np.random.Generator, rows: int = 6, columns: int = 8) -> dict[str, NDArray[Any]]:
    plane, cells = (1, 1, rows * anomaly.CELL, columns * anomaly.CELL), (rows, columns)
    return {
        "luma": rng.integers(0, 256, plane).astype(np.uint8),
        "mask": np.full(plane, 255, np.uint8),
        "previous": rng.integers(0, 256, plane).astype(np.float32),
        "learn": np.ones(1, np.float32),
        "gate": np.full(1, np.inf, np.float32),
        "count": rng.integers(0, 400, (1, 1, *cells)).astype(np.float32),
        "mean": rng.uniform(0, 10, (1, 2, *cells)).astype(np.float32),
        "variance": rng.uniform(0, 9, (1, 2, *cells)).astype(np.float32),
    }


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_anomaly_is_what_numpy_says(anomaly_model: Model, seed: int) -> None:
    inputs = _anomaly_inputs(np.random.default_rng(seed))
    outputs = anomaly_model.run(inputs)
    mean, spread = expectation_reference(inputs["count"][0, 0], inputs["mean"][0], inputs["variance"][0])
    deviation = np.maximum((outputs["features"][0] - mean) / spread, 0)
    np.testing.assert_allclose(outputs["deviation"][0], deviation, rtol=2e-3, atol=2e-3)
    worst = np.sort(deviation.sum(axis=0).ravel())[-anomaly.TOP :]
    np.testing.assert_allclose(outputs["score"], [worst.mean()], rtol=2e-3)


def test_change_is_the_mean_difference_of_a_cell(anomaly_model: Model) -> None:
    inputs = _anomaly_inputs(np.random.default_rng(1))
    outputs = anomaly_model.run(inputs)
    difference = np.abs(inputs["luma"].astype(np.float32) - inputs["previous"])[0, 0]
    cells = difference.reshape(6, anomaly.CELL, 8, anomaly.CELL).mean(axis=(1, 3))
    np.testing.assert_allclose(outputs["features"][0, 0], cells, rtol=1e-4)


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_speed_is_how_far_a_pattern_went(anomaly_model: Model, shift: float) -> None:
    """A smooth pattern that moves by `shift` pixels: the flow is found to a tenth."""
    rows, columns = 6, 8
    y, x = np.mgrid[0 : rows * anomaly.CELL, 0 : columns * anomaly.CELL].astype(np.float32)

    def pattern(offset: float) -> NDArray[np.float32]:
        waves = np.sin((x - offset) / 3.1) + np.sin((y + x - offset) / 4.3)
        return np.asarray(128 + 55 * waves, np.float32)

    inputs = _anomaly_inputs(np.random.default_rng(2))
    inputs["luma"][0, 0] = np.clip(pattern(shift).round(), 0, 255)
    inputs["previous"][0, 0] = pattern(0.0)
    speeds = anomaly_model.run(inputs)["features"][0, 1, 1:-1, 1:-1]
    assert np.median(speeds) == pytest.approx(shift, rel=0.1)


def test_learning_is_welfords_and_respects_its_gates(anomaly_model: Model) -> None:
    """Mean and variance of what was seen; nothing where nothing moves, beyond the gate, or when told not to learn."""
    rng = np.random.default_rng(3)
    inputs = _anomaly_inputs(rng)
    for name in ("count", "mean", "variance"):
        inputs[name][:] = 0
    inputs["mask"][0, 0, : anomaly.CELL] = 0
    seen = []
    for _ in range(12):
        inputs["luma"] = rng.integers(0, 256, inputs["luma"].shape).astype(np.uint8)
        outputs = anomaly_model.run(inputs)
        seen.append(outputs["features"][0])
        inputs |= {name: outputs[f"{name}_next"] for name in ("previous", "count", "mean", "variance")}
    assert not inputs["count"][0, 0, 0].any()
    assert (inputs["count"][0, 0, 1:] == 12).all()
    np.testing.assert_allclose(inputs["mean"][0, :, 1:], np.mean(seen, axis=0)[:, 1:], rtol=1e-4)
    np.testing.assert_allclose(inputs["variance"][0, :, 1:], np.var(seen, axis=0)[:, 1:], rtol=2e-3, atol=1e-4)

    for knob in ("learn", "gate"):
        held = anomaly_model.run(inputs | {knob: np.zeros(1, np.float32)})
        np.testing.assert_array_equal(held["count_next"], inputs["count"])
        np.testing.assert_array_equal(held["mean_next"], inputs["mean"])
