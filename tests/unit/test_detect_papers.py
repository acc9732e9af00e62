"""What people write about a detector: parameters, labels, names; anything at all is taken or refused in words."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.ids import Id
from contract.manifest import Manifest
from edge.core.errors import ModelError
from edge.models.install import Opened
from edge.models.session import read_tensors
from edge.vision.detect.classifier import ExpressionClassifier
from edge.vision.detect.coco import COCO
from edge.vision.detect.papers import Asked, describe, name_from, read_labels, read_parameter
from edge.vision.detect.recipe import KINDS, read_recipe
from tests.support.detector_graphs import classifier_graph, yunet_graph
from tests.support.detectors import manifest_of, model_of

_KEYS = [
    *("kind", "channel_order", "scale", "mean", "std", "fit", "pad", "strides"),
    *("decoded", "activation", "boxes", "max_overlap", "width", "height"),
]
_values = st.one_of(
    st.integers(), st.floats(), st.text(max_size=8), st.lists(st.floats(), max_size=4), st.sampled_from(KINDS)
)
_GRAPH = yunet_graph((160, 160))
_PLAIN = manifest_of(_GRAPH, "faces", "yunet", ["face"])
_OPEN = manifest_of(yunet_graph(dynamic=True), "faces", "yunet", ["face"], width=64, height=64)


@given(st.dictionaries(st.sampled_from(_KEYS), _values), st.sampled_from([_PLAIN, _OPEN]))
def test_any_parameters_are_understood_or_refused_in_words(parameters: dict[str, Any], manifest: Manifest) -> None:
    try:
        recipe = read_recipe(_with(manifest, manifest.parameters | parameters))
    except ModelError as error:
        assert "$.parameters." in str(error)
        return
    assert all(16 <= side <= 2048 for side in recipe.size)
    assert all(stride >= 1 for stride in recipe.strides) and 0 <= recipe.pad <= 255


@given(_values)
def test_a_probe_is_a_probe_or_refused_in_words(value: Any) -> None:
    model = model_of(_CLASSIFIER, "expressions", "classifier", ["a", "b", "c"], **{"probe.a": value})
    try:
        shares = ExpressionClassifier(model)._probes
    except ModelError as error:
        assert "$.parameters.probe.a" in str(error)
        return
    assert shares.shape == (3, 4) and shares.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-4)


_CLASSIFIER = classifier_graph(16)


@given(st.text(max_size=30))
def test_any_key_and_value_is_read_or_refused(text: str) -> None:
    try:
        key, value = read_parameter(text)
    except ModelError:
        return
    assert key and isinstance(value, str | float | list)


def test_numbers_words_and_lists_are_told_apart() -> None:
    assert read_parameter("scale=0.5") == ("scale", 0.5)
    assert read_parameter("mean=1,2.5,3") == ("mean", [1.0, 2.5, 3.0])
    assert read_parameter("fit=stretch") == ("fit", "stretch")


@given(st.text(max_size=100))
def test_a_name_can_always_be_made(source: str) -> None:
    import msgspec

    assert msgspec.convert(name_from(source), Id)


def test_a_name_is_that_of_the_file() -> None:
    assert name_from("https://example.org/a/face detection.v2.onnx?download=1") == "face-detection.v2"


def test_labels_are_lines_and_may_name_probes(tmp_path: Path) -> None:
    path = tmp_path / "moods.txt"
    path.write_text("happy\n\n grim = LH \nplain\n", encoding="utf-8")
    assert read_labels(str(path)) == (["happy", "grim", "plain"], {"probe.grim": "LH"})
    assert read_labels("coco") == (list(COCO), {})
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="cannot be read"):
        read_labels(str(path))


def test_coco_has_its_80_classes_once() -> None:
    assert len(COCO) == len(set(COCO)) == 80
    assert (COCO[0], COCO[2], COCO[16], COCO[79]) == ("person", "car", "dog", "toothbrush")


@pytest.mark.parametrize("said", ["wide", float("nan"), 0.0, [1.0, 2.0], 10.0**9])
def test_sides_that_are_none_are_refused(said: Any) -> None:
    graph = yunet_graph(dynamic=True)
    inputs, outputs = read_tensors(graph, "a test's graph")
    opened = Opened(graph=graph, sha256="0" * 64, inputs=inputs, outputs=outputs)
    asked = Asked(task="faces", kind="yunet", name="a", source="a.onnx", parameters={"width": said})
    with pytest.raises(ModelError, match="--set width="):
        describe(asked, opened)


def _with(manifest: Manifest, parameters: dict[str, Any]) -> Manifest:
    import msgspec

    return msgspec.structs.replace(manifest, parameters=parameters)
