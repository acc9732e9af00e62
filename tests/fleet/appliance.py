"""An appliance on a booted host, put there by hand as `docs/releases.md` says: units, users, a release, settings.

The playbooks do the same over ssh (test_playbooks.py); here the unit itself is looked at, without them.
"""

from pathlib import Path

from tests.conftest import ROOT
from tests.fleet.host import Host

UNIT = "afferent-edge.service"
PYTHON = "/opt/afferent/current/venv/bin/python"
_UNITS = ROOT / "systemd"
_FOLDERS = {"sysusers.d": "/usr/lib/sysusers.d", "tmpfiles.d": "/usr/lib/tmpfiles.d", "journald.conf.d": "/etc/systemd/journald.conf.d"}


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
