"""Models: verified before use, replaced by the bundled one when an operator's is broken, silent towards the network."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from contract.manifest import Manifest, Provenance, Tensor, decode_manifest, encode_manifest
from edge.core.errors import ModelError
from edge.models.loading import check_interface, first_that_works, load_model
from edge.models.session import (
    AUTO,
    BEST_FIRST,
    CPU,
    Model,
    Runtime,
    choose_providers,
    provider_options,
    read_tensors,
)
from edge.models.settings import ModelSettings
from edge.models.store import BUNDLED, ModelStore
from tests.conftest import ROOT


def _graph(kind: str = "Add") -> bytes:
    """y = kind(x, x) on [2, n] floats."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, "n"]) for name in ("x", "y")]
    node = helper.make_node(kind, ["x", "x"], ["y"])
    graph = helper.make_graph([node], "twice", ends[:1], ends[1:])
    opset = helper.make_opsetid("", 17)
    model: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    return model


def _write(folder: Path, graph: bytes, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "twice.onnx").write_bytes(graph)
    fields: dict[str, Any] = {
        "name": "twice",
        "version": "1",
        "task": "twice",
        "file": "twice.onnx",
        "sha256": hashlib.sha256(graph).hexdigest(),
        "inputs": [Tensor(name="x", dtype="float32", shape=[2, "n"])],
        "outputs": [Tensor(name="y", dtype="float32", shape=[2, "n"])],
        "provenance": Provenance(built_by="test", recipe="test"),
    }
    (folder / "twice.json").write_bytes(encode_manifest(Manifest(**(fields | changes))))
    return folder / "twice.json"


def test_a_good_model_runs(tmp_path: Path) -> None:
    model = load_model(_write(tmp_path, _graph()))
    assert model.provider == CPU
    assert model.run({"x": np.ones((2, 3), np.float32)})["y"].tolist() == [[2.0] * 3] * 2


def test_a_binding_works_in_place(tmp_path: Path) -> None:
    model = load_model(_write(tmp_path, _graph()))
    x, y = np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float32)
    binding = model.bind({"x": x}, {"y": y})
    for value in (1, 5):
        x[:] = value
        binding.run()
        assert (y == 2 * value).all()


def test_a_binding_to_a_tensor_that_the_graph_lacks_is_a_model_error(tmp_path: Path) -> None:
    """S1.17: as of a model of one's own that lacks an output; its service must hear it as any failure of a model."""
    model, array = load_model(_write(tmp_path, _graph())), np.zeros((2, 3), np.float32)
    with pytest.raises(ModelError, match=r"model twice has not the tensors.* z "):
        model.bind({"x": array}, {"y": array.copy(), "z": array.copy()})
    with pytest.raises(ModelError, match=r"model twice has not the tensors.* v "):
        model.bind({"x": array, "v": array}, {"y": array.copy()})


def test_a_binding_refuses_what_is_not_contiguous(tmp_path: Path) -> None:
    model = load_model(_write(tmp_path, _graph()))
    with pytest.raises(ModelError, match="not contiguous"):
        model.bind({"x": np.zeros((4, 2), np.float32).T}, {"y": np.zeros((2, 4), np.float32)})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": "0" * 64}, "wrong digest"),
        ({"file": "other.onnx"}, "cannot be read"),
        ({"inputs": [Tensor(name="z", dtype="float32", shape=[2, "n"])]}, "promises the input 'z'"),
        ({"inputs": [Tensor(name="x", dtype="uint8", shape=[2, "n"])]}, "manifest says"),
        ({"outputs": [Tensor(name="y", dtype="float32", shape=[3, "n"])]}, "manifest says"),
        ({"outputs": []}, "the manifest does not"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        load_model(_write(tmp_path, _graph(), **changes))


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a graph"):
        load_model(_write(tmp_path, b"no graph at all"))


def test_a_graph_that_onnxruntime_has_no_kernel_for_names_both_versions(tmp_path: Path) -> None:
    """As an older onnxruntime says of minima of bytes; the doctor tells these words."""
    ends = [helper.make_tensor_value_info(name, TensorProto.BFLOAT16, [2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Sin", ["x"], ["y"])], "waves", ends[:1], ends[1:])
    opset = helper.make_opsetid("", 22)
    raw = helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    words = rf"can run with onnxruntime {onnxruntime.__version__} \(the bundled models want 1\.24 or later\)"
    with pytest.raises(ModelError, match=words):
        load_model(_write(tmp_path, raw))


def test_a_malformed_manifest_names_file_and_field(tmp_path: Path) -> None:
    path = _write(tmp_path, _graph())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 3}))
    with pytest.raises(ModelError, match=r"twice\.json.*version"):
        load_model(path)


def test_the_self_test_catches_what_is_not_finite(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"self-test.*'y' is not finite"):
        load_model(_write(tmp_path, _graph("Div")))  # 0 / 0


def test_the_wrong_input_is_a_model_error(tmp_path: Path) -> None:
    model = load_model(_write(tmp_path, _graph()))
    with pytest.raises(ModelError, match="cannot run"):
        model.run({"x": np.zeros((3, 3), np.float32)})


@pytest.mark.parametrize("task", ["motion", "anomaly"])
def test_the_bundled_models_load_and_tell_where_they_come_from(task: str) -> None:
    model = ModelStore().load(task)
    assert isinstance(model, Model)
    assert model.manifest.task == task
    assert model.manifest.provenance.recipe == f"cloud.training.graphs.{task}"


def test_a_folder_of_ones_own_comes_first(tmp_path: Path) -> None:
    graph = (BUNDLED / "motion.onnx").read_bytes()
    manifest = json.loads((BUNDLED / "motion.json").read_text()) | {"version": "9.9.9"}
    (tmp_path / "motion.onnx").write_bytes(graph)
    (tmp_path / "mine.json").write_text(json.dumps(manifest))
    store = ModelStore(tmp_path)
    assert store.load("motion").manifest.version == "9.9.9"
    assert {entry.task: entry.version for entry in store.available()}["motion"] == "9.9.9"
    assert store.load("anomaly").manifest.task == "anomaly"
    assert store.problems == []


def test_a_broken_model_of_ones_own_gives_way_to_the_bundled_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "motion.onnx").write_bytes(b"cut short")
    (tmp_path / "motion.json").write_bytes((BUNDLED / "motion.json").read_bytes())
    (tmp_path / "notes.json").write_text("{")
    store = ModelStore(tmp_path)
    for _ in range(3):
        assert store.load("motion").manifest.provenance.recipe == "cloud.training.graphs.motion"
    digest, malformed = store.problems
    assert "wrong digest" in digest
    assert "bundled model is used" in digest
    assert "notes.json" in malformed
    assert len(caplog.records) == 2, "each problem is logged once"


