"""The appliance's unit in a booted host: that it starts, ends, is fenced in, is watched, and costs little when idle.

The camera, the serial line, the models and x264 are all in use while its exposure is measured.
"""

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.fleet import appliance, scenery, shipping
from tests.fleet.appliance import LIVE, UNIT
from tests.fleet.figures import note
from tests.fleet.fleet import Fleet, own_net
from tests.fleet.host import Host

_BUSY = """
[[cameras]]
source = "simulated"
fps = 10

[[sensors]]
source = "serial"
port = "/run/board/ttyBOARD"
protocol = "lines"

[recording]
mode = "continuous"
codec = "h264"
encoder = "software"
segment_s = 20

[broker]
enabled = false
"""
_IDLE = """
[[cameras]]
source = "mjpeg"
url = "http://127.0.0.1:8080/"

[broker]
enabled = false
"""
_VIEWERS = 8


@pytest.fixture(scope="module")
def edge() -> Iterator[Host]:
    with Fleet.started(own_net("unit"), ["edge1"], options=shipping.binds()) as fleet:
        host = fleet.host("edge1")
        appliance.lay_units(host)
        shipping.install(host)
        yield host


@pytest.fixture
def busy(edge: Host) -> Host:
    """With everything in use."""
    if not edge.ask("systemctl", "is-active", "probe-board").stdout.startswith("active"):
        appliance.attach(edge, "board", "/run/board/ttyBOARD", "dialout")
    return _running(edge, _BUSY)


def _running(host: Host, settings: str) -> Host:
    appliance.configure(host, settings)
    host.run("systemctl", "reset-failed")
    host.run("systemctl", "restart", UNIT)
    return host


def test_the_first_frame_is_there_soon(edge: Host) -> None:
    """`boot_to_first_frame_s`"""
    _running(edge, _BUSY).run("systemctl", "stop", UNIT)
    took = float(edge.run(*appliance.probe(edge, "first_frame", UNIT, LIVE)))
    edge.until(lambda: appliance.active(edge), "it said READY", within_s=30)
    assert note("boot_to_first_frame_s", took) <= 10


def test_it_ends_soon_with_viewers_attached(busy: Host) -> None:
    """`stop_s`"""
    argv = busy.command(*appliance.probe(busy, "viewers", str(_VIEWERS), LIVE))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as viewers:
        assert viewers.stdout is not None
        assert viewers.stdout.readline() == "attached\n"
        began = time.monotonic()
        busy.run("systemctl", "stop", UNIT)
        took = time.monotonic() - began
        assert viewers.wait(timeout=10) == 0
    assert appliance.shown(busy, "Result") == "success"
    assert note("stop_s", took) <= 5


def test_it_is_little_exposed_while_everything_is_in_use(busy: Host) -> None:
    """`exposure_score`"""
    busy.until(lambda: "sensor.body is ok" in _journal(busy), "the board is heard", within_s=30)
    busy.until(lambda: bool(_recordings(busy)), "a recording grows", within_s=60)
    assert note("exposure_score", appliance.exposure(busy)) <= 1.7
    assert appliance.active(busy)


def _journal(host: Host) -> str:
    return host.run("journalctl", "--no-pager", "-o", "cat", "-u", UNIT)


def _recordings(host: Host) -> str:
    return host.run("find", "/var/lib/afferent", "-name", "*.mp4*", "-size", "+20k")


