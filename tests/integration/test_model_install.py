"""Installing a detector from a real server and with the real command: whole or not at all, and clear words when not."""

import hashlib
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contract.manifest import encode_manifest
from edge.core.errors import ModelError
from edge.models.download import Limits, bring
from edge.models.settings import ModelSettings
from edge.models.store import ModelStore
from edge.vision.detect.crops import WHOLE
from edge.vision.detect.detector import Detector
from edge.vision.detect.installing import Words, add_model
from tests.conftest import ROOT
from tests.support.detector_graphs import (
    BLUE,
    RED,
    classifier_graph,
    detr_graph,
    rtdetr_graph,
    yolox_graph,
    yunet_graph,
)
from tests.support.detectors import failing_on_white, manifest_of, picture
from tests.support.model_server import serving
from tests.support.ports import free_port

_YOLOX = yolox_graph((160, 160))
_FILES = {
    "yolox.onnx": _YOLOX,
    "yunet.onnx": yunet_graph((160, 160)),
    "rubbish.onnx": b"<html>not found</html>" * 40,
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(_FILES) as address:
        yield address


@pytest.fixture
def labels(tmp_path: Path) -> str:
    path = tmp_path / "fruit.txt"
    path.write_text("apple\nberry\n\n", encoding="utf-8")
    return str(path)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def afferent(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    settings = state.parent / "edge.toml"
    settings.write_text(f'state_dir = "{state}"\n', encoding="utf-8")
    command = [sys.executable, "-m", "afferent", "edge", "model", *words, "--config", str(settings)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_model_is_installed_from_a_server_used_listed_and_removed(server: str, tmp_path: Path, labels: str) -> None:
    """The whole way, by the command line, with the default folder in the state folder."""
    state = tmp_path / "state"
    url = f"{server}/moved/yolox.onnx"
    done = afferent(
        state, "add", url, "--sha256", _digest(_YOLOX), "--task", "objects", "--kind", "yolox", "--labels", labels,
        "--licence", "MIT", "--name", "fruit",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Installed fruit" in done.stdout and "CPUExecutionProvider" in done.stdout
    listed = afferent(state, "list")
    assert "fruit" in listed.stdout and "objects" in listed.stdout and "licence MIT" in listed.stdout
    assert "runs on CPUExecutionProvider" in listed.stdout
    store = ModelStore.of(ModelSettings(), state)
    found = Detector(store.share("objects")).find(
        picture((RED, (80, 60, 60, 90)), (BLUE, (420, 210, 100, 70))), [WHOLE], 0.4
    )
    assert sorted({one.box.label for one in found}) == ["apple", "berry"]
    removed = afferent(state, "remove", "fruit")
    assert removed.returncode == 0 and "Removed fruit" in removed.stdout
    assert not store.has("objects")
    assert [path.name for path in (state / "models").iterdir()] == [".installing"]
    assert "No model is installed" in afferent(state, "list").stdout


def test_the_command_teaches() -> None:
    for words in ((), ("add",), ("list",), ("remove",)):
        done = subprocess.run(
            [sys.executable, "-m", "afferent", "edge", "model", *words, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 and "Usage:" in done.stdout
        assert words or "Examples:" in done.stdout


@pytest.mark.parametrize(
    ("way", "sha256", "words"),
    [
        ("yolox.onnx", "0" * 64, "wrong digest.*not opened"),
        ("yolox.onnx", "", "needs --sha256"),
        ("yolox.onnx", "abc", "64 digits"),
        ("absent.onnx", "0" * 64, "the server answers 404"),
        ("cut/yolox.onnx", _digest(_YOLOX), "cannot be downloaded.*nothing was kept"),
        ("vast", "0" * 64, "too large: a model may have 1 MB"),
        ("endless", "0" * 64, "too large: a model may have 1 MB"),
        ("rubbish.onnx", _digest(_FILES["rubbish.onnx"]), "not an ONNX graph that can run here"),
        ("yunet.onnx", _digest(_FILES["yunet.onnx"]), "not of the kind 'yolox'"),
    ],
)
def test_what_cannot_be_installed_is_said_and_leaves_nothing(
    server: str, tmp_path: Path, way: str, sha256: str, words: str
) -> None:
    (tmp_path / "fruit").write_text("apple\nberry\n", encoding="utf-8")
    asked = {"task": "objects", "kind": "yolox", "labels": str(tmp_path / "fruit")}
    with pytest.raises(ModelError, match=words):
        _add(tmp_path, source=f"{server}/{way}", sha256=sha256, **asked)
    assert _there(tmp_path) == []


def test_a_server_that_is_slow_silent_or_gone_is_given_up(server: str, tmp_path: Path) -> None:
    """Bounded in time: 30 s altogether by our clock, 0.3 s of silence by the wall; a head that drips is silence too."""
    clock = itertools.count(0, 1_000_000_000)
    target = tmp_path / "graph"

    def get(url: str, *, silence_s: float = 0.3, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        limits = Limits(most_s=30, silence_s=silence_s)
        bring(url, target, sha256="0" * 64, limits=limits, now_ns=now_ns)

    with pytest.raises(ModelError, match="longer than 30 s"):
        get(f"{server}/dribble/yunet.onnx", silence_s=100, now_ns=lambda: next(clock))
    with pytest.raises(ModelError, match="is too slow"):
        get(f"{server}/drip/yunet.onnx")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ModelError, match="cannot be downloaded"):
        get(f"http://127.0.0.1:{silent.getsockname()[1]}/model.onnx")
    with pytest.raises(ModelError, match="cannot be downloaded"):
        get(f"http://127.0.0.1:{free_port()}/model.onnx")
    with pytest.raises(ModelError, match="only https, http and files"):
        get("ftp://example.org/model.onnx")
    assert not target.exists()


@pytest.mark.parametrize("address", ["http://[::1/face.onnx", "https://user:geheim@[/face.onnx"])
def test_what_is_no_address_is_refused_in_words_that_show_no_password(tmp_path: Path, address: str) -> None:
    words = Words(source=address, sha256="a" * 64, task="faces", kind="yunet")
    with pytest.raises(ModelError, match="address to install from") as refused:
        list(add_model(words, ModelSettings(), tmp_path))
    assert "geheim" not in str(refused.value)


def test_no_password_of_an_address_is_shown_or_kept(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        _add(tmp_path, source="http://me:secret@127.0.0.1:1/a.onnx?token=secret", sha256="0" * 64, **_OBJECTS)
    assert "secret" not in str(caught.value)


_OBJECTS: dict[str, Any] = {"task": "objects", "kind": "yolox", "labels": "coco"}


@pytest.mark.parametrize(
    ("graph", "words", "seen"),
    [
        (_YOLOX, {"task": "objects", "kind": "yolox", "labels": "fruit"}, {"decoded": 0, "pad": 114}),
        (
            yolox_graph((160, 160), decoded=True),
            {"task": "objects", "kind": "yolox", "labels": "fruit", "said": ("pad=0",)},
            {"decoded": 1, "pad": 0},
        ),
        (detr_graph(softmax=True), {"task": "objects", "kind": "rtdetr", "labels": "fruit"}, {"activation": "softmax"}),
        (detr_graph(), {"task": "objects", "kind": "rtdetr", "labels": "fruit"}, {"activation": "sigmoid"}),
        (rtdetr_graph(), {"task": "objects", "kind": "rtdetr", "labels": "fruit"}, {"fit": "stretch"}),
        (yunet_graph(dynamic=True), {"task": "faces", "kind": "yunet"}, {"width": 640, "test_height": 384}),
        (
            yunet_graph(dynamic=True),
            {"task": "faces", "kind": "yunet", "said": ("width=320", "height=192")},
            {"width": 320, "test_height": 192},
        ),
        (
            classifier_graph(),
            {"task": "expressions", "kind": "classifier", "labels": "moods"},
            {"activation": "none", "probe.grim": "LH"},
        ),
        (
            classifier_graph(softmax=False),
            {"task": "expressions", "kind": "classifier", "labels": "moods"},
            {"activation": "softmax"},
        ),
    ],
)
def test_a_manifest_is_made_of_what_the_graph_shows(
    tmp_path: Path, graph: bytes, words: dict[str, Any], seen: dict[str, Any]
) -> None:
    """Kind by kind: what the operator does not say is read from the graph, and the model works from the folder."""
    (tmp_path / "fruit").write_text("apple\nberry\n", encoding="utf-8")
    (tmp_path / "moods").write_text("happy\nsad\ngrim = LH\n", encoding="utf-8")
    (tmp_path / "graph.onnx").write_bytes(graph)
    if "labels" in words:
        words = words | {"labels": str(tmp_path / words["labels"])}
    lines = _add(tmp_path, source=str(tmp_path / "graph.onnx"), **words)
    assert "Installed graph" in lines[0]
    manifest = ModelStore.of(ModelSettings(), tmp_path / "state").load(words["task"]).manifest
    assert manifest.sha256 == _digest(graph)
    assert {key: manifest.parameters.get(key) for key in seen} == seen


def test_a_manifest_of_ones_own_is_taken_if_it_is_of_this_graph(tmp_path: Path) -> None:
    graph = yunet_graph()
    (tmp_path / "graph.onnx").write_bytes(graph)
    own = tmp_path / "own.json"
    manifest = manifest_of(graph, "faces", "yunet", ["visage"], max_overlap=0.3)
    own.write_bytes(encode_manifest(manifest))
    _add(tmp_path, source=str(tmp_path / "graph.onnx"), manifest=own)
    assert ModelStore.of(ModelSettings(), tmp_path / "state").load("faces").manifest.classes == ["visage"]
    with pytest.raises(ModelError, match="--task says objects, the manifest faces"):
        _add(tmp_path, source=str(tmp_path / "graph.onnx"), manifest=own, task="objects")
    (tmp_path / "graph.onnx").write_bytes(_YOLOX)
    with pytest.raises(ModelError, match="of another graph"):
        _add(tmp_path, source=str(tmp_path / "graph.onnx"), manifest=own)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, "--task and --kind"),
        ({"task": "faces", "kind": "yolox"}, "tells 2 classes apart, 1 are named"),
        ({"task": "faces", "kind": "classifier"}, "of the kind yunet or yolox or rtdetr"),
        ({"task": "objects", "kind": "yolox"}, "Say --labels FILE or coco"),
        ({"task": "objects", "kind": "yolox", "labels": "/absent"}, "labels /absent cannot be read"),
        ({"task": "objects", "kind": "yolox", "labels": "coco"}, "tells 2 classes apart, 80 are named"),
        ({"task": "objects", "kind": "yolox", "labels": "coco", "said": ("scale",)}, "write KEY=VALUE"),
        ({"task": "objects", "kind": "yolox", "labels": "coco", "name": "../evil"}, "--name '../evil'"),
    ],
)
def test_words_that_do_not_fit_are_told(tmp_path: Path, words: dict[str, Any], said: str) -> None:
    (tmp_path / "graph.onnx").write_bytes(_YOLOX)
    with pytest.raises(ModelError, match=said):
        _add(tmp_path, source=str(tmp_path / "graph.onnx"), **words)
    assert _there(tmp_path) == []


def test_a_model_that_fails_at_work_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "graph.onnx").write_bytes(failing_on_white())
    (tmp_path / "one").write_text("thing", encoding="utf-8")
    own = tmp_path / "own.json"
    own.write_bytes(encode_manifest(manifest_of(failing_on_white(), "objects", "rtdetr", ["thing"], fit="stretch")))
    with pytest.raises(ModelError, match="cannot run"):
        _add(tmp_path, source=str(tmp_path / "graph.onnx"), manifest=own)
    assert _there(tmp_path) == []


def test_a_new_one_of_a_name_takes_its_place_and_a_bad_one_does_not(tmp_path: Path) -> None:
    source = tmp_path / "finder.onnx"
    source.write_bytes(yunet_graph())
    _add(tmp_path, source=str(source), task="faces", kind="yunet")
    first = _there(tmp_path)
    with pytest.raises(ModelError):
        _add(tmp_path, source=str(source), task="faces", kind="yunet", sha256="1" * 64)
    assert _there(tmp_path) == first
    source.write_bytes(yunet_graph((160, 160)))
    _add(tmp_path, source=str(source), task="faces", kind="yunet")
    assert len(_there(tmp_path)) == 2 and _there(tmp_path) != first
    lines = _add(tmp_path, source=str(source), task="faces", kind="yunet", name="another")
    assert "But finder stays in use for faces, until: afferent edge model remove finder" in lines[-1]


def test_what_a_killed_installer_left_is_swept_away_and_two_do_not_meet(tmp_path: Path) -> None:
    left = tmp_path / "state" / "models" / ".incoming-dead"
    left.mkdir(parents=True)
    (left / "graph").write_bytes(bytes(1000))
    sources = []
    for name, size in (("one", (160, 160)), ("two", (320, 320))):
        sources.append(tmp_path / f"{name}.onnx")
        sources[-1].write_bytes(yunet_graph(size))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda source: _add(tmp_path, source=str(source), task="faces", kind="yunet"), sources))
    assert [name for name in _there(tmp_path) if name.endswith(".json")] == ["one.json", "two.json"]
    assert not left.exists()


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be", encoding="utf-8")
    (tmp_path / "graph.onnx").write_bytes(yunet_graph())
    with pytest.raises(ModelError, match="run this as the appliance's user"):
        _add(tmp_path, source=str(tmp_path / "graph.onnx"), task="faces", kind="yunet")


def _add(room: Path, **words: Any) -> list[str]:
    limits = Limits(most_bytes=1_000_000, most_s=60, silence_s=5)
    return list(add_model(Words(**words), ModelSettings(), room / "state", limits))


def _there(room: Path) -> list[str]:
    """What lies in the folder of models."""
    folder = room / "state" / "models"
    return sorted(path.name for path in folder.iterdir() if path.name != ".installing") if folder.is_dir() else []
