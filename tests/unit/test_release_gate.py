"""The gate: what it lets pass, what not, and that it says why of each thing."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from contract.times import to_wire
from edge.core import standing
from edge.core.health import Health, State
from edge.core.standing import (
    FILE,
    PartStanding,
    Standing,
    StandingError,
    began_with_this_boot,
    find_standing,
    read_standing,
    running_release,
    standing_path,
    write_standing,
)
from edge.releases.compose import Choice, watch_of
from edge.releases.gate import Gate, Question, Verdict, Watch, reasons_against_restart, wait_for
from edge.releases.ports import HostTime
from edge.releases.standing_service import StandingService, Told
from tests.support.clock import FakeClock

_FIRST = Standing(
    boot="20261121-00000001",
    host_boot="host",
    release="2.0",
    software="0.1.0",
    ready=True,
    parts={"store": PartStanding(state=State.OK), "camera.front": PartStanding(state=State.OK)},
    frames={"front": 10},
    models={"motion": ""},
    records_waiting=0,
    records_acked=5,
    link="up",
    t=to_wire(1_790_000_000_000),
    mono_ms=1000,
)
_LATER = replace(_FIRST, frames={"front": 30})
_FAILED = PartStanding(state=State.FAILED, detail="gone")
_FROZEN = PartStanding(state=State.DEGRADED, detail="frozen: the same picture again and again")


def _verdict(*standings: Standing, fresh: bool = True, **question: object) -> Verdict:
    gate = Gate(question=Question(**question))  # type: ignore[arg-type]
    return [gate.look(standing, fresh=fresh) for standing in standings][-1]


def test_what_works_passes() -> None:
    assert _verdict(_FIRST, _LATER, release="2.0", not_boot="20261120-00000001").ok


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ready": False}, "ready: the daemon has not said READY yet"),
        ({"release": "1.0"}, "release: 1.0 runs, not 2.0"),
        ({"release": ""}, "release: no release runs, not 2.0"),
        ({"boot": "20261120-00000001"}, "the daemon was not restarted yet"),
        ({"parts": {"store": _FAILED}}, "part store: failed: gone"),
        ({"parts": {"store": PartStanding(state=State.STARTING)}}, "part store: starting"),
        ({"frames": {"front": 10}}, "camera front: its frames do not grow"),
        ({"frames": {"front": 30, "back": 0}}, "camera back: no frames"),
        ({"parts": {"picture.front": _FROZEN}}, "camera front: its picture is frozen"),
        ({"models": {"motion": "wrong digest"}}, "model motion: wrong digest"),
        ({"link": "away", "records_waiting": 3}, "sync: the broker is away; 3 records wait"),
        ({"records_waiting": 3}, "sync: nothing was acknowledged; 3 records wait"),
    ],
)
def test_what_does_not_work_does_not_pass_and_says_why(changes: dict[str, object], why: str) -> None:
    verdict = _verdict(_FIRST, replace(_LATER, **changes), release="2.0", not_boot="20261120-00000001")
    assert not verdict.ok
    assert why in verdict.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"records_waiting": 3, "records_acked": 6},
        {"link": "none", "records_waiting": 3},
        {"parts": {"store": PartStanding(state=State.DEGRADED)}},
        {"parts": {"picture.front": PartStanding(state=State.DEGRADED, detail="black: nothing to be seen")}},
    ],
)
def test_progress_or_nothing_to_do_passes(changes: dict[str, object]) -> None:
    assert _verdict(_FIRST, replace(_LATER, **changes)).ok


def test_what_was_wrong_before_is_excused() -> None:
    wrong = {
        "frames": {"front": 0},
        "parts": {"camera.front": _FAILED},
        "models": {"motion": "wrong"},
        "link": "away",
        "records_waiting": 7,
    }
    now = replace(_FIRST, **wrong)
    assert not _verdict(now, now).ok
    assert not _verdict(now, now, before=_FIRST).ok
    verdict = _verdict(now, now, before=now)
    assert verdict.ok
    assert "before" in "".join(check.why for check in verdict.checks)


def test_a_camera_that_was_frozen_before_is_excused() -> None:
    frozen = {"parts": {"picture.front": _FROZEN}}
    assert _verdict(_FIRST, replace(_LATER, **frozen), before=replace(_FIRST, **frozen)).ok
    assert not _verdict(_FIRST, replace(_LATER, **frozen), before=_FIRST).ok


def test_a_daemon_that_hangs_or_is_started_anew_all_the_time_does_not_pass() -> None:
    assert not _verdict(_FIRST, _LATER, fresh=False).ok
    assert not _verdict(_FIRST, replace(_LATER, boot="20261121-00000002")).ok


def test_freshness_is_of_this_boot_of_the_host() -> None:
    assert _FIRST.fresh(2_000_000_000, "host")
    assert not _FIRST.fresh(2_000_000_000, "another")
    assert not _FIRST.fresh(60_000_000_000, "host")


def test_it_waits_as_long_as_it_may_and_tells_while_it_does(tmp_path: Path) -> None:
    now, told = [0.0], list[str]()

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] == 5:
            write_standing(tmp_path / FILE, _FIRST)
        if now[0] == 7:
            write_standing(tmp_path / FILE, _LATER)

    watch = Watch(
        read=lambda: read_standing(tmp_path / FILE),
        fresh=lambda _standing: True,
        mono_s=lambda: now[0],
        sleep=sleep,
        tell=told.append,
    )
    assert not wait_for(Question(), watch, 3).ok
    assert "is missing: the appliance does not run" in told[0]
    assert wait_for(Question(), watch, 30, steady_s=0).ok
    assert now[0] == 7
    assert reasons_against_restart(watch) == []
    write_standing(tmp_path / FILE, replace(_LATER, busy=["a session is recorded"]))
    assert reasons_against_restart(watch) == ["a session is recorded"]
    assert reasons_against_restart(replace_fresh(watch)) == []


def replace_fresh(watch: Watch) -> Watch:
    """The same where no daemon lives."""
    return Watch(read=watch.read, fresh=lambda _standing: False, mono_s=watch.mono_s, sleep=watch.sleep)


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff", b"[" * 5000, b" " * (2 << 20)])
def test_a_file_that_is_no_standing_is_none(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / FILE).write_bytes(raw)
    with pytest.raises(StandingError):
        read_standing(tmp_path / FILE)


def test_a_standing_that_leads_elsewhere_or_never_comes_is_none(tmp_path: Path) -> None:
    """Root reads it in a folder of the appliance's, which may have been taken over."""
    write_standing(tmp_path / "other", _FIRST)
    (tmp_path / FILE).symlink_to(tmp_path / "other")
    with pytest.raises(StandingError, match="cannot be read"):
        read_standing(tmp_path / FILE)
    (tmp_path / FILE).unlink()
    os.mkfifo(tmp_path / FILE)
    with pytest.raises(StandingError, match="no plain file"):
        read_standing(tmp_path / FILE)


