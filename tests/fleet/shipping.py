"""A release of this checkout for the hosts: wheels that the cache keeps, and Afferent itself as it is committed."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import ROOT
from tests.fleet import places
from tests.fleet.host import Host

_LOCK = ROOT / "locks" / "device.txt"
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def wheels() -> Path:
    """The folder of every wheel that a device needs, Afferent's own included."""
    folder = places.cache() / f"wheels-{hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:12]}"
    with places.alone(folder.with_suffix(".lock")):
        if not folder.is_dir():
            growing = folder.with_suffix(".growing")
            fetch = ("download", "--only-binary", ":all:", "--require-hashes", "-r", str(_LOCK), "-d", str(growing))
            subprocess.run([*_PIP, *fetch], check=True)
            growing.rename(folder)
        _build(folder)
    return folder


def _build(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as source:
        tree = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", source], input=tree, check=True)
        subprocess.run([*_PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), source], check=True)


def install(host: Host, *, release: str = "0.1.0") -> None:
    """Install it as a release that is current and good; the host was booted with `binds`."""
    host.run("sh", "-ec", _INSTALL.format(release=release))


def binds() -> list[str]:
    """What a host must be booted with to `install`."""
    return [f"--bind-ro={wheels()}:/mnt/wheels"]


_INSTALL = """
cd /opt/afferent
python3 -m venv releases/{release}/venv
releases/{release}/venv/bin/pip install -q --no-index --find-links /mnt/wheels 'afferent[edge,cpu,ble]'
ln -sfn releases/{release} current
ln -sfn releases/{release} good
"""
