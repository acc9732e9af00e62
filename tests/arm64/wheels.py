"""Which wheels of the device's lock a box gets, and their installation by pip, without any emulation."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from tests.conftest import ROOT

LOCK: Final = ROOT / "locks/device.txt"
PYTHON: Final = "3.11"
"""Debian 12's, which is Raspberry Pi OS's."""
_GLIBCS: Final = ("manylinux_2_36", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
_BOX: Final = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": f"{PYTHON}.2",
    "python_version": PYTHON,
    "sys_platform": "linux",
}


def locked(text: str, machine: str = "aarch64") -> Iterator[str]:
    """The lines of a lock that hold on a box of this kind, each with its hashes and without its condition.

    pip judges conditions by the machine that it runs on, whatever it is told to install for.
    """
    for entry in re.sub(r"\\\n", " ", text).splitlines():
        if not entry.strip() or entry.lstrip().startswith("#"):
            continue
        named, *hashes = entry.split(" --hash=")
        wanted = Requirement(named)
        if wanted.marker is None or wanted.marker.evaluate({**_BOX, "platform_machine": machine}):
            yield " --hash=".join([f"{wanted.name}{wanted.specifier}", *hashes])


def install(folder: Path, cache: Path, machine: str = "aarch64") -> int:
    """Put such a box's wheels into `folder`; how many packages those are. Raises pip's words if one has none."""
    lines = [" ".join(line.split()) for line in locked(LOCK.read_text(encoding="utf-8"), machine)]
    wanted = cache / "requirements.txt"
    wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    argv += ["--no-compile", "--disable-pip-version-check", "--target", str(folder), "-r", str(wanted)]
    argv += ["--python-version", PYTHON, "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none"]
    argv += [f"--platform={glibc}_{machine}" for glibc in _GLIBCS]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pip: {(done.stderr or done.stdout)[-2000:]}")
    return len(lines)