def test_the_running_daemon_has_no_privileges(busy: Host) -> None:
    """Read from the kernel about the very process, not from the unit's words."""
    said = appliance.status(busy, int(appliance.shown(busy, "MainPID")))
    assert said["NoNewPrivs"] == "1"
    assert said["Seccomp"] == "2"
    assert {int(said[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert int(said["Uid"].split()[1]) != 0


def test_limits_are_real(busy: Host) -> None:
    """Memory and tasks, as the kernel has them."""
    group = appliance.shown(busy, "ControlGroup")
    memory = int(
        busy.run("sh", "-c", _FIRST.format(one="memory/", group=group, old="memory.limit_in_bytes", new="memory.max"))
    )
    tasks = busy.run("sh", "-c", _FIRST.format(one="pids/", group=group, old="pids.max", new="pids.max")).strip()
    total = int(busy.run("awk", "/MemTotal/ {print $2}", "/proc/meminfo")) * 1024
    assert 0.5 * total < memory < 0.8 * total
    assert tasks == appliance.shown(busy, "TasksMax")


_FIRST = "cat /sys/fs/cgroup/{one}{group}/{old} 2>/dev/null || cat /sys/fs/cgroup/{group}/{new}"

_MAY = ("write its own state", "read its own secrets", "a TCP socket")


def test_the_fence_holds(edge: Host) -> None:
    """What the sandbox is for, tried from inside; what the appliance needs goes on to work."""
    edge.run("sh", "-c", scenery.FORBIDDEN)
    tried: dict[str, str] = json.loads(appliance.fenced(edge, "fence"))
    assert {name: tried.pop(name) for name in _MAY} == dict.fromkeys(_MAY, "done")
    assert tried.pop("open a video device") in ("ENXIO", "ENODEV")  # allowed, and nothing behind it
    assert {name: said for name, said in tried.items() if said not in scenery.REFUSALS} == {}


def test_a_stuck_daemon_is_ended_and_started_again(busy: Host) -> None:
    """The watchdog: SIGSTOP, as a daemon that hangs."""
    stuck = appliance.shown(busy, "MainPID")
    busy.run("kill", "-STOP", stuck)
    busy.until(lambda: appliance.shown(busy, "MainPID") not in (stuck, "0"), "another one runs", within_s=60)
    busy.until(lambda: appliance.active(busy), "it said READY", within_s=30)
    assert "watchdog" in _journal(busy).lower()


def test_a_killed_daemon_comes_back_after_a_pause(busy: Host) -> None:
    """SIGKILL: not at once, so that a daemon that cannot start does not eat the processor."""
    killed = appliance.shown(busy, "MainPID")
    busy.run("kill", "-KILL", killed)
    paused = busy.until(lambda: appliance.shown(busy, "MainPID") not in (killed, "0"), "another runs", within_s=30)
    busy.until(lambda: appliance.active(busy), "it said READY", within_s=30)
    assert paused >= 1
    assert int(appliance.shown(busy, "NRestarts")) == 1


def test_a_wrong_setting_is_not_tried_again(edge: Host) -> None:
    """It would fail alike each time; the journal says what is wrong."""
    appliance.configure(edge, "[web]\nport = 99999\n")
    edge.ask("systemctl", "restart", UNIT)
    edge.until(lambda: appliance.shown(edge, "ActiveState") == "failed", "it gave up", within_s=30)
    assert appliance.shown(edge, "NRestarts") == "0"
    assert "$.web.port" in _journal(edge)


def test_it_starts_with_the_machine(edge: Host) -> None:
    """And shows a picture without anybody's help."""
    appliance.configure(edge, _BUSY)
    edge.run("systemctl", "reset-failed")
    edge.run("systemctl", "enable", UNIT, "afferent.target")
    edge.reboot()
    edge.until(lambda: appliance.active(edge), "it said READY", within_s=60)
    edge.run(*appliance.probe(edge, "first_frame", UNIT, LIVE))


def test_it_costs_little_when_nothing_happens(edge: Host) -> None:
    """`idle_core_share`, `idle_rss_mb`: a still camera of 1280x720 at 10 a second, nobody watching."""
    scenery.still_camera(edge)
    _running(edge, _IDLE)
    edge.until(lambda: "camera.front is ok" in _journal(edge), "the camera is seen", within_s=30)
    time.sleep(scenery.SETTLE_S)
    before, began = appliance.cpu_s(edge), time.monotonic()
    time.sleep(scenery.MEASURE_S)
    share = (appliance.cpu_s(edge) - before) / (time.monotonic() - began)
    assert note("idle_core_share", share) < 0.10
    assert note("idle_rss_mb", appliance.resident_mb(edge)) <= 200