_MEANT = [
    ("chance", "dtype", "float32", "input 'chance' is float32, and uint16 is what it is given"),
    ("sample_3", "dtype", "float32", "input 'sample_3' is float32, and uint8 is what it is given"),
    ("blind", "name", "gain", "asks for the input 'gain', which nobody gives it"),
]


@pytest.mark.parametrize(("name", "field", "value", "words"), _MEANT)
def test_a_model_of_ones_own_for_another_interface_gives_way_to_the_bundled_one(
    tmp_path: Path, name: str, field: str, value: str, words: str
) -> None:
    """S1.17: it would pass its self-test and fail with each picture, for ever."""
    manifest = json.loads((BUNDLED / "motion.json").read_text())
    (tensor,) = (one for one in manifest["inputs"] if one["name"] == name)
    tensor[field] = value
    (tmp_path / "mine.json").write_text(json.dumps(manifest))
    store = ModelStore(tmp_path)
    assert store.load("motion").manifest.provenance.recipe == "cloud.training.graphs.motion"
    (problem,) = store.problems
    assert words in problem and "bundled model is used" in problem and "built anew" in problem


def test_a_model_of_ones_own_may_remember_more(tmp_path: Path) -> None:
    """How many states it has is a model's own affair, and so is what else it puts out."""
    like = decode_manifest((BUNDLED / "motion.json").read_bytes())
    more = Tensor(name="sample_10", dtype="uint8", shape=[1, 1, "height", "width"], state=True)
    check_interface(msgspec.structs.replace(like, inputs=[*like.inputs, more], outputs=[*like.outputs, more]), like)
    fewer = [tensor for tensor in like.inputs if tensor.name != "threshold"]
    with pytest.raises(ModelError, match="it has no input 'threshold'"):
        check_interface(msgspec.structs.replace(like, inputs=fewer), like)


def test_a_folder_that_does_not_exist_is_a_problem_not_an_end(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "none")
    assert store.load("motion")
    assert "does not exist" in store.problems[0]


def test_a_folder_that_cannot_be_looked_at_is_a_problem_not_an_end(tmp_path: Path) -> None:
    """As one in somebody's home, which the appliance's user may not enter: no run of the daemon may end by that."""
    store = ModelStore(tmp_path / ("x" * 300))
    assert store.load("motion") and store.has("motion") and store.available() and store.installed() == []
    (problem,) = store.problems
    assert "cannot be read: File name too long" in problem


def test_an_unknown_task_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="no model for the task 'divination'"):
        ModelStore().load("divination")


def test_providers_are_those_that_exist_with_the_cpu_last() -> None:
    assert choose_providers(["TensorrtExecutionProvider", "CPUExecutionProvider"])[-1] == CPU
    assert choose_providers([]) == [CPU]


def test_running_a_model_leaves_the_callers_arithmetic_alone() -> None:
    """Numbers next to zero stay what they are in the thread that runs a model."""
    load_model(BUNDLED / "motion.json")
    assert float(np.float64(1e-310) / np.float64(2)) > 0


