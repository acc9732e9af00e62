"""Makes an environment of a bundle's wheels, with no network and no Python package of the host but Python itself."""

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Final

from contract.release import LOCK, WHEELS, Release
from edge.releases.errors import BundleRefusedError, ReleaseBrokenError

_WITHIN_S: Final = 1800.0
_LAST_WORDS: Final = 1500
_OWN_WORDS: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
Tell = Callable[[str], None]


def install_wheels(unpacked: Path, target: Path, final: Path, tell: Tell) -> None:
    """Make `target/venv` of what lies in `unpacked`; it will run once `target` is renamed to `final`.

    Raise `BundleRefusedError` if the wheels do not make a whole, `OSError` if the disk does not take it.
    """
    place = target / "venv"
    tell("making the environment")
    venv.EnvBuilder(symlinks=True, with_pip=False).create(place)
    pips = sorted((unpacked / WHEELS).glob("pip-*.whl"))
    if not pips:
        raise BundleRefusedError("the bundle has no pip")
    tell("installing the wheels")
    python = place / "bin" / "python"
    words = [str(python), str(pips[-1] / "pip"), "--isolated", "install", "--no-index", "--no-input", "--no-cache-dir"]
    words += ["--disable-pip-version-check", "--root-user-action=ignore", "--quiet", "--require-hashes"]
    words += ["--find-links", str(unpacked / WHEELS), "--requirement", str(unpacked / LOCK)]
    done = _run(words, target)
    if done.returncode:
        _raise(done.stderr)
    _move_scripts(place / "bin", str(target), str(final))


def self_test(folder: Path, release: Release, config: Path | None, tell: Tell) -> None:
    """Run what the release names as its own test; raise `ReleaseBrokenError` with the last words of what failed."""
    for command in release.self_test:
        if "{config}" in command and config is None:
            continue
        words = [str(config) if word == "{config}" else word for word in command]
        tell(f"self-test: {' '.join(words)}")
        done = _run([str(folder / "venv" / "bin" / "afferent"), *words], folder)
        if done.returncode:
            raise ReleaseBrokenError(
                f"the self-test `afferent {' '.join(words)}` of {release.release} failed with {done.returncode}: "
                f"{(done.stderr.strip() or done.stdout.strip())[-_LAST_WORDS:]}"
            )


def _run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = _OWN_WORDS | {"HOME": str(folder), "TMPDIR": str(folder), "ORT_DISABLE_TELEMETRY": "1"}
    try:
        return subprocess.run(  # noqa: S603 - our own words, and a program whose signature was checked
            words, env=environment, cwd="/", capture_output=True, text=True, timeout=_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ReleaseBrokenError(f"`{' '.join(words[:3])}` did not end within {_WITHIN_S:g} s") from error


def _raise(words: str) -> None:
    if "No space left on device" in words or "Errno 28" in words:
        raise OSError(28, os.strerror(28))
    raise BundleRefusedError(f"its wheels cannot be installed: {words.strip()[-_LAST_WORDS:]}")


def _move_scripts(folder: Path, made_in: str, runs_in: str) -> None:
    """Scripts name their Python by its full path; scripts of shells are not needed, and go."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            continue
        if path.name.lower().startswith("activate"):
            path.unlink()
            continue
        content = path.read_bytes()
        if made_in.encode() in content:
            path.write_bytes(content.replace(made_in.encode(), runs_in.encode()))


def host_python() -> str:
    """This Python, as a release names it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
