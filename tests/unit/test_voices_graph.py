"""The graph of the voices against its plain reference, its paper against its recipe, and who has how much say."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cloud.training import voices_features as plain
from cloud.training.graphs.voices import build
from cloud.training.voices_departure import OFF_CENTRE, UNKNOWN, place_of
from cloud.training.voices_recipe import read_recipe
from edge.models.session import Model
from edge.models.store import BUNDLED, ModelStore
from tests.conftest import ROOT

Floats = NDArray[np.float32]
BODY = (0.4, 0.3, 0.2, 0.1)
_ENDS = (196.0, 200.0, 200.009, 200.02)
HL = (0.0, 1.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def model() -> Model:
    """The model as the appliance loads it."""
    return ModelStore().load("voices")


def run(model: Model, **given: Any) -> dict[str, Floats]:
    """Run on a body of whole quality, with what else is given."""
    count = read_recipe().labels
    labels = np.zeros((count, 4))
    ages = np.full(count, -1.0)
    told = given.pop("told", [])
    for index, (label, age) in enumerate(told):
        labels[index], ages[index] = label, age
    inputs: dict[str, Any] = {
        "body": BODY,
        "body_quality": [1.0],
        "labels": labels,
        "label_ages_s": ages,
        "consensus": np.zeros(4),
        "others": np.full((1 + count, 2), UNKNOWN),
    }
    inputs |= {"face": np.zeros(4), "face_weight": [0.0], "since_onset_s": [60.0]} | given
    return model.run({name: np.asarray(value, np.float32) for name, value in inputs.items()})


def test_the_committed_model_is_what_its_recipe_builds() -> None:
    """Deterministic to the byte, without any recording."""
    files = build().files()
    assert files == build().files()
    for name, content in files.items():
        assert (BUNDLED / name).read_bytes() == content


def test_its_paper_says_what_the_recipe_says(model: Model) -> None:
    manifest, recipe = model.manifest, read_recipe()
    assert (manifest.task, manifest.version, manifest.label_set) == ("voices", "1.6.0", "quadrant")
    assert manifest.classes == recipe.classes == list(plain.CLASSES)
    assert manifest.metrics == recipe.metrics
    assert manifest.parameters == {
        "labels": plain.LABELS,
        "decide_above": recipe.decide_above,
        "grade": plain.GRADE,
        "off_centre": OFF_CENTRE,
        "newer_inputs": "others",
    }


@pytest.mark.parametrize("seed", range(4))
def test_the_graph_is_the_reference(model: Model, seed: int) -> None:
    """Anybody present or not, labels soft and hard, ages unknown, negative and beyond the onset, others' means known
    or not, at places that were learned of and beyond."""
    random, recipe = np.random.default_rng(seed), read_recipe()
    for _ in range(150):
        heard, face, weight = _anything(random)
        expected = plain.pool(recipe, heard, face, weight)
        names = ("body", "body_quality", "labels", "label_ages_s", "consensus", "since_onset_s", "others")
        inputs = {name: column[0] for name, column in zip(names, heard, strict=True)}
        inputs |= {"body_quality": heard.quality, "since_onset_s": heard.since_onset_s}
        inputs |= {"face": face[0], "face_weight": np.array([weight])}
        found = model.run({name: value.astype(np.float32) for name, value in inputs.items()})
        shares = expected.probabilities[0]
        assert found["probabilities"] == pytest.approx(shares, abs=2e-4)
        assert found["weights"] == pytest.approx(expected.weights[0], abs=1e-3)
        assert found["valence"][0] == pytest.approx(shares[0] + shares[1] - shares[2] - shares[3], abs=5e-4)
        assert found["arousal"][0] == pytest.approx(shares[0] - shares[1] + shares[2] - shares[3], abs=5e-4)


@pytest.mark.parametrize("quality", [0.0, 0.3, 1.0])
def test_the_body_alone_is_what_it_says(model: Model, quality: float) -> None:
    found = run(model, body_quality=[quality])
    assert found["probabilities"] == pytest.approx(BODY, abs=1e-5)
    assert found["weights"] == pytest.approx([1, 0, 0, 0])


def test_nobody_with_anything_to_say(model: Model) -> None:
    found = run(model, body=[0.25] * 4)
    assert found["probabilities"] == pytest.approx([0.25] * 4)
    assert found["weights"] == pytest.approx([0, 0, 0, 0])
    assert found["valence"][0] == found["arousal"][0] == pytest.approx(0, abs=1e-6)


def test_a_face_counts_as_it_is_told_to(model: Model) -> None:
    """The logarithmic pool of two, by hand: p_body * p_face ** weight, normalised."""
    face = np.array([0.1, 0.2, 0.3, 0.4])
    expected = np.array(BODY) * face**0.5
    found = run(model, face=face, face_weight=[0.5])
    assert found["probabilities"] == pytest.approx(expected / expected.sum(), abs=1e-5)
    assert found["weights"][3] == pytest.approx(0.5 * np.log(4) / (1.5 * np.log(4)), abs=1e-4)
    assert run(model, face=face)["probabilities"] == pytest.approx(BODY, abs=1e-5)


def test_a_fresh_label_is_believed_and_an_old_one_less(model: Model) -> None:
    told = [float(run(model, told=[(HL, age)])["probabilities"][1]) for age in (0, 5, 15, 30, 60)]
    assert told[0] > 0.9
    assert told == sorted(told, reverse=True)
    weights = [float(run(model, told=[(HL, age)])["weights"][1]) for age in (0, 30)]
    assert weights[0] > weights[1] > 0


def test_a_label_holds_longer_late_in_a_stimulus(model: Model) -> None:
    early, late = (run(model, told=[(HL, 15)], since_onset_s=[at]) for at in (20, 150))
    assert late["probabilities"][1] > early["probabilities"][1]


def test_what_holds_is_the_class_and_what_follows_is_how_strongly_it_was_felt(model: Model) -> None:
    """Just said, a faint point is believed as a strong one is; long after they are not the same."""
    faint = plain.graded(np.array([[0.05, -0.05]]))[0]
    assert faint.argmax() == 1
    fresh = [run(model, told=[(label, 0)])["probabilities"] for label in (faint, HL)]
    assert fresh[0] == pytest.approx(fresh[1], abs=1e-5)
    old = [run(model, told=[(label, 60)])["probabilities"] for label in (faint, HL)]
    assert np.abs(old[0] - old[1]).max() > 0.01


def test_a_label_from_before_the_onset_is_not_heard(model: Model) -> None:
    found = run(model, told=[(HL, 70)])
    assert found["probabilities"] == pytest.approx(BODY, abs=1e-5)
    assert found["weights"] == pytest.approx([1, 0, 0, 0])


def test_the_crowd_is_heard_and_a_body_of_no_quality_is_not(model: Model) -> None:
    crowd = np.array([0.0, 0.0, 1.0, 0.0])
    found = run(model, consensus=crowd)
    assert found["probabilities"].argmax() == 2
    deaf = run(model, consensus=crowd, body_quality=[0.0])
    assert deaf["weights"] == pytest.approx([0, 0, 1, 0])
    assert deaf["probabilities"] == pytest.approx(
        run(model, consensus=crowd, body=BODY[::-1], body_quality=[0])["probabilities"]
    )


def _apart(model: Model, told: list[tuple[Any, float]], others: list[tuple[float, float]], **given: Any) -> Floats:
    """Probabilities where the crowd is undecided, and its means now and at each label are these."""
    means = np.full((plain.LABELS + 1, 2), UNKNOWN)
    means[: len(others)] = np.reshape(others, (-1, 2))
    return run(model, told=told, others=means, consensus=np.full(4, 0.25), **given)["probabilities"]


def test_who_felt_better_than_others_is_held_to_go_on_doing_so(model: Model) -> None:
    """Half a minute after a label that told more, or less, than others told there; and others moved meanwhile."""
    same, better = (_apart(model, [(HL, 30)], [(0.0, 0.0), (then, -0.5)]) for then in (0.8, -0.8))
    assert better[0] + better[1] > same[0] + same[1] + 0.02
    risen, fallen = (_apart(model, [(HL, 30)], [(now, -0.5), (0.3, -0.5)]) for now in (0.7, -0.7))
    assert risen[0] + risen[1] > fallen[0] + fallen[1] + 0.1


def test_where_others_are_known_by_quadrants_alone_they_are_heard_as_before(model: Model) -> None:
    """Nobody's mean now, or a place that nothing was learned of: others' means at labels say nothing then."""
    nothing = _apart(model, [(HL, 30)], [])
    assert _apart(model, [(HL, 30)], [(UNKNOWN, 0.5), (0.5, 0.5)]) == pytest.approx(nothing)
    beyond = {"since_onset_s": [205.0]}
    assert _apart(model, [(HL, 30)], [(0.9, 0.9), (-0.9, -0.9)], **beyond) == pytest.approx(
        _apart(model, [(HL, 30)], [], **beyond)
    )


def test_a_moment_between_two_places_belongs_to_the_one_that_ends(model: Model) -> None:
    """A segment that ends at 200 s is the fortieth, the last that was learned of; a clock may round 10 ms up."""
    at = {since_s: _apart(model, [(HL, 30)], [(0.9, 0.9), (-0.9, -0.9)], since_onset_s=[since_s]) for since_s in _ENDS}
    silent = _apart(model, [(HL, 30)], [], since_onset_s=[200.0])
    assert at[200.0] == pytest.approx(at[196.0], abs=0.01)
    assert at[200.009] == pytest.approx(at[200.0], abs=0.01)
    assert np.abs(at[200.0] - silent).max() > 0.05
    assert at[200.02] == pytest.approx(silent, abs=0.01)
    assert place_of(np.array([0.0, 5.0, 5.009, 5.02, 10.0])).tolist() == [0, 0, 0, 1, 1]


def test_eight_labels_at_once_of_which_some_contradict_each_other_are_borne(model: Model) -> None:
    """The worst for arithmetic: all at one place, sure, and far from others."""
    told = [(np.eye(4)[index % 4], 0.0) for index in range(plain.LABELS)]
    found = _apart(model, told, [(0.9, 0.9)] * 9)
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1, abs=1e-5)


def _anything(random: np.random.Generator) -> tuple[plain.Heard, NDArray[np.float64], float]:
    count = int(random.integers(0, plain.LABELS + 1))
    labels, ages = np.zeros((plain.LABELS, 4)), np.full(plain.LABELS, -1.0)
    labels[:count] = random.dirichlet(np.full(4, 0.3), count).astype(np.float32)
    ages[:count] = np.sort(random.uniform(-2, 220, count)).astype(np.float32)
    heard = plain.Heard(
        body=random.dirichlet(np.full(4, 0.5), 1).astype(np.float32),
        quality=random.uniform(-0.1, 1.1, 1),
        labels=labels[None],
        ages_s=ages[None],
        consensus=random.dirichlet(np.full(4, 0.5), 1) * random.integers(0, 2),
        since_onset_s=random.uniform(0, 240, 1),
        others=np.where(random.random((1, plain.LABELS + 1, 2)) < 0.1, UNKNOWN, random.uniform(-1, 1, (1, 9, 2))),
    )
    return heard, random.dirichlet(np.ones(4), 1) * random.integers(0, 2), float(random.uniform(0, 2))


def test_the_card_quotes_every_figure_of_the_recipe() -> None:
    card = (ROOT / "cloud" / "training" / "cards" / "voices.md").read_text(encoding="utf-8")
    quoted = {name: float(value) for name, value in re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", card, re.MULTILINE)}
    assert quoted == read_recipe().metrics
