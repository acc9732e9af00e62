"""An appliance on a booted host, put there by hand as `docs/releases.md` says: units, users, a release, settings.

The playbooks do the same over ssh (test_playbooks.py); here the unit itself is looked at, without them.
"""

import re
import shlex
from pathlib import Path
from typing import Final

from tests.conftest import ROOT
from tests.fleet.host import Host

UNIT: Final = "afferent-edge.service"
LIVE: Final = "http://127.0.0.1:8000/live"
_UNITS: Final = ROOT / "systemd"
_PROBES: Final = Path(__file__).with_name("probes")
_FOLDERS: Final = {
    "sysusers.d": "/usr/lib/sysusers.d",
    "tmpfiles.d": "/usr/lib/tmpfiles.d",
    "journald.conf.d": "/etc/systemd/journald.conf.d",
}


def lay_units(host: Host) -> None:
    """Units, users and folders of this checkout."""
    for file in _UNITS.iterdir():
        if file.is_file():
            host.write(f"/etc/systemd/system/{file.name}", file.read_text())
    for ours, theirs in _FOLDERS.items():
        for file in (_UNITS / ours).glob("*.conf"):
            host.write(f"{theirs}/{file.name}", file.read_text())
    host.run("systemd-sysusers")
    host.run("systemd-tmpfiles", "--create")
    host.run("systemctl", "daemon-reload")


def configure(host: Host, settings: str) -> None:
    """Its settings, as the appliance's user may read them."""
    host.write("/etc/afferent/edge.toml", settings, mode="0640", owner="root:afferent")


def probe(host: Host, name: str, *arguments: str) -> list[str]:
    """The command that runs one of our programs in the host; it is laid there first."""
    path = f"/opt/probes/{name}.py"
    host.write(path, (_PROBES / f"{name}.py").read_text())
    return ["/usr/bin/python3", path, *arguments]


def attach(host: Host, name: str, *arguments: str) -> None:
    """Run one of our programs in the host as a unit `probe-NAME` of its own, until the host ends or it is stopped."""
    host.run("systemd-run", "--quiet", "--collect", f"--unit=probe-{name}", *probe(host, name, *arguments))


def shown(host: Host, prop: str, unit: str = UNIT) -> str:
    """One property of a unit, as systemd says it now."""
    return host.run("systemctl", "show", "--value", "-p", prop, unit).strip()


def active(host: Host, unit: str = UNIT) -> bool:
    """Whether the unit is started: for ours, that it said READY."""
    return shown(host, "ActiveState", unit) == "active"


def exposure(host: Host, unit: str = UNIT) -> float:
    """What `systemd-analyze security` says of the loaded unit."""
    said = host.run("systemd-analyze", "security", "--no-pager", unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found, said[-300:]
    return float(found[1])


def processes(host: Host, unit: str = UNIT) -> list[int]:
    """Every process of the unit, as the host counts them."""
    tree = host.run("sh", "-c", "test -d /sys/fs/cgroup/systemd && echo /sys/fs/cgroup/systemd || echo /sys/fs/cgroup")
    group = f"{tree.strip()}{shown(host, 'ControlGroup', unit)}"
    return [int(pid) for pid in host.run("cat", f"{group}/cgroup.procs").split()]


def status(host: Host, pid: int) -> dict[str, str]:
    """`/proc/PID/status`, line by line."""
    lines = host.run("cat", f"/proc/{pid}/status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def cpu_s(host: Host, unit: str = UNIT) -> float:
    """Processor seconds that the unit's processes have used so far, those of ended children included."""
    total = 0
    for pid in processes(host, unit):
        fields = host.run("cat", f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
        total += sum(int(ticks) for ticks in fields[11:15])
    return total / 100


def resident_mb(host: Host, unit: str = UNIT) -> float:
    """Resident memory of all its processes."""
    return sum(int(status(host, pid)["VmRSS"].split()[0]) for pid in processes(host, unit)) / 1024


def fenced(host: Host, name: str) -> str:
    """Run one of our programs once in exactly the unit's sandbox, and return what it said."""
    argv = shlex.join(probe(host, name))
    host.run("sh", "-c", f"cp /etc/systemd/system/{UNIT} /etc/systemd/system/fenced.service")
    host.write("/etc/systemd/system/fenced.service.d/probe.conf", _INSTEAD.format(argv=argv))
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "--wait", "fenced.service")
    return host.run("cat", "/run/fenced.out")


_INSTEAD: Final = """[Unit]
OnFailure=
[Service]
Type=oneshot
ExecStart=
ExecStart={argv}
Restart=no
RestartForceExitStatus=
WatchdogSec=0
RuntimeDirectory=fenced
StandardOutput=truncate:/run/fenced.out
"""
