"""What the machine is given to try: our package as a wheel installs it, the wheels of the device's lock, the units."""

import compileall
import hashlib
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from scripts.release.wheels import build_own
from tests.arm64.wheels import LOCK, PYTHON, install
from tests.conftest import ROOT

MACHINE: Final = "x86_64"
_GUEST: Final = ("guest.py", "fenced.py", "guest.service", "played.rules")


def locked_site(cache: Path) -> Path:
    """The wheels of the device's lock, installed on first use and again when the lock changed (about a minute)."""
    site = cache / f"site-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if not site.is_dir():
        for old in cache.glob("site*/"):
            shutil.rmtree(old)
        growing = cache / "site.growing"
        install(growing, cache, MACHINE)
        _compile(growing)
        growing.rename(site)
    return site


def packed(folder: Path) -> Path:
    """`folder` anew with `own` (our package), `systemd`, `udev` and `guest`.

    All but `guest` is of the last commit: what is half edited in the checkout is not tried.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as made:
        source = Path(made) / "source"
        _checkout(source)
        wheel = build_own(source, Path(made))
        argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--no-index"]
        argv += ["--disable-pip-version-check", "--target", str(folder / "own"), str(wheel)]
        subprocess.run(argv, check=True)
        shutil.copytree(source / "systemd", folder / "systemd")
        shutil.copytree(source / "firmware-config/udev", folder / "udev")
    _compile(folder / "own")
    (folder / "guest").mkdir()
    for name in _GUEST:
        shutil.copy(Path(__file__).with_name(name), folder / "guest")
    return folder


def _checkout(source: Path) -> None:
    source.mkdir()
    tree = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(source)], input=tree, check=True)


def _compile(folder: Path) -> None:
    """Spare the emulated processor the work; a Python of another version than the machine's cannot."""
    if ".".join(map(str, sys.version_info[:2])) == PYTHON:
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(folder, quiet=2, workers=2, invalidation_mode=mode)
