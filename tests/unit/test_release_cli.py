"""The commands: words, exit codes, and one JSON object for programs; systemd and servers as they are asked."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from edge.core.clock import SystemClock, host_boot
from edge.core.standing import Standing, write_standing
from edge.releases.cli import release
from edge.releases.errors import ReleaseBrokenError
from edge.releases.gate_cli import gate
from edge.releases.ports import HostTime, Systemd
from edge.releases.server_gate import ServerGate
from tests.support.release_world import OLD, QuickTime, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A box on which the old release is installed."""
    world = World(tmp_path / "world")
    world.prepare()
    world.installed(OLD)
    return world


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `systemctl` that writes down what it is told, and fails while there is a file `fails` beside it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "systemctl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {folder}/log\n[ -e {folder}/fails ] && {{ echo broken >&2; exit 3; }}\necho active\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def _run(*words: object) -> tuple[int, Any, str]:
    result = CliRunner().invoke(release, [*map(str, words), "--json"])
    return result.exit_code, json.loads(result.stdout or "null"), result.stderr


def _standing(path: Path, **changes: Any) -> None:
    plain = {
        "boot": "20261121-00000001",
        "host_boot": host_boot(),
        "release": OLD,
        "software": "0.1.0",
        "ready": True,
        "parts": {},
        "frames": {},
        "models": {},
        "records_waiting": 0,
        "records_acked": 0,
        "link": "none",
        "t": "2026-11-21T19:00:00.000Z",
        "mono_ms": SystemClock().mono_ns() // 1_000_000,
    }
    write_standing(path, msgspec.convert(plain | changes, Standing))


def test_status_says_how_things_stand(world: World, tmp_path: Path) -> None:
    code, report, _ = _run("status", "--root", world.layout.root)
    assert code == 0
    assert (report["current"], report["good"], report["releases"], report["phase"]) == (OLD, OLD, [OLD], "idle")
    code, report, _ = _run("status", "--root", tmp_path / "nowhere")
    assert (code, report["current"], report["releases"]) == (0, "", [])
    words = CliRunner().invoke(release, ["status", "--root", str(world.layout.root)]).stdout
    assert "current   1.0" in words
    assert "last      committed 1.0" in words


def test_errors_are_words_with_a_remedy_and_an_exit_code(world: World) -> None:
    root = ("--root", world.layout.root)
    code, report, _ = _run("activate", "9.9", *root)
    assert (code, report["outcome"]) == (1, "failed")
    assert "release stage" in report["reason"]
    assert _run("rollback", *root)[0] == 1
    assert _run("stage", "/nowhere.tar", *root)[0] == 1
    assert CliRunner().invoke(release, ["stage"]).exit_code == 2
    assert _run("resume", "--state", world.state, *root)[1]["outcome"] == "nothing"
    assert _run("resume", "--boot", *root)[0] == 0
    assert _run("prune", *root)[1] | {"last": None} == report | {"outcome": "pruned", "reason": "", "last": None}


def test_another_updater_at_work_is_not_now(world: World) -> None:
    with world.layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, report, _ = _run("rollback", "--root", world.layout.root)
    assert (code, report["outcome"]) == (75, "held")


def test_a_session_holds_a_switch_off(world: World, tmp_path: Path, systemctl: Path) -> None:
    bundle = world.bundle("2.0")
    world.work(world.updater()).take(
        msgspec.convert({"source": str(bundle), "goal": "staged"}, type(world.updater().journal))
    )
    _standing(tmp_path / "standing.json", busy=["session s-1 is being recorded"])
    words = ("activate", "2.0", "--root", world.layout.root, "--standing", tmp_path / "standing.json")
    code, report, _ = _run(*words)
    assert (code, report["current"]) == (75, OLD)
    assert "session s-1" in report["reason"]
    code, report, _ = _run(*words, "--even-busy")
    assert (code, report["outcome"], report["current"], report["good"]) == (0, "tried", "2.0", OLD)
    assert "restart --no-block afferent-edge.service" in (systemctl / "log").read_text(encoding="utf-8")


