"""The audit log: durable lines, bounded files, and a reader that no damage stops."""

import errno
import fcntl
import logging
import os
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.core.audit import AuditEntry, AuditFilter, AuditLog, entries_of
from edge.web.accounts import Account, Accounts
from edge.web.passwords import NOBODYS
from tests.support.clock import FakeClock


def log_in(folder: Path, **bounds: int) -> AuditLog:
    return AuditLog(folder / "audit", clock=FakeClock(), **bounds)


def actions(log: AuditLog) -> list[str]:
    return [entry.action for _, entry in log.newest(limit=10_000)]


def test_a_line_is_kept_and_told_to_the_journal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = log_in(tmp_path)
    with caplog.at_level(logging.INFO):
        assert log.note("lena", "192.0.2.1", "cameras.stop", "camera=front")
    ((_, entry),) = log.newest()
    assert (entry.actor, entry.address, entry.action) == ("lena", "192.0.2.1", "cameras.stop")
    assert (entry.target, entry.outcome) == ("camera=front", "done")
    assert "audit: lena from 192.0.2.1: cameras.stop camera=front: done" in caplog.text
    (path,) = (tmp_path / "audit").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_journal_hears_of_it_however_quiet_all_else_was_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """From afar, too: who silences the log is told of in it."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        logging.getLogger("edge.other").info("quiet")
        log_in(tmp_path).note("cloud:mallory", "", "desired", "version 7")
    finally:
        root.setLevel(level)
    assert "cloud:mallory" in caplog.text
    assert "quiet" not in caplog.text


def test_half_a_line_on_a_full_disk_is_not_said_to_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_in(tmp_path)
    log.note("a", "b", "before")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, line: write(handle, line[:20]))
        assert not log.note("a", "b", "half")
    assert log.note("a", "b", "after")
    assert actions(log) == ["after", "before"]


def test_what_root_makes_belongs_to_who_owns_the_folder_above(tmp_path: Path) -> None:
    """`sudo afferent edge password --reset` before the first start locked the daemon out of its own folders."""
    if os.geteuid() == 0:
        os.chown(tmp_path, 4711, 4712)
    log_in(tmp_path).note("a", "b", "act")
    Accounts(tmp_path / "auth").reset(Account(role="admin", password=NOBODYS))
    above = tmp_path.stat()
    made = [path.stat() for path in tmp_path.rglob("*")]
    assert len(made) == 5
    assert {(each.st_uid, each.st_gid) for each in made} == {(above.st_uid, above.st_gid)}


def test_its_files_are_bounded_and_the_oldest_goes(tmp_path: Path) -> None:
    log = log_in(tmp_path, file_bytes=600, files=3)
    for number in range(60):
        log.note("a", "b", f"act-{number}")
    files = list((tmp_path / "audit").iterdir())
    assert len(files) == 3
    assert sum(path.stat().st_size for path in files) < 3 * 800
    told = actions(log)
    assert told[0] == "act-59"
    assert told == [f"act-{number}" for number in range(59, 59 - len(told), -1)]


def test_pages_join_without_a_gap_or_a_repetition(tmp_path: Path) -> None:
    log = log_in(tmp_path, file_bytes=500, files=50)
    for number in range(30):
        log.note("even" if number % 2 == 0 else "odd", "b", f"act-{number}")
    seen, before = [], None
    while page := log.newest(before=before, limit=4, wanted=AuditFilter(actor="even")):
        seen += [entry.action for _, entry in page]
        before = page[-1][0]
    assert seen == [f"act-{number}" for number in range(28, -1, -2)]


def test_a_line_torn_by_a_power_cut_costs_itself_alone(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    log.note("a", "b", "one")
    log.note("a", "b", "two")
    (path,) = (tmp_path / "audit").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    assert actions(log) == ["one"]
    log_in(tmp_path).note("a", "b", "three")
    assert actions(log) == ["three", "one"]


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    daemon, command_line = log_in(tmp_path, file_bytes=300), log_in(tmp_path, file_bytes=300)
    for number in range(5):
        daemon.note("a", "b", f"daemon-{number}")
        command_line.note("a", "b", f"cli-{number}")
    assert len(actions(daemon)) == 10


def test_a_disk_that_refuses_is_told_and_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "audit").write_text("a file where the folder should be")
    log = log_in(tmp_path)
    with caplog.at_level(logging.INFO):
        assert not log.note("a", "b", "one")
        assert log.alias("p-01").startswith("~")
    assert "does not take this line" in caplog.text
    assert "audit: a from b: one" in caplog.text


@pytest.mark.parametrize("stray", ["folder", "link", "pipe"])
@pytest.mark.parametrize("number", [1, 2, 99_999_999])
def test_what_is_no_file_is_passed_over_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, stray: str, number: int
) -> None:
    """It stopped the log, or held its writer for ever."""
    log = log_in(tmp_path, file_bytes=300, files=2)
    if number > 1:
        assert log.note("a", "b", "before")
    path = tmp_path / "audit" / f"audit-{number:08d}.jsonl"
    path.parent.mkdir(exist_ok=True)
    match stray:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to("nowhere")
        case _:
            os.mkfifo(path)
    assert all(log.note("a", "b", f"after.{count}") for count in range(5))
    assert actions(log)[:2] == ["after.4", "after.3"]
    assert caplog.text.count(f"goes on beside {path.name}, which is no file") == 1
    assert len(list(path.parent.iterdir())) <= 3


def test_a_file_that_cannot_be_opened_is_left_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_in(tmp_path)
    log.note("a", "b", "before")
    whole = os.open

    def refuse(path: Path, flags: int, *more: int) -> int:
        if Path(path).name == "audit-00000001.jsonl" and flags & os.O_APPEND:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return whole(path, flags, *more)

    monkeypatch.setattr(os, "open", refuse)
    assert log.note("a", "b", "after")
    assert log.note("a", "b", "later")
    assert actions(log) == ["later", "after", "before"]
    assert len(list((tmp_path / "audit").iterdir())) == 2


def test_another_process_that_was_stopped_holds_nobody_up(tmp_path: Path) -> None:
    """The command line may be suspended while it writes."""
    log = log_in(tmp_path)
    log.note("a", "b", "before")
    handle = os.open(tmp_path / "audit", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert log.note("a", "b", "after")
    finally:
        os.close(handle)


def test_a_participant_goes_by_an_alias_that_is_another_on_another_appliance(tmp_path: Path) -> None:
    """X.6: an erased participant leaves no name."""
    here, there = log_in(tmp_path / "a"), log_in(tmp_path / "b")
    assert here.alias("p-01") == log_in(tmp_path / "a").alias("p-01") != here.alias("p-02")
    assert here.alias("p-01") != there.alias("p-01")
    assert "p-01" not in here.alias("p-01")


@given(st.lists(st.text(max_size=300), min_size=5, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_whatever_is_said_is_one_readable_line(tmp_path: Path, said: list[str]) -> None:
    log = log_in(tmp_path)
    assert log.note(*said)
    (newest,) = log.newest(limit=1)
    assert newest[1].actor == "".join(sign if " " <= sign <= "~" else "?" for sign in said[0])[:96]


@given(st.binary(max_size=400))
def test_no_bytes_make_the_reader_fall_over(content: bytes) -> None:
    good = msgspec.json.encode(
        AuditEntry(t="2026-01-01T00:00:00.000Z", clock="trusted", actor="a", address="b", action="c")
    )
    found = list(entries_of(content + b"\n" + good + b"\n"))
    assert found[-1] == (len(content) + 1, msgspec.json.decode(good, type=AuditEntry))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20), st.data())
def test_what_is_looked_for_is_found_however_it_is_written(actor: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(actor) - 1))
    part = actor[begin : data.draw(st.integers(begin + 1, len(actor)))]
    entry = AuditEntry(t="2026-01-01T00:00:00.000Z", clock="trusted", actor=actor, address="b", action="c")
    wanted = AuditFilter(actor=part)
    assert wanted.takes(entry)
    assert [found for _, found in entries_of(msgspec.json.encode(entry), wanted.needles)] == [entry]
