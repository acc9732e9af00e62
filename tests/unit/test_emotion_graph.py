"""The emotion graph against its plain reference, its paper against its recipe, and what it must and must not do."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cloud.training import emotion_features as plain
from cloud.training.emotion_judge import judge, modest
from cloud.training.emotion_recipe import read_recipe
from cloud.training.graphs.emotion import build
from edge.models.session import Model
from edge.models.store import BUNDLED, ModelStore
from tests.conftest import ROOT

Floats = NDArray[np.float32]
States = dict[str, Floats]
TYPICAL = (5.0, 70.0, 33.0, 850.0)
COUNT = len(plain.CHANNELS)


@pytest.fixture(scope="module")
def model() -> Model:
    """The model as the appliance loads it."""
    return ModelStore().load("emotion")


def run(
    model: Model, values: Floats, valid: Floats, states: States, *, onset: bool = False, rest: bool = False
) -> dict[str, Floats]:
    now = {"onset": np.array([onset], np.float32), "rest": np.array([rest], np.float32)}
    return model.run({"signals": values, "valid": valid, **states, **now})


def fresh() -> States:
    return {name: state.astype(np.float32) for name, state in plain.fresh_memory()._asdict().items()}


def after(found: dict[str, Floats]) -> States:
    return {name: found[f"{name}_next"] for name in fresh()}


def test_the_committed_model_is_what_its_recipe_builds() -> None:
    """Deterministic to the byte, without any recording."""
    files = build().files()
    assert files == build().files()
    for name, content in files.items():
        assert (BUNDLED / name).read_bytes() == content


@pytest.mark.parametrize("seed", range(3))
def test_the_graph_is_the_reference(model: Model, seed: int) -> None:
    """150 segments in a row: dense, sparse and missing channels, onsets, a rest, nonsense among the values."""
    random, recipe = np.random.default_rng(seed), read_recipe()
    states, memory = fresh(), plain.fresh_memory()
    for number in range(150):
        values, valid = _noise(random)
        onset, rest = number % 40 == 0, 50 <= number < 70
        found = run(model, values, valid, states, onset=onset, rest=rest)
        body = plain.step(values, valid, memory, onset=onset, rest=rest)
        said = judge(recipe, body.features.ravel(), float(body.memory.course[:, 0].max()), body.change)
        for name, value in said._asdict().items():
            far = 5e-3 if name == "sureness" else 1e-3  # an exponential of what the graph has in single precision
            assert found[name].ravel() == pytest.approx(np.ravel(value), rel=far, abs=5e-4), name
        assert found["features"] == pytest.approx(body.features.ravel(), abs=1e-3)
        assert found["quality"][0] == pytest.approx(body.quality, abs=1e-5)
        assert found["change_score"][0] == pytest.approx(body.change, abs=1e-3)
        assert found["baseline_state"][0] == body.baseline_state
        states, memory = after(found), body.memory
        for name, state in memory._asdict().items():
            assert states[name] == pytest.approx(state, rel=2e-3, abs=5e-3), name


def test_pushes_add_up_to_what_is_said(model: Model) -> None:
    """`features` explained: with the bias of the manifest, the pushes are the logits."""
    random, states = np.random.default_rng(9), fresh()
    bias = np.array(model.manifest.parameters["bias"])
    for number in range(30):
        found = run(model, *_noise(random), states, onset=number == 0)
        states = after(found)
        raised = np.exp(found["pushes"].astype(float).sum(0) + bias)
        said = modest(raised / raised.sum(), float(found["confidence"][0]))
        assert found["probabilities"] == pytest.approx(said, abs=1e-4)
        assert found["probabilities"].max() <= max(found["confidence"][0], 0.25) + 1e-4
    names = str(model.manifest.parameters["features"]).split(",")
    assert found["features"].shape == (len(names),) and found["pushes"].shape == (len(names), 4)


def test_a_change_is_told_when_it_comes_and_not_before(model: Model) -> None:
    """Five quiet minutes, then a startle of three spreads: at once a score of 1 or more, and the sum begins anew."""
    random, states, scores = np.random.default_rng(2), fresh(), []
    trace = np.exp(np.log(5.0) + random.normal(0, 0.02, 80 * 20))
    trace[60 * 20 :] *= np.exp(0.3)
    for end in range(plain.CELLS, len(trace) + 1, 20):
        values, valid = np.zeros((plain.CELLS, COUNT), np.float32), np.zeros((plain.CELLS, COUNT), np.float32)
        values[:, 0], valid[:, 0] = trace[end - plain.CELLS : end], 1.0
        found = run(model, values, valid, states)
        states = after(found)
        scores.append((end // 20, float(found["change_score"][0])))
    assert max(score for at, score in scores if at <= 60) < 1
    assert max(score for at, score in scores if 60 < at <= 64) >= 1


def test_a_declared_rest_is_the_normal(model: Model) -> None:
    """Without a rest the state is none; a minute of it completes it, and begins what is normal anew."""
    states, seen = fresh(), []
    for number in range(40):
        values = np.tile(np.array(TYPICAL, np.float32), (plain.CELLS, 1))
        values[:, 0] = 10.0 if number < 20 else 5.0
        found = run(model, values, np.ones_like(values), states, rest=20 <= number < 32)
        states = after(found)
        seen.append(int(found["baseline_state"][0]))
    assert seen == [0] * 20 + [1] * 11 + [2] * 9
    assert states["baseline"][0, 1] == pytest.approx(np.log(5.0), abs=1e-3)


def test_a_host_that_knows_of_no_rest_carries_none_on(model: Model) -> None:
    values = np.tile(np.array(TYPICAL, np.float32), (plain.CELLS, 1))
    assert run(model, values, np.ones_like(values), fresh(), rest=True)["rest_next"].tolist() == [0.0]


def test_golden_numbers_of_a_rise() -> None:
    """Worked out by hand: a first minute in which conductance rises by 2 % a second, heart and skin silent.

    The level of ln(us) lies 10 s (the time constant, cut at a minute) behind; with the trend damped by 25 s^2, slopes
    are a little under .02 a second; the only segment is its own mean, so that level and onset say nothing.
    """
    age = plain.ages_s()
    values = np.ones((plain.CELLS, COUNT))
    values[:, 0] = np.exp(0.02 * age + np.log(5.0))
    valid = np.zeros_like(values)
    valid[:, 0] = 1.0
    done = plain.step(values, valid, plain.fresh_memory(), onset=True)
    weight = np.exp(age / 10)
    mean_age = (weight * age).sum() / weight.sum()
    spread = (weight * age**2).sum() / weight.sum() - mean_age**2
    sigma = 0.1 * np.sqrt(6 / 7)
    assert done.memory.baseline[0] == pytest.approx(
        [1.0, np.log(5.0) + 0.02 * mean_age, 0.0, np.log(5.0) + 0.02 * mean_age, 1]
    )
    assert done.features[0, 0] == pytest.approx(0.0)
    assert done.features[2, 0] == pytest.approx(0.02 * spread / (spread + 25) * 10 / sigma)
    assert done.features[4, 0] == pytest.approx(0.0)
    assert not done.features[:, 1:].any()
    assert done.quality == pytest.approx(0.7 / plain.ACQUAINTED)


def test_nothing_heard_is_nearly_blind_and_of_no_quality(model: Model) -> None:
    values = np.full((plain.CELLS, COUNT), np.nan, np.float32)
    found = run(model, values, np.zeros_like(values), fresh())
    assert found["quality"][0] == 0
    assert found["probabilities"].max() < read_recipe().decide_above
    assert not any(state.any() for state in after(found).values())


@pytest.mark.parametrize("value", [0.0, -1.0, 1e5, np.nan, np.inf])
def test_what_no_body_shows_is_absent(model: Model, value: float) -> None:
    values = np.full((plain.CELLS, COUNT), value, np.float32)
    found = run(model, values, np.ones_like(values), fresh())
    assert found["quality"][0] == 0
    assert all(np.isfinite(one).all() for one in found.values())


def test_missing_channels_are_allowed(model: Model) -> None:
    """Conductance alone is enough to decide by, skin and heart alone are not."""
    values = np.tile(np.array(TYPICAL, np.float32), (plain.CELLS, 1))
    least = float(str(model.manifest.parameters["least_quality"]))
    qualities = []
    for channel in range(COUNT):
        valid = np.zeros_like(values)
        valid[:, channel] = 1.0
        known = fresh()
        known["baseline"][:, 0] = plain.ACQUAINTED
        qualities.append(float(run(model, values, valid, known)["quality"][0]))
    assert qualities[0] >= least > max(qualities[1:])


def test_a_person_is_not_judged_before_the_model_knows_them(model: Model) -> None:
    """Nothing was measured in the first minute of a session, so nothing is said in it."""
    values = np.tile(np.array(TYPICAL, np.float32), (plain.CELLS, 1))
    least, state, silent = read_recipe().least_quality, fresh(), 0
    for _ in range(40):
        found = run(model, values, np.ones_like(values), state)
        state, silent = after(found), silent + (found["quality"][0] < least)
    assert 8 <= silent <= 12
    assert found["quality"][0] == pytest.approx(1.0)


def test_scale_of_conductance_does_not_matter(model: Model) -> None:
    """A wrist has a tenth of a finger's conductance: only changes in the person's own spread count."""
    random = np.random.default_rng(5)
    walk = np.exp(np.cumsum(random.normal(0, 0.01, 40 * 20)))
    shares = []
    for scale in (0.5, 20.0):
        state = fresh()
        for end in range(plain.CELLS, len(walk), 20):
            values = np.tile(np.array(TYPICAL, np.float32), (plain.CELLS, 1))
            values[:, 0] = walk[end - plain.CELLS : end] * scale
            found = run(model, values, np.ones_like(values), state)
            state = after(found)
        shares.append(found["probabilities"])
    assert shares[0] == pytest.approx(shares[1], abs=1e-3)


def test_an_hour_of_the_same_ends_where_it_began(model: Model) -> None:
    """A run without end: the count of the baseline is bounded, and nothing drifts."""
    values = np.tile(np.array(TYPICAL, np.float32), (plain.CELLS, 1))
    state = fresh()
    for _ in range(900):
        state = after(run(model, values, np.ones_like(values), state))
    known = state["baseline"]
    assert known[:, 0] == pytest.approx([plain.MEMORY] * COUNT)
    assert known[:, 1] == pytest.approx(known[:, 3], abs=1e-4)


def test_the_manifest_says_what_it_learned_from_and_how_good_it_is() -> None:
    """X.8, and the licences: CASE and Stress-Predict only, with attribution; every figure with its control."""
    manifest = build().manifest
    assert manifest.classes == ["HH", "HL", "LH", "LL"]
    assert manifest.label_set == "quadrant"
    said = " ".join(manifest.provenance.data)
    assert "CASE" in said and "CC BY 4.0" in said and "Stress-Predict" in said and "MIT" in said
    assert "hku" not in said.lower()
    assert manifest.version == "2.1.0"
    assert manifest.metrics["unseen_person_macro_f1"] > manifest.metrics["control_clock_only_macro_f1"] + 0.1
    assert manifest.metrics["control_consensus_macro_f1"] > manifest.metrics["unseen_person_macro_f1"]


def test_the_card_quotes_the_recipe() -> None:
    """Every `name | figure` of the card is the measured one, and every measured one is on the card."""
    card = (ROOT / "cloud" / "training" / "cards" / "emotion.md").read_text(encoding="utf-8")
    quoted = {name: float(figure) for name, figure in re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", card, re.MULTILINE)}
    assert quoted == read_recipe().metrics


def test_no_recording_is_needed_to_build() -> None:
    """What learning needs, building must not import."""
    source = Path(build.__code__.co_filename).read_text(encoding="utf-8")
    assert "pyarrow" not in source and "sklearn" not in source and "emotion_data" not in source


def _noise(random: np.random.Generator) -> tuple[Floats, Floats]:
    grid = plain.CELLS, COUNT
    values = np.array(TYPICAL) + random.standard_normal(grid) * np.array([0.3, 8.0, 0.3, 60.0])
    valid = random.random(grid) < random.choice([0.0, 0.03, 0.25, 1.0], COUNT)
    nonsense = random.random(grid) < 0.02
    values[nonsense] = random.choice([np.nan, -5.0, 0.0, 1e4], int(nonsense.sum()))
    return values.astype(np.float32), valid.astype(np.float32)
