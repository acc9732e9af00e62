"""The motion and anomaly graphs against plain numpy, on random states and on states that were worked out by hand."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cloud.training.graphs import anomaly, motion
from edge.models.session import Model
from edge.models.store import ModelStore
from edge.vision.unusual.baseline import STATES
from tests.support.anomaly_reference import anomaly_reference
from tests.support.graph_reference import motion_reference


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
        f"sample_{index}": np.clip(base + rng.integers(-20, 21, shape), 0, 255).astype(np.uint8)
        for index in range(motion.SAMPLES)
    }
    return {
        "luma": base.astype(np.uint8),
        "chance": rng.integers(0, 65535, shape, np.uint16),
        "threshold": np.array([rng.integers(4, 30)], np.float32),
        "rate": np.array([rng.choice([16384, 65535])], np.uint16),
        "blind": np.array([rng.choice([0, 5000, 16384])], np.uint16),
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
    """Worked out by hand: the mask is the square but for three pixels of each corner.

    Of their neighbourhoods of 25 pixels only 9 and 12 move.
    """
    inputs = _motion_inputs(np.random.default_rng(0), 24, 24)
    for index in range(motion.SAMPLES):
        inputs[f"sample_{index}"][:] = 100
    inputs["luma"][:] = 100
    inputs["luma"][0, 0, 6:16, 6:16] = 150
    inputs |= {"noise": np.zeros((1, 1, 24, 24), np.float32), "threshold": np.array([13], np.float32)}
    mask = motion_model.run(inputs)["mask"][0, 0]
    assert set(np.unique(mask)) == {0, 255}
    expected = np.zeros((24, 24), bool)
    expected[8:14, 6:16] = expected[7:15, 7:15] = expected[6:16, 8:14] = True
    np.testing.assert_array_equal(mask > 0, expected)


def _anomaly_inputs(rng: np.random.Generator, rows: int = 3, columns: int = 4) -> dict[str, NDArray[Any]]:
    plane, cells = (1, 1, rows * anomaly.CELL, columns * anomaly.CELL), (rows, columns)
    inputs: dict[str, NDArray[Any]] = {
        "luma": rng.integers(0, 256, plane).astype(np.uint8),
        "mask": np.full(plane, 255, np.uint8),
        "previous": rng.integers(0, 256, plane).astype(np.uint8),
        **_knobs(seconds=0.1, learn=1, gate=np.inf, pace=0.01, hour_pace=0.02, hour_weight=0.5),
    }
    for of in ("", "hour_"):
        inputs |= {
            f"{of}count": rng.integers(0, 400, (1, 1, *cells)).astype(np.float32),
            f"{of}mean": rng.uniform(0, 10, (1, 2, *cells)).astype(np.float32),
            f"{of}variance": rng.uniform(0, 9, (1, 2, *cells)).astype(np.float32),
            f"{of}usual": rng.uniform(0, 0.3, (1, 1, *cells)).astype(np.float32),
        }
    return inputs


def _knobs(**values: float) -> dict[str, NDArray[Any]]:
    return {name: np.array([value], np.float32) for name, value in values.items()}


def _blank(inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Nothing was learned yet."""
    states = [f"{of}{name}" for of in ("", "hour_") for name in STATES]
    return inputs | {name: np.zeros_like(inputs[name]) for name in states}


