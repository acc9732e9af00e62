"""Signed releases of this checkout as it is committed, and one that installs well and then never shows a picture.

They are made anew when the commit, a lock or the recipe changes; the wheels of others come from the cache.
AFFERENT_FLEET_COMMIT names another commit than the last one: who mends playbooks need not wait for releases.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conftest import ROOT
from tests.fleet import places

FIRST: Final = "0.1.0"
NEXT: Final = "0.1.1"
BLIND: Final = "0.1.2"
"""Its camera never gives a frame: it starts, says READY, and must not pass its gate."""
_BLINDED: Final = (
    "edge/capture/simulated.py",
    "self._pace.wait(1 / self._settings.fps)",
    "self._pace.wait(86_400), self._pace.wait(86_400)",  # the first wait after each opening ends at once
)


@dataclass(frozen=True)
class Bundles:
    """The folder with all of them, and the public key that they are signed for."""

    folder: Path
    key: Path

    def path(self, release: str) -> Path:
        """The appliance's bundle of this release for this machine."""
        return next(self.folder.glob(f"afferent-{release}-*.tar"))


def bundles() -> Bundles:
    """All of them, made on first use."""
    folder = places.cache() / f"bundles-{_digest()}"
    with places.alone(folder.with_suffix(".lock")):
        if not (folder / "complete").is_file():
            for old in places.cache().glob("bundles-*/"):
                shutil.rmtree(old)
            _make(folder)
            (folder / "complete").touch()
    return Bundles(folder, folder / "release.key.pub")


def _digest() -> str:
    return hashlib.sha256(_commit() + Path(__file__).read_bytes()).hexdigest()[:12]


def _commit() -> bytes:
    named = os.environ.get("AFFERENT_FLEET_COMMIT") or "HEAD"
    return subprocess.run(["git", "rev-parse", named], cwd=ROOT, capture_output=True, check=True).stdout.strip()


def _make(folder: Path) -> None:
    folder.mkdir(parents=True)
    source = folder / "source"
    _checkout(source)
    _build(source, "--new-key", str(folder / "release.key"))
    for release in (FIRST, NEXT):
        _bundle(source, folder, release)
        _bundle(source, folder, release, "--kind", "cloud")
    _blind(source)
    _bundle(source, folder, BLIND)
    shutil.rmtree(source)


def _checkout(source: Path) -> None:
    source.mkdir()
    tree = subprocess.run(["git", "archive", _commit().decode()], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(source)], input=tree, check=True)


def _blind(source: Path) -> None:
    name, there, instead = _BLINDED
    text = (source / name).read_text()
    assert text.count(there) == 1, f"{name} has changed: nothing to blind it by"
    (source / name).write_text(text.replace(there, instead))


def _bundle(source: Path, folder: Path, release: str, *options: str) -> None:
    where = ("--out", str(folder), "--wheels", str(places.cache() / "wheels"))
    _build(source, "--key", str(folder / "release.key"), "--release", release, *where, *options)


def _build(source: Path, *options: str) -> None:
    argv = [sys.executable, "-m", "scripts.build_release", *options]
    done = subprocess.run(argv, cwd=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"build_release {' '.join(options)}: {(done.stdout + done.stderr)[-2000:]}")
