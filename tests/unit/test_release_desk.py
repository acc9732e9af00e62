"""The desk at which the appliance asks for updates: everything on it is somebody else's, and nothing is followed."""

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.releases.desk import FOLDER, REQUEST, RESULT, Desk, UpdateRequest, UpdateResult, read_result, write_request
from edge.releases.errors import ReleaseError

_RESULT = UpdateResult(request="r1", state="succeeded", release="2.0", t="2026-11-21T19:00:00.000Z")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def test_a_request_is_taken_as_it_was_written_and_answered(state: Path) -> None:
    request = UpdateRequest(request="r1", url="https://example.org/a.tar", sha256="0" * 64)
    write_request(state, request)
    desk = Desk(state)
    assert desk.take() == request
    desk.clear()
    assert desk.take() is None
    assert read_result(state) is None
    desk.tell(_RESULT)
    assert read_result(state) == _RESULT
    assert {path.name for path in (state / FOLDER).iterdir()} == {RESULT}


def test_where_nobody_ever_asked_there_is_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.clear()
    desk.tell(_RESULT)
    assert desk.take() is None
    assert list(tmp_path.iterdir()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=200) | st.dictionaries(st.text(max_size=9), st.text(max_size=9)).map(msgspec.json.encode))
def test_anything_else_is_refused_and_gone(state: Path, raw: bytes) -> None:
    (state / FOLDER / REQUEST).write_bytes(raw)
    with pytest.raises(ReleaseError, match="not taken"):
        Desk(state).take()
    assert not (state / FOLDER / REQUEST).exists()


@pytest.mark.parametrize(
    "field",
    [{"request": "../x"}, {"url": "x" * 3000}, {"sha256": "xyz"}, {"action": "erase"}, {"downgrade": True}, {"v": 2}],
)
def test_what_a_request_may_not_say_is_refused(state: Path, field: dict[str, object]) -> None:
    (state / FOLDER / REQUEST).write_bytes(msgspec.json.encode({"request": "r1"} | field))
    with pytest.raises(ReleaseError, match="not taken"):
        Desk(state).take()


def test_a_request_that_leads_elsewhere_is_not_followed(state: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "secret"
    elsewhere.write_bytes(msgspec.json.encode({"request": "r1"}))
    (state / FOLDER / REQUEST).symlink_to(elsewhere)
    with pytest.raises(ReleaseError):
        Desk(state).take()
    (state / FOLDER / REQUEST).hardlink_to(elsewhere)
    with pytest.raises(ReleaseError, match="no plain file"):
        Desk(state).take()
    assert elsewhere.exists()


def test_a_request_that_never_ends_is_not_read(state: Path) -> None:
    os.mkfifo(state / FOLDER / REQUEST)
    with pytest.raises(ReleaseError, match="no plain file"):
        Desk(state).take()
    (state / FOLDER / REQUEST).write_bytes(b" " * 20_000)
    with pytest.raises(ReleaseError, match="more than"):
        Desk(state).take()


def test_an_answer_goes_into_no_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / FOLDER).symlink_to(tmp_path / "elsewhere")
    Desk(tmp_path).tell(_RESULT)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_answer_replaces_a_link_and_does_not_follow_it(state: Path, tmp_path: Path) -> None:
    target = tmp_path / "shadow"
    target.write_text("kept", encoding="utf-8")
    for name in (RESULT, f".{RESULT}.new"):
        (state / FOLDER / name).symlink_to(target)
    Desk(state).tell(_RESULT)
    assert read_result(state) == _RESULT
    assert target.read_text(encoding="utf-8") == "kept"
    assert not (state / FOLDER / RESULT).is_symlink()


@pytest.mark.parametrize("name", [REQUEST, RESULT, f".{RESULT}.new"])
def test_a_folder_in_the_place_of_a_file_is_moved_aside(state: Path, name: str) -> None:
    """It would else start the updater over and over, or keep every answer from being given."""
    (state / FOLDER / name / "full").mkdir(parents=True)
    if name == REQUEST:
        with pytest.raises(ReleaseError, match="no plain file"):
            Desk(state).take()
    Desk(state).tell(_RESULT)
    assert read_result(state) == _RESULT
    assert sorted(path.name for path in (state / FOLDER).iterdir()) == [".no-file", RESULT]
