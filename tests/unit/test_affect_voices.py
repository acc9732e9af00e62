"""Other voices than the body's: heard in their segment, pooled by the model, and told in the record."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cloud.training.voices_departure import OFF_CENTRE, UNKNOWN
from cloud.training.voices_features import GRADE, LABELS, graded
from contract.manifest import encode_manifest
from contract.sessions import SessionLabel
from edge.affect.estimator import Estimate
from edge.affect.knowledge import NothingKnown
from edge.affect.pooling import Heard, VoicesPool, Wanted, shares_of
from edge.affect.voices import Voice, Voices, loudest
from edge.core.errors import ModelError
from edge.models.session import Model
from edge.models.store import BUNDLED, ModelStore
from tests.support.affect import CLASSES
from tests.support.affect_room import Room

_SAD = {"HH": 0.02, "HL": 0.02, "LH": 0.02, "LL": 0.94}
_EVEN = dict.fromkeys(CLASSES, 0.25)
_S = 1_000_000_000
_shares = st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 1), max_size=4)


def _at(seconds: float) -> int:
    return round(seconds * _S)


async def test_a_face_is_heard_in_its_segment_and_told_in_the_record() -> None:
    """The body says HH at .7 in every segment; a sure, sad face speaks in the second alone, and tips it."""
    room = Room(wanted=3)
    room.script[9.0] = lambda: room.service.voices.hear("front", room.clock.mono_ns(), _SAD, 1.0)
    first, second, third = await room.play()
    assert (first.probe, third.probe) == ("HH", "HH")
    assert first.voices == third.voices == {"body": 1.0}
    assert set(second.voices) == {"body", "face"}
    assert sum(second.voices.values()) == pytest.approx(1.0, abs=1e-3)
    assert second.probabilities["LL"] > 2 * first.probabilities["LL"]
    assert second.probabilities["HH"] < first.probabilities["HH"]
    assert sum(second.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    assert second.quality == first.quality


async def test_a_face_that_says_nothing_changes_nothing_but_is_told() -> None:
    room = Room(wanted=2)
    room.script[9.0] = lambda: room.service.voices.hear("front", room.clock.mono_ns(), _EVEN, 1.0)
    first, second = await room.play()
    assert second.probabilities == pytest.approx(first.probabilities, abs=1e-5)
    assert second.voices


def test_no_voice_outlives_its_segment_and_memory_is_bounded() -> None:
    voices = Voices()
    for second in range(500):
        voices.hear("front", _at(second), _SAD, 0.5)
    assert voices.between(0, _at(400)) == []
    assert [voice.source for voice in voices.between(_at(495), _at(500))] == ["front"]


def test_a_later_word_counts_more_and_a_source_has_one_voice() -> None:
    voices = Voices()
    voices.hear("front", _at(0.1), {"HH": 1.0}, 0.8)
    voices.hear("front", _at(4.9), {"LL": 1.0}, 0.8)
    voices.hear("side", _at(2.0), _EVEN, 0.4)
    front, side = voices.between(0, _at(5))
    assert front.probabilities["LL"] > 2 * front.probabilities["HH"]
    assert front.weight == pytest.approx(0.8 * 0.5 ** (0.1 / 2.5))
    assert side.weight < 0.4
    assert loudest([side, front]) is front
    assert loudest([]) is None


@pytest.mark.parametrize(
    ("shares", "weight"),
    [({}, 1.0), ({"HH": 0.0}, 1.0), ({"HH": float("nan")}, 1.0), (_SAD, 0.0), (_SAD, float("nan")), (_SAD, 2.0)],
)
def test_what_is_no_voice_is_not_heard(shares: Mapping[str, float], weight: float) -> None:
    voices = Voices()
    voices.hear("front", 1, shares, weight)
    assert voices.between(0, 2) == []


class _Told(NothingKnown):
    """A session in which the participant and others spoke."""

    def __init__(self, labels: list[SessionLabel], others: list[float] | None = None) -> None:
        self._labels = labels
        self._others = others

    def labels(self, session_id: str) -> Sequence[SessionLabel]:
        return self._labels

    def others(self, session_id: str, at_ms: int) -> Sequence[float] | None:
        return self._others


def _heard(**others: Any) -> Heard:
    return Heard(**({"end_ms": 100_000, "since_onset_s": 60.0} | others))


def _label(at_ms: int, **said: Any) -> SessionLabel:
    return SessionLabel(label_id="one", at_ms=at_ms, source="probe", **said)


@pytest.fixture(scope="module")
def pool() -> VoicesPool:
    return VoicesPool(ModelStore().load("voices"))


_BODY = Estimate("HH", 0.42, {"HH": 0.4, "HL": 0.2, "LH": 0.2, "LL": 0.2}, 0.2, 0.1, 0.9, 1.0)


def test_the_body_alone_keeps_its_own_doubt(pool: VoicesPool) -> None:
    found = pool.pool(_BODY, _heard())
    assert (found.probe, found.confidence, found.probabilities) == ("HH", 0.42, _BODY.probabilities)
    assert (found.valence, found.arousal, found.weights) == (0.2, 0.1, {"body": 1.0})
    assert pool.pool(replace(_BODY, heard=False), _heard()).weights == {}
    assert pool.pool(replace(_BODY, probe=None), _heard()).probe is None


def test_what_was_just_said_counts_more_than_the_body_and_fades(pool: VoicesPool) -> None:
    fresh, old = (pool.pool(_BODY, _heard(labels=[_label(at_ms, probe="LL")])) for at_ms in (99_000, 45_000))
    assert fresh.probe == "LL"
    assert fresh.probabilities["LL"] > old.probabilities["LL"] > 0.2
    assert fresh.weights["labels"] > fresh.weights["body"]
    assert pool.pool(_BODY, _heard(labels=[_label(100_001, probe="LL")])).weights == {"body": 1.0}


def test_others_and_a_face_are_heard_and_a_body_that_was_not_heard_has_no_say(pool: VoicesPool) -> None:
    face = Voice("front", 1, {"LL": 1.0}, 1.0)
    found = pool.pool(_BODY, _heard(others=[0.0, 0.0, 1.0, 0.0], face=face, face_weight=0.5))
    assert set(found.weights) == {"body", "consensus", "face"}
    deaf = replace(_BODY, probe=None, heard=False, quality=0.1)
    assert pool.pool(deaf, _heard(others=[0.0, 0.0, 1.0, 0.0])).probe == "LH"


@pytest.mark.parametrize(
    ("said", "shares"),
    [
        ({"probe": "LH"}, [0, 0, 1, 0]),
        ({"valence": 0.5, "arousal": -0.5}, [0, 1, 0, 0]),
        ({"valence": -0.5}, [0, 0, 0.5, 0.5]),
        ({"valence": 0.0, "arousal": 0.2}, [0.5, 0, 0.5, 0]),
        ({}, None),
    ],
)
def test_a_label_is_a_share_of_each_quadrant(said: dict[str, Any], shares: list[float] | None) -> None:
    """X.17: what was not said is nothing, never Neutral."""
    assert shares_of(_label(1, **said), CLASSES) == shares


@given(st.floats(-1, 1).filter(bool), st.floats(-1, 1).filter(bool))
def test_a_point_of_the_square_is_graded_as_in_learning(valence: float, arousal: float) -> None:
    """On the device as where the pool learned, but for the middle lines, which here are of both sides."""
    shares = shares_of(_label(1, valence=valence, arousal=arousal), CLASSES, GRADE)
    assert shares == pytest.approx(graded(np.array([[valence, arousal]]))[0], abs=1e-5)
    assert shares_of(_label(1, probe="LH", valence=valence), CLASSES, GRADE) == [0, 0, 1, 0]
    assert shares_of(_label(1, valence=0.0), CLASSES, GRADE) == [0.25] * 4


def test_the_pool_hears_how_strongly_something_was_felt(pool: VoicesPool) -> None:
    """A corner of the square is what a key says; a point near its middle is less."""
    corner, key, faint = (
        pool.pool(_BODY, _heard(labels=[_label(40_000, **said)])).probabilities
        for said in ({"valence": -1.0, "arousal": 1.0}, {"probe": "LH"}, {"valence": -0.05, "arousal": 0.05})
    )
    assert corner == pytest.approx(key, abs=1e-3)
    assert abs(faint["LH"] - key["LH"]) > 0.005


@given(
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
    st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from(CLASSES)), max_size=12),
    st.floats(0, 1),
    st.floats(-5, 1e5),
)
def test_whoever_speaks_the_pool_is_a_distribution(
    pool: VoicesPool, body: list[float], said: list[tuple[int, str]], quality: float, since_s: float
) -> None:
    total = sum(body)
    shares = {name: value / total if total > 0 else 0.25 for name, value in zip(CLASSES, body, strict=True)}
    estimate = replace(_BODY, probabilities=shares, quality=quality)
    labels = [_label(at_ms, probe=probe) for at_ms, probe in said]
    found = pool.pool(estimate, _heard(labels=labels, since_onset_s=since_s))
    assert sum(found.probabilities.values()) == pytest.approx(1.0, abs=1e-4)
    assert all(0 <= share <= 1 for share in found.probabilities.values())
    assert not found.weights or sum(found.weights.values()) == pytest.approx(1.0, abs=1e-4)


def test_the_consensus_is_told_in_the_models_own_order() -> None:
    """X.8: what others said is HH, HL, LH, LL; the order of the model's classes is its manifest's."""

    class Turned(Model):
        def __init__(self) -> None:
            self.manifest = structs.replace(ModelStore().load("voices").manifest, classes=CLASSES[::-1])
            self.heard: list[float] = []

        def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
            self.heard = inputs["consensus"].tolist()
            return {"probabilities": np.full(4, 0.25), "valence": np.zeros(1), "arousal": np.zeros(1)} | {
                "weights": np.array([0.5, 0.0, 0.5, 0.0])
            }

    model, heard = Turned(), _heard(others=[1.0, 0.0, 0.0, 0.0])
    VoicesPool(model).pool(_BODY, heard)
    assert model.heard == [0.0, 0.0, 0.0, 1.0]
    assert heard.opinions(CLASSES[::-1]) == [[0.0, 0.0, 0.0, 1.0]]


def test_an_older_pool_is_not_told_what_it_does_not_ask_for_and_a_newer_one_by_moment() -> None:
    manifest = ModelStore().load("voices").manifest

    class Listening(Model):
        def __init__(self, *left_out: str) -> None:
            kept = [tensor for tensor in manifest.inputs if tensor.name not in left_out]
            self.manifest = structs.replace(manifest, inputs=kept)
            self.heard: Mapping[str, Any] = {}

        def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
            self.heard = inputs
            return {"probabilities": np.full(4, 0.25), "valence": np.zeros(1), "arousal": np.zeros(1)} | {
                "weights": np.array([1.0, 0.0, 0.0, 0.0])
            }

    old, new = Listening("others"), Listening()
    felt = {100_000: (0.5, -0.5), 90_000: (None, 0.25)}
    heard = _heard(labels=[_label(95_000, probe="HH"), _label(90_000, probe="HH")], felt=felt)
    for model in (old, new):
        VoicesPool(model).pool(_BODY, heard)
    assert "others" not in old.heard
    assert VoicesPool(old).wanted is None
    assert VoicesPool(new).wanted == Wanted(labels=LABELS, off_centre=OFF_CENTRE)
    assert new.heard["others"][:4].tolist() == [[0.5, -0.5], [2, 2], [2, 0.25], [2, 2]]


def test_an_older_pool_of_ones_own_goes_on_speaking(tmp_path: Path) -> None:
    """Who installed one before it heard others' means keeps it: what it does not ask for it need not have."""
    manifest, graph = ModelStore().load("voices").manifest, onnx.load(BUNDLED / "voices.onnx")
    (others,) = (one for one in graph.graph.input if one.name == "others")
    graph.graph.input.remove(others)
    unknown = np.full((1 + LABELS, 2), UNKNOWN, np.float32)
    graph.graph.initializer.append(onnx.numpy_helper.from_array(unknown, "others"))
    raw = graph.SerializeToString()
    older = structs.replace(
        manifest,
        version="1.2.0",
        file="older.onnx",
        sha256=hashlib.sha256(raw).hexdigest(),
        inputs=[tensor for tensor in manifest.inputs if tensor.name != "others"],
        parameters={name: value for name, value in manifest.parameters.items() if name != "off_centre"},
    )
    (tmp_path / older.file).write_bytes(raw)
    (tmp_path / "older.json").write_bytes(encode_manifest(older))
    store = ModelStore(tmp_path)
    model = store.load("voices")
    assert (model.manifest.version, store.problems) == ("1.2.0", [])
    heard = _heard(labels=[_label(90_000, probe="HH")], others=[0.25] * 4)
    found, newer = (VoicesPool(one).pool(_BODY, heard) for one in (model, ModelStore().load("voices")))
    assert found.probabilities == pytest.approx(newer.probabilities)


