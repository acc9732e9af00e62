"""The signed bundle for aarch64, built here and installed there by its own bootstrap, as on a box with Python alone."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.arm64.root import EmulatedRoot
from tests.conftest import ROOT

RELEASE: Final = "0.0.0-emulated"
_THERE: Final = f"/var/cache/afferent/afferent-{RELEASE}-aarch64.tar"
_PROGRAM: Final = "/opt/afferent/current/venv/bin"
_STATE: Final = ("opt/afferent", "etc/afferent", "var/cache/afferent")


def installed(root: EmulatedRoot, cache: Path) -> dict[str, Any]:
    """Build it of this checkout, install it, and let what is installed run; each with its seconds.

    Raises RuntimeError with the last words of whatever failed.
    """
    for name in _STATE:
        shutil.rmtree(root.folder / name, ignore_errors=True)
    bundle, build_s = _timed(lambda: _build(cache))
    _bring(bundle, root.folder)
    staged, stage_s = _timed(lambda: _bootstrap(root, "stage"))
    root.run(
        f"/opt/afferent/releases/{RELEASE}/venv/bin/afferent", "edge", "release", "activate", RELEASE, "--no-restart"
    )
    status, status_s = _timed(lambda: root.run(f"{_PROGRAM}/afferent", "edge", "release", "status", "--json"))
    current = json.loads(status)["current"]
    if (json.loads(staged)["outcome"], current) != ("staged", RELEASE):
        raise RuntimeError(f"not installed: {staged}{status}")
    within = root.run(f"{_PROGRAM}/python", "/opt/within.py")
    figures = {"mb": round(bundle.stat().st_size / 1e6), "build_s": build_s, "stage_s": stage_s, "status_s": status_s}
    return {**figures, "current": current, "within": json.loads(within)}


def _build(cache: Path) -> Path:
    key, out = cache / "release.key", cache / "dist"
    if not key.exists():
        _release("--new-key", str(key))
    where = ("--out", str(out), "--wheels", str(cache / "wheels"))
    _release("--key", str(key), "--machine", "aarch64", "--release", RELEASE, *where)
    return out / Path(_THERE).name


def _release(*options: str) -> None:
    argv = [sys.executable, "-m", "scripts.build_release", *options]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"build_release: {(done.stderr or done.stdout)[-2000:]}")


def _bring(bundle: Path, root: Path) -> None:
    """What is pushed to a box: the bundle, its bootstrap, and the key to trust."""
    place, keys = root / _STATE[2], root / "etc/afferent/release-keys.d"
    for folder in (place, keys):
        folder.mkdir(parents=True)
    shutil.copy(bundle, place)
    shutil.copy(bundle.parent.parent / "release.key.pub", keys)
    subprocess.run(["tar", "-xf", str(bundle), "-C", str(place), "bootstrap.py"], check=True)


def _bootstrap(root: EmulatedRoot, command: str) -> str:
    return root.run("/usr/bin/python3", f"{Path(_THERE).parent}/bootstrap.py", _THERE, command, "--json")


def _timed(deed: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return deed(), round(time.monotonic() - began, 1)
