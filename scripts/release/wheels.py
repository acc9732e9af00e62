"""Collects the wheels of a lock for a machine that need not be this one, and the lock as that machine needs it."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.markers import Marker

_GLIBC: Final = range(36, 16, -1)
"""Of Debian 12 and newer (2.36) down to the oldest that wheels are made for."""
_OLD: Final = ("manylinux2014",)
_OLD_X86: Final = ("manylinux_2_12", "manylinux2010", "manylinux_2_5", "manylinux1")
_REQUIREMENT: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+))?")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the wheels are for: `name` as `uname -m` says it, `python` such as 3.11."""

    name: str
    python: str

    @property
    def platforms(self) -> list[str]:
        """The platform tags that it takes, best first."""
        old = [*_OLD, *(_OLD_X86 if self.name == "x86_64" else ())]
        tags = [*(f"manylinux_2_{minor}" for minor in _GLIBC), *old, "linux"]
        return [f"{tag}_{self.name}" for tag in tags]

    def suits(self, marker: str) -> bool:
        """Whether a requirement with this marker is for it."""
        here: dict[str, str | Set[str]] = {
            "platform_machine": self.name,
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        return Marker(marker).evaluate(here)


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """One requirement of a lock."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def text(self) -> str:
        """As pip reads it."""
        return " \\\n    ".join(
            (f"{self.name}=={self.version}", *(f"--hash=sha256:{digest}" for digest in self.hashes))
        )


def pinned_in(lock: str, machine: Machine) -> list[Pinned]:
    """The requirements of a lock that are for `machine`."""
    found = []
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        said = _REQUIREMENT.match(block)
        if said and (said["marker"] is None or machine.suits(said["marker"].strip())):
            found.append(Pinned(name=said["name"], version=said["version"], hashes=tuple(_HASH.findall(block))))
    return found


def download(pinned: list[Pinned], machine: Machine, folder: Path) -> list[Path]:
    """Have a wheel of each requirement in `folder`, where it may lie already; return them, by name.

    Raise `subprocess.CalledProcessError` if one cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "wanted.txt"
    wanted.write_text("\n".join(one.text for one in pinned) + "\n", encoding="utf-8")
    words = ["download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--dest", str(folder)]
    words += ["--implementation=cp", f"--python-version={machine.python}"]
    words += [f"--abi={abi}" for abi in (f"cp{machine.python.replace('.', '')}", "abi3", "none")]
    words += [f"--platform={platform}" for platform in machine.platforms]
    pip(*words, "--requirement", str(wanted))
    hashes = {digest for one in pinned for digest in one.hashes}
    return [wheel for wheel in sorted(folder.glob("*.whl")) if digest_of(wheel) in hashes]


def build_own(source: Path, folder: Path) -> Path:
    """Our own wheel, made of what lies in `source`; the same sources give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("afferent-*.whl"):
        old.unlink()
    pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    return next(folder.glob("afferent-*.whl"))


def own_requirement(wheel: Path) -> Pinned:
    """Our own wheel as a requirement, by the digest of this very file."""
    name, version = wheel.name.split("-")[:2]
    return Pinned(name=name, version=version, hashes=(digest_of(wheel),))


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pip(*words: str) -> None:
    """Run this Python's pip; its errors go to the standard error."""
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *words], check=True)  # noqa: S603