def test_an_opinion_is_not_formed_by_what_was_said_later() -> None:
    labels = [_label(100_001, probe="LL"), _label(99_000, probe="HH")]
    assert _heard(labels=labels).opinions(CLASSES) == [[1.0, 0.0, 0.0, 0.0]]


async def test_where_the_pool_fails_the_bodys_own_word_stands_and_it_is_told() -> None:
    room = Room(wanted=3)

    class Broken(Model):
        def __init__(self) -> None:
            self.manifest = ModelStore().load("voices").manifest

        def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
            raise ModelError("told to fail")

    load = room.models.load
    room.models.load = lambda task: Broken() if task == "voices" else load(task)  # type: ignore[method-assign]
    told = await room.play()
    assert [one.probe for one in told] == ["HH"] * 3
    assert told[0].voices == {}
    assert [float(inputs["memory"][0]) for inputs in room.model.seen[:3]] == [0, 1, 2]
    assert room.service.stats.failures >= 3
    assert "told to fail" in room.service.problem


@pytest.mark.parametrize("odd", [{"weights": np.ones(9)}, {"probabilities": np.ones(3)}, {"valence": np.ones(())}])
def test_a_pool_whose_output_has_another_shape_has_failed(
    pool: VoicesPool, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]
) -> None:
    run = pool._model.run
    monkeypatch.setattr(pool._model, "run", lambda inputs: run(inputs) | odd)
    heard = _heard(labels=[_label(99_000, probe="LL")])
    with pytest.raises(ModelError, match="of another shape"):
        pool.pool(_BODY, heard)


def test_a_model_that_is_no_pool_is_refused() -> None:
    with pytest.raises(ModelError, match="not a pool of voices"):
        VoicesPool(ModelStore().load("emotion"))
