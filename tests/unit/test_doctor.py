"""What the doctor says of places that are not as they should be, without making any."""

from pathlib import Path

import pytest

from edge.config import EdgeConfig, parse_config
from edge.core.errors import LinkError
from edge.core.sample import Channel, Sample
from edge.doctor import Finding, _broker, _models, _objects, _sensors, _sessions, _state
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


def test_a_box_to_which_nobody_named_a_broker_is_fine_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise LinkError("nobody answers")

    monkeypatch.setattr("edge.doctor.probe_broker", refuse)
    state = f'state_dir = "{tmp_path}"\n'.encode()
    told = {named: next(_broker(parse_config(state + named, "x"))) for named in (b"", b"[broker]\n")}
    assert (told[b""].fine, told[b""].words) == (True, "no cloud is set up; records stay on the device")
    assert not told[b"[broker]\n"].fine
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "certificate.pem").touch()
    assert not next(_broker(parse_config(state, "x"))).fine, "a cloud took it in"


class _SlowBoard:
    """A sensor that says nothing the first few times it is read."""

    def __init__(self, silent: int) -> None:
        self._silent = silent

    def open(self) -> None:
        """It opens."""

    def close(self) -> None:
        """It closes."""

    def describe(self) -> str:
        """What it is."""
        return "a slow board"

    def read(self) -> list[Sample]:
        """One sample, in the end."""
        self._silent -= 1
        return [] if self._silent >= 0 else [Sample("body", 1, {Channel.GSR_US: 2.0})]


def test_a_board_that_starts_slowly_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a port restarts a board: what it says at once is nothing."""
    config = parse_config(b'[[sensors]]\nsource = "simulated"\n', "t")
    monkeypatch.setattr("edge.doctor.sensor_opener", lambda *_: lambda: _SlowBoard(3))
    assert [(one.fine, one.words) for one in _sensors(config)] == [(True, "a slow board: delivers")]
    monkeypatch.setattr("edge.doctor._FIRST_SAMPLE_S", 0.01)
    monkeypatch.setattr("edge.doctor.sensor_opener", lambda *_: lambda: _SlowBoard(10**9))
    (silent,) = _sensors(config)
    assert not silent.fine and "says nothing" in silent.words and silent.remedy


def test_what_sessions_need_is_examined_where_there_can_be_any(tmp_path: Path) -> None:
    """The folder of participants and labels, and the model that pools the voices; both without making anything."""
    assert list(_sessions(EdgeConfig(state_dir=str(tmp_path)))) == []
    with_sensor = parse_config(f'state_dir = "{tmp_path}"\n[[sensors]]\nsource = "simulated"\n'.encode(), "t")
    assert all(one.fine for one in _sessions(with_sensor)) and list(tmp_path.iterdir()) == []
    assert "model voices" in {one.part for one in _models(with_sensor)}
