"""The hosts themselves: what the other tests rely on, and that nothing of them is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.fleet import places, world
from tests.fleet.fleet import Fleet, own_net

_EATER = "b = [bytearray(1 << 20) for _ in range(200)]; print('survived')"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet.started(own_net("hosts"), ["one", "two"]) as fleet:
        yield fleet


def test_hosts_are_up_and_let_the_run_in(fleet: Fleet) -> None:
    """systemd is content, and ssh checks the host's own key."""
    assert fleet.host("one").run("systemctl", "is-system-running").strip() == "running"
    assert fleet.ssh("two", "hostname").stdout == "two\n"


def test_a_memory_limit_inside_is_real(fleet: Fleet) -> None:
    """On cgroup 1 it would be ignored without a word if its trees stayed read-only."""
    limited = ("systemd-run", "--quiet", "--wait", "--pipe", "-p", "MemoryMax=48M", "python3", "-c", _EATER)
    ended = fleet.host("one").ask(*limited)
    assert ended.returncode != 0
    assert "survived" not in ended.stdout


def test_a_pulled_cable_cuts_one_host_off(fleet: Fleet) -> None:
    """And it comes back."""
    fleet.host("one").pull_cable()
    try:
        assert fleet.ssh("one", "true").returncode == 255
        assert fleet.ssh("two", "true").returncode == 0
    finally:
        fleet.host("one").mend_cable()
    assert fleet.ssh("one", "true").returncode == 0


def test_files_outlive_a_reboot_and_a_power_cut(fleet: Fleet) -> None:
    """Processes do not."""
    host = fleet.host("two")
    host.write("/var/lib/kept", "1")
    host.run("systemd-run", "--quiet", "--unit=gone", "sleep", "1000")
    host.cut_power()
    assert fleet.ssh("two", "true").returncode == 255
    host.power_on()
    host.reboot()
    assert host.run("cat", "/var/lib/kept") == "1"
    assert host.ask("systemctl", "is-active", "gone").stdout.strip() == "inactive"


def test_apt_installs_what_is_at_hand(fleet: Fleet) -> None:
    """Without any way out."""
    host = fleet.host("one")
    host.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "mosquitto")
    host.until(lambda: not host.ask("systemctl", "is-active", "mosquitto").returncode, "mosquitto runs", within_s=20)


def test_a_killed_run_takes_its_hosts_with_it() -> None:
    """And the next run removes what it left."""
    net = own_net("killed")
    body = (
        f"from tests.fleet.fleet import Fleet\nwith Fleet.started({net!r}, ['one']): print('up', flush=True); input()"
    )
    run = subprocess.Popen([sys.executable, "-c", body], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    with run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"up\n"
        here = world.found(net)
        assert here is not None
        groups = [Path(line) for line in (here.folder / "hosts/one/cgroups").read_text().split()]
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while world.found(net) is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert world.found(net) is None
    world.stop(world.start(own_net("after"), owned=True))
    assert not any(group.exists() for group in groups)
    assert not places.of_net(net).exists()
    assert net not in Path("/proc/self/mounts").read_text()