def _smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Blurred noise, as pictures are: white noise has no flow that two ways of computing would agree on."""
    return np.asarray(cv2.GaussianBlur(rng.uniform(0, 255, shape).astype(np.float32), (0, 0), 2.0) * 2 - 128)


@given(
    seed=st.integers(0, 2**32 - 1),
    seconds=st.floats(0.04, 1),
    knobs=st.sampled_from([{}, {"learn": 0}, {"gate": 2.0}, {"hour_pace": 0, "hour_weight": 0}]),
)
@settings(max_examples=15, deadline=None)
def test_anomaly_is_what_numpy_says(anomaly_model: Model, seed: int, seconds: float, knobs: dict[str, float]) -> None:
    """Golden vectors: every output, on random pictures, states and knobs."""
    rng = np.random.default_rng(seed)
    inputs = _anomaly_inputs(rng) | _knobs(seconds=seconds, **knobs)
    shape = inputs["luma"].shape[2:]
    for name in ("luma", "previous"):
        inputs[name][0, 0] = np.clip(_smooth(rng, shape), 0, 255)
    inputs["mask"][0, 0] = np.where(_smooth(rng, shape) > 40, 255, 0)
    expected = anomaly_reference(inputs)
    outputs = anomaly_model.run(inputs)
    assert outputs.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(outputs[name][0], value, rtol=2e-3, atol=2e-3, err_msg=name)


def test_change_is_the_mean_difference_of_a_cell(anomaly_model: Model) -> None:
    inputs = _anomaly_inputs(np.random.default_rng(1))
    outputs = anomaly_model.run(inputs)
    difference = np.abs(inputs["luma"].astype(np.float32) - inputs["previous"])[0, 0]
    cells = difference.reshape(3, anomaly.CELL, 4, anomaly.CELL).mean(axis=(1, 3))
    np.testing.assert_allclose(outputs["features"][0, 0], cells, rtol=1e-4)


def _waves(offset: float) -> NDArray[np.float32]:
    y, x = np.mgrid[0 : 6 * anomaly.CELL, 0 : 8 * anomaly.CELL].astype(np.float32)
    return np.asarray(128 + 55 * np.sin((x - offset) / 5.1) + 55 * np.sin((y + x - offset) / 6.3), np.float32)


@pytest.mark.parametrize("seconds", [0.0667, 0.1, 0.1333, 0.2])
@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_speed_is_how_far_a_pattern_goes_in_a_tenth_of_a_second(
    anomaly_model: Model, speed: float, seconds: float
) -> None:
    """A smooth pattern seen at 5 to 15 frames a second: its speed comes out the same to an eighth."""
    inputs = _anomaly_inputs(np.random.default_rng(2), 6, 8) | _knobs(seconds=seconds)
    inputs["luma"][0, 0] = np.clip(_waves(speed * seconds / 0.1).round(), 0, 255)
    inputs["previous"][0, 0] = np.clip(_waves(0.0).round(), 0, 255)
    speeds = anomaly_model.run(inputs)["features"][0, 1, 1:-1, 1:-1]
    assert np.median(speeds) == pytest.approx(speed, rel=0.125)


def test_learning_is_welfords_and_respects_its_gates(anomaly_model: Model) -> None:
    """Mean and variance of what was seen, in the day's cells and the hour's; nothing where nothing moves, beyond the
    gate, or when told not to learn; and without an hour the hour's stay as they are."""
    rng = np.random.default_rng(3)
    inputs = _blank(_anomaly_inputs(rng))
    inputs["mask"][0, 0, : anomaly.CELL] = 0
    seen = []
    for at in range(12):
        inputs["luma"] = rng.integers(0, 256, inputs["luma"].shape).astype(np.uint8)
        outputs = anomaly_model.run(inputs | _knobs(pace=1 / (at + 1), hour_pace=1 / (at + 1)))
        seen.append(outputs["features"][0])
        inputs["previous"] = inputs["luma"]
        inputs |= {name.removesuffix("_next"): value for name, value in outputs.items() if name.endswith("_next")}
    for of in ("", "hour_"):
        assert not inputs[f"{of}count"][0, 0, 0].any()
        assert (inputs[f"{of}count"][0, 0, 1:] == 12).all()
        np.testing.assert_allclose(inputs[f"{of}usual"][0, 0, :, 0], [0, 1, 1])
        np.testing.assert_allclose(inputs[f"{of}mean"][0, :, 1:], np.mean(seen, axis=0)[:, 1:], rtol=1e-4)
        np.testing.assert_allclose(inputs[f"{of}variance"][0, :, 1:], np.var(seen, axis=0)[:, 1:], rtol=2e-3, atol=1e-3)

    for knob, sets in (("learn", ("", "hour_")), ("gate", ("", "hour_")), ("hour_pace", ("hour_",))):
        held = anomaly_model.run(inputs | _knobs(**{knob: 0}))
        for name in (f"{of}{state}" for of in sets for state in STATES):
            np.testing.assert_array_equal(held[f"{name}_next"], inputs[name])


def test_an_hour_that_has_seen_nothing_leans_on_the_day(anomaly_model: Model) -> None:
    """Whatever its weight; and one without weight counts for nothing, whatever it has seen."""
    inputs = _anomaly_inputs(np.random.default_rng(4))
    blank = {f"hour_{name}": np.zeros_like(inputs[f"hour_{name}"]) for name in STATES if name != "usual"}
    blank["hour_usual"] = inputs["usual"]
    for some in (inputs | blank | _knobs(hour_weight=0.9), inputs | _knobs(hour_weight=0)):
        outputs = anomaly_model.run(some)
        np.testing.assert_allclose(outputs["deviation"][0, :2], outputs["day_deviation"][0], rtol=1e-4)
        assert not outputs["deviation"][0, 2].any()
        np.testing.assert_allclose(outputs["hour_share"], inputs["usual"], rtol=1e-6)


@pytest.mark.parametrize(
    ("usual", "now", "sigma"), [(0.1, 0.1, 0.0), (0.05, 0.2, 0.0), (0.1, 0.0, 3.04), (0.001, 0, 1.18)]
)
def test_what_moves_where_at_this_hour_nothing_does_is_a_surprise(
    anomaly_model: Model, usual: float, now: float, sigma: float
) -> None:
    """Worked out by hand: sqrt(2 ln((usual + 0.001) / (now + 0.001)))."""
    inputs = _anomaly_inputs(np.random.default_rng(5)) | _knobs(hour_weight=1)
    inputs["usual"][:], inputs["hour_usual"][:] = usual, now
    np.testing.assert_allclose(anomaly_model.run(inputs)["deviation"][0, 2], sigma, atol=0.01)
