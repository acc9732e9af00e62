"""What the doctor says of places that are not as they should be, without making any."""

from pathlib import Path

import pytest

from edge.config import EdgeConfig, parse_config
from edge.doctor import Finding, _models, _objects, _state
from tests.support.detector_graphs import yunet_graph
from tests.support.detectors import put


def _found(config: EdgeConfig) -> Finding:
    return next(iter(_objects(config)))


def test_a_share_that_is_not_mounted_and_a_folder_that_takes_nothing_are_told(tmp_path: Path) -> None:
    """`confirm` alone would say of both that nothing is there, which is no answer."""
    share = parse_config(f'[objects]\ntype = "folder"\npath = "{tmp_path / "share"}"\n'.encode(), "t")
    assert "is it mounted" in _found(share).words
    (tmp_path / "share").mkdir()
    assert _found(share).fine


def test_looking_at_the_state_folder_makes_none(tmp_path: Path) -> None:
    config = EdgeConfig(state_dir=str(tmp_path / "state"))
    assert _found(config).fine
    assert next(iter(_state(config))).fine
    assert list(tmp_path.iterdir()) == []


def test_installed_detectors_are_examined_with_provider_and_licence(tmp_path: Path) -> None:
    config = EdgeConfig(state_dir=str(tmp_path))
    assert all(found.fine for found in _models(config))
    put(tmp_path / "models", yunet_graph((160, 160)), "faces", "yunet", ["face"])
    found = {one.part: one for one in _models(config)}["model faces"]
    assert found.fine and "yunet-like 1 passes its self-test on CPUExecutionProvider, licence none" in found.words
    (tmp_path / "models" / "yunet-like.onnx").write_bytes(b"cut short")
    found = {one.part: one for one in _models(config)}["model faces"]
    assert not found.fine and "wrong digest" in found.words and "model list" in found.remedy


def test_what_may_not_be_looked_into_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python raises for a folder that may not be searched, rather than to say that nothing is there."""
    closed = tmp_path / "closed" / "state"
    there = Path.exists

    def exists(path: Path) -> bool:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return there(path)

    monkeypatch.setattr(Path, "exists", exists)
    assert str(closed) in next(iter(_state(EdgeConfig(state_dir=str(closed))))).words
