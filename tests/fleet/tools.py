"""Ansible as the tests run it: pinned by locks/fleet.txt, in an environment of its own that the cache keeps."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.fleet import places

LOCK = ROOT / "locks" / "fleet.txt"


def ansible() -> Path:
    """The folder of `ansible-playbook` and its like, made on first use."""
    home = places.cache() / f"ansible-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    with places.alone(home.with_suffix(".lock")):
        if not (home / "complete").is_file():
            shutil.rmtree(home, ignore_errors=True)
            _make(home)
            (home / "complete").touch()
    return home / "bin"


def _make(home: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    install = ("-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--require-hashes", "-r", str(LOCK))
    subprocess.run([str(home / "bin/python"), *install], check=True)
