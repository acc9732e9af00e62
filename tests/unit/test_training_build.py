"""The bundled models: what is committed is what their source builds, to the byte."""

from pathlib import Path

import onnx
import pytest

from cloud.training.build import BUNDLED, build_all, differences, main
from cloud.training.bundle import Card, TensorNote, bundle
from cloud.training.graphs.builder import Graph
from contract.manifest import Provenance, decode_manifest

PROVENANCE = Provenance(built_by="test", recipe="test")


@pytest.fixture(scope="module")
def built() -> dict[str, bytes]:
    return build_all()


def test_the_committed_files_are_what_the_source_builds(built: dict[str, bytes]) -> None:
    assert differences(BUNDLED, built) == []


def test_building_again_gives_the_same_bytes(built: dict[str, bytes]) -> None:
    assert build_all() == built


def test_each_model_has_a_graph_and_a_manifest(built: dict[str, bytes]) -> None:
    manifests = [decode_manifest(content) for name, content in built.items() if name.endswith(".json")]
    assert {"motion", "anomaly"} <= {manifest.task for manifest in manifests}
    for manifest in manifests:
        assert manifest.file in built
        assert all(tensor.meaning for tensor in (*manifest.inputs, *manifest.outputs))


def test_check_and_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path), "--check"]) == 1
    assert "motion.onnx is missing" in capsys.readouterr().out
    assert main(["--out", str(tmp_path)]) == 0
    assert main(["--out", str(tmp_path), "--check"]) == 0
    (tmp_path / "motion.onnx").write_bytes(b"other")
    (tmp_path / "surplus.onnx").write_bytes(b"other")
    capsys.readouterr()
    assert main(["--out", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().out
    assert "motion.onnx is not what its source builds" in said
    assert "surplus.onnx is built by nothing" in said


def test_notes_must_fit_the_tensors() -> None:
    graph = Graph("one")
    graph.output("y", graph.add(graph.input("x", [1]), 1.0), [1])
    card = Card(name="one", version="1", task="one", provenance=PROVENANCE, notes={"x": TensorNote(meaning="in")})
    with pytest.raises(ValueError, match="'y'"):
        bundle(graph.model(), card)


def test_equal_constants_are_written_once_and_outputs_are_not_copied() -> None:
    graph = Graph("small")
    x = graph.input("x", [2])
    graph.output("y", graph.mul(graph.add(x, 3.0), 3.0), [2])
    graph.output("same", x, [2])
    model = graph.model()
    onnx.checker.check_model(model, full_check=True)
    assert len(model.graph.initializer) == 1
    assert [node.op_type for node in model.graph.node] == ["Add", "Mul", "Identity"]