def test_a_bundle_says_what_it_is(world: World) -> None:
    bundle, keys = world.bundle("2.0"), ("--keys", world.keys)
    code, note, _ = _run("inspect", bundle, *keys)
    assert (code, note["release"]) == (0, "2.0")
    assert "2.0: version 2.0, edge" in CliRunner().invoke(release, ["inspect", str(bundle), *map(str, keys)]).stdout
    assert CliRunner().invoke(release, ["inspect", str(bundle), "--keys", str(world.folder)]).exit_code == 1


def test_every_bundled_model_proves_itself() -> None:
    result = CliRunner().invoke(release, ["self-test"])
    assert result.exit_code == 0
    assert "model motion" in result.stdout


def test_the_gate_says_why(tmp_path: Path) -> None:
    path = tmp_path / "standing.json"
    words = ["--wait", "0", "--standing", str(path), "--root", str(tmp_path)]
    assert "is missing" in CliRunner().invoke(gate, words).stdout
    _standing(path)
    assert CliRunner().invoke(gate, words).exit_code == 0
    _standing(path, frames={"front": 0})
    result = CliRunner().invoke(gate, [*words, "--json"])
    assert result.exit_code == 1
    assert {"name": "camera front", "ok": False, "why": "no frames"} in json.loads(result.stdout)["checks"]
    assert CliRunner().invoke(gate, [*words, "--before", str(path)]).exit_code == 0
    assert CliRunner().invoke(gate, [*words, "--release", "2.0"]).exit_code == 1
    assert CliRunner().invoke(gate, [*words, "--before", str(tmp_path / "none")]).exit_code == 1


def test_the_gate_says_whether_it_may_be_restarted(tmp_path: Path) -> None:
    path = tmp_path / "standing.json"
    words = ["--idle", "--standing", str(path)]
    assert CliRunner().invoke(gate, words).exit_code == 0
    _standing(path, busy=["a session is recorded"])
    result = CliRunner().invoke(gate, [*words, "--json"])
    assert (result.exit_code, json.loads(result.stdout)) == (1, {"idle": False, "busy": ["a session is recorded"]})


def test_systemd_is_asked_to_restart_and_may_say_no(systemctl: Path) -> None:
    Systemd(units=["a.service"]).restart("edge")
    (systemctl / "fails").touch()
    with pytest.raises(ReleaseBrokenError, match="broken"):
        Systemd().restart("cloud")
    told = (systemctl / "log").read_text(encoding="utf-8").splitlines()
    assert told[1] == "--no-ask-password restart --no-block a.service"
    assert told[3].endswith("afferent-cloud@serve.service afferent-cloud@ingest.service afferent-cloud@worker.service")


def test_a_server_passes_when_its_units_stay_up(systemctl: Path) -> None:
    time = QuickTime()
    server = ServerGate(units=["a.service"], url="", time=time)
    assert server.wait(60).ok
    assert time.mono_s() == server.steady_s
    assert "longer" not in server.wait(60).reason
    assert "has not been up long enough" in server.wait(3).reason
    (systemctl / "fails").touch()
    assert "unit a.service" in server.wait(3).reason
    nobody = ServerGate(units=[], url="http://127.0.0.1:9/healthz", time=time)
    assert "127.0.0.1:9" in nobody.wait(3).reason


def test_a_systemd_that_cannot_be_asked_is_a_reason_and_no_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    server = ServerGate(units=["a.service"], url="", time=QuickTime())
    assert "systemd cannot be asked" in server.wait(3).reason


def test_the_host_has_clocks() -> None:
    time = HostTime()
    before = time.mono_s()
    time.sleep(0)
    assert time.mono_s() >= before
    assert time.wall_ms() > 1_700_000_000_000