def test_in_a_run_in_memory_no_name_of_a_boot_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container ProtectProc= shows the daemon another boot_id than the shell beside it has."""
    path = tmp_path / FILE
    now = round(HostTime().mono_s() * 1000)
    write_standing(path, replace(_FIRST, host_boot="of another view", mono_ms=now, busy=["a session"]))
    choice = Choice(tell=lambda _words: None, standing=path)
    assert not began_with_this_boot(path)
    assert reasons_against_restart(watch_of(choice)) == []
    memory = Path("/dev/shm")  # noqa: S108 - a folder in memory, as /run is
    monkeypatch.setattr(standing, "_RUN", memory)
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        shutil.move(path, Path(folder) / FILE)
        choice = Choice(tell=lambda _words: None, standing=Path(folder) / FILE)
        assert reasons_against_restart(watch_of(choice)) == ["a session"]


def test_where_it_is_written_and_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert standing_path(tmp_path) == find_standing(tmp_path) == tmp_path / FILE
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path / 'run'}:other")
    assert standing_path(tmp_path) == tmp_path / "run" / FILE


def test_a_release_knows_its_name_by_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "releases" / "2.0" / "venv").mkdir(parents=True)
    (tmp_path / "releases" / "2.0" / "release.json").touch()
    (tmp_path / "current").symlink_to("releases/2.0")
    assert running_release(tmp_path / "current" / "venv") == "2.0"
    assert running_release(tmp_path) == ""


def test_the_daemon_writes_what_its_parts_tell(tmp_path: Path) -> None:
    clock = FakeClock()
    health = Health(clock)
    health.set("store", State.OK)
    told = Told(
        ready=lambda: True,
        frames=lambda: {"front": 4},
        models=lambda: {"motion": ""},
        records=lambda: (1, 2),
        link=lambda: "up",
        busy=lambda: ["a session is recorded"],
    )
    service = StandingService(
        path=tmp_path / FILE,
        boot="20261121-00000001",
        release="2.0",
        software="0.1.0",
        health=health,
        told=told,
        clock=clock,
    )
    write_standing(tmp_path / FILE, service.standing())
    found = read_standing(tmp_path / FILE)
    assert (found.records_waiting, found.records_acked, found.frames, found.busy) == (1, 2, {"front": 4}, told.busy())
    assert found.parts == {"store": PartStanding(state=State.OK)}
    assert found.fresh(clock.mono_ns(), found.host_boot)