def test_nothing_is_written_home_and_nobody_is_called(tmp_path: Path) -> None:
    """onnxruntime's telemetry writes an id under the home cache as soon as it is imported, unless told not to."""
    script = (
        "import edge.models\nfrom edge.models.store import ModelStore\n"
        "ModelStore().load('motion')\n"
        "import os; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
    )
    dropped = {"CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"}
    home = {name: value for name, value in os.environ.items() if name not in dropped}
    home |= {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", script], env=home, cwd=ROOT, check=True, timeout=60)
    assert sorted(tmp_path.rglob("*")) == []


def _lay(folder: Path, task: str, name: str = "twice") -> None:
    path = _write(folder, _graph(), task=task, name=name)
    path.rename(folder / f"{name}.json")


def test_the_best_provider_that_works_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    """One that fails gives way to the next, and that is logged; if none works, the last one's words are told."""
    tried: list[list[str]] = []

    def start(providers: Sequence[str]) -> str:
        tried.append(list(providers))
        if providers[0] != CPU:
            raise ModelError(f"{providers[0]} has no driver")
        return providers[0]

    assert first_that_works(["TensorrtExecutionProvider", "CUDAExecutionProvider", CPU], start) == CPU
    assert [providers[0] for providers in tried] == ["TensorrtExecutionProvider", "CUDAExecutionProvider", CPU]
    assert "TensorrtExecutionProvider cannot be used, CUDAExecutionProvider is tried instead" in caplog.text
    with pytest.raises(ModelError, match=r"CUDA.* has no driver"):
        first_that_works(["CUDAExecutionProvider"], start)


def test_auto_stands_for_what_there_is_best_first() -> None:
    present = choose_providers([AUTO])
    assert present == [name for name in BEST_FIRST if name in present]
    assert present[-1] == CPU
    assert choose_providers([AUTO, CPU]) == present


def test_providers_are_told_what_they_need(tmp_path: Path) -> None:
    runtime = Runtime(threads=3, cache=tmp_path)
    assert provider_options("XnnpackExecutionProvider", runtime) == {"intra_op_num_threads": "3"}
    assert provider_options("TensorrtExecutionProvider", runtime)["trt_engine_cache_path"] == str(tmp_path)
    assert provider_options("TensorrtExecutionProvider", Runtime()) == {}
    assert provider_options(CPU, runtime) == {}


def test_several_threads_may_be_given(tmp_path: Path) -> None:
    model = load_model(_write(tmp_path, _graph()), Runtime(providers=(AUTO,), threads=2))
    assert model.run({"x": np.ones((2, 3), np.float32)})["y"].sum() == 12


def test_tensors_are_read_as_a_manifest_writes_them() -> None:
    inputs, outputs = read_tensors(_graph(), "twice.onnx")
    assert inputs == [Tensor(name="x", dtype="float32", shape=[2, "n"])]
    assert outputs == [Tensor(name="y", dtype="float32", shape=[2, "n"])]
    with pytest.raises(ModelError, match=r"twice\.onnx is not an ONNX graph"):
        read_tensors(b"nothing", "twice.onnx")


def test_any_number_of_optional_tasks(tmp_path: Path) -> None:
    _lay(tmp_path, "faces", "one")
    _lay(tmp_path, "objects", "two")
    store = ModelStore(tmp_path)
    assert store.has("faces") and store.has("objects") and store.has("motion") and not store.has("expressions")
    assert store.load("objects").manifest.name == "two"
    assert store.load("faces") is not store.load("faces")
    assert store.problems == []
    (tmp_path / "two.json").write_bytes((tmp_path / "two.json").read_bytes().replace(b'"float32"', b'"float64"'))
    with pytest.raises(ModelError, match="manifest says"):
        store.load("objects")
    assert store.problems == [], "nothing takes its place, so nothing is passed over"


def test_of_two_for_one_task_one_is_used_and_both_are_listed(tmp_path: Path) -> None:
    _lay(tmp_path, "faces", "one")
    _lay(tmp_path, "faces", "two")
    listed = {one.manifest.name: one.used for one in ModelStore(tmp_path).installed()}
    assert listed == {"one": False, "two": True}
    assert ModelStore(None).installed() == [] and ModelStore(tmp_path / "none", must_exist=False).installed() == []


def test_a_shared_model_is_one_until_it_is_released_or_replaced(tmp_path: Path) -> None:
    _lay(tmp_path, "faces", "one")
    store = ModelStore(tmp_path)
    first = store.share("faces")
    assert store.share("faces") is first and first.provider == CPU
    assert first.run({"x": np.ones((2, 1), np.float32)})["y"].tolist() == [[2], [2]]
    store.release(first)
    second = store.share("faces")
    assert second is not first
    store.release(first)
    assert store.share("faces") is second, "who still holds the old one does not end the new one"
    _lay(tmp_path, "faces", "two")
    assert store.share("faces").manifest.name == "two"


def test_the_folder_in_the_state_folder_is_there_without_a_word(tmp_path: Path) -> None:
    """Empty `models.folder` takes `models` of the state folder; that it is not there yet is no problem."""
    store = ModelStore.of(ModelSettings(), tmp_path)
    assert store.load("motion") and store.problems == [] and store.changed_ns == 0
    _lay(tmp_path / "models", "faces")
    assert store.has("faces") and store.changed_ns > 0
    elsewhere = ModelStore.of(ModelSettings(folder=str(tmp_path / "gone")), tmp_path)
    assert elsewhere.load("motion") and "does not exist" in elsewhere.problems[0]
