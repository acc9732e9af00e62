"""A Debian for aarch64 to try things in: unpacked and never booted, its programs run by qemu.

No maintainer script is run, so making it needs no emulation. Neither /proc nor /sys is mounted: with both of them
onnxruntime asks the emulated processor for what qemu cannot tell, and dies.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conftest import ROOT

QEMU: Final = Path("/usr/bin/qemu-aarch64-static")
_SUITE: Final = "bookworm"
_PACKAGES: Final = (
    "python3",
    "python3-minimal",
    "libc-bin",
    "libgomp1",
    "libstdc++6",
    "zlib1g",
    "ca-certificates",
    "tzdata",
)
_OURS: Final = ("afferent", "contract", "edge")
_ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108 - within the emulated root
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}
_CHROOT: Final = (shutil.which("chroot") or "/usr/sbin/chroot",)
_WHEELS: Final = {"PYTHONPATH": "/opt/site:/opt/ours"}
_HEAD: Final = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK: Final = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
_TELL: Final = f"""
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf %s ':aarch64:M::{_HEAD}:{_MASK}:{QEMU}:F' >/proc/sys/fs/binfmt_misc/register
exec "$@"
"""
"""How the kernel knows an ELF of aarch64 (EM_AARCH64 is 0xb7), as qemu's own binfmt.d has it."""


@dataclass(frozen=True)
class EmulatedRoot:
    """The unpacked system."""

    folder: Path

    @property
    def site(self) -> Path:
        """Where its wheels lie."""
        return self.folder / "opt/site"

    def make(self) -> None:
        """Unpack Debian; half a minute and 35 MB from its mirror."""
        growing = self.folder.with_suffix(".growing")
        shutil.rmtree(growing, ignore_errors=True)
        argv = ["mmdebstrap", "--quiet", "--variant=extract", "--arch=arm64", f"--include={','.join(_PACKAGES)}"]
        _run([*argv, _SUITE, str(growing)])
        shutil.copy(QEMU, growing / "usr/bin")
        growing.rename(self.folder)

    def bring_ours(self) -> None:
        """Copy what a device is installed with, and the settings to try, as they are in this checkout."""
        for name, source in (*((name, ROOT / name) for name in _OURS), ("examples", ROOT / "firmware-config/examples")):
            target = self.folder / "opt/ours" / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(Path(__file__).with_name("within.py"), self.folder / "opt/within.py")

    def python(self, *arguments: str) -> str:
        """Run its Python and return what that said; RuntimeError with its last words if it failed."""
        emulated = [str(QEMU), "/usr/bin/python3", *arguments]
        return _run([*_chroot(), str(self.folder), *emulated], environment=_ENVIRONMENT | _WHEELS)

    def run(self, *argv: str) -> str:
        """Run a program of it, and whatever that starts, and return what it said; RuntimeError if it failed.

        Needs Linux 6.7: the kernel is told of qemu in a namespace that ends with the program, and not for the machine.
        """
        entering = ["unshare", "--map-root-user", "--mount", "--", "/bin/sh", "-ec", _TELL, "sh"]
        return _run([*entering, *_CHROOT, str(self.folder), *argv], environment=_ENVIRONMENT)


def packed() -> str:
    """A name for what the root is made of."""
    return hashlib.sha256(" ".join((_SUITE, *_PACKAGES)).encode()).hexdigest()[:12]


def _chroot() -> list[str]:
    return [*(() if os.geteuid() == 0 else ("unshare", "--map-root-user")), *_CHROOT]


def _run(argv: Sequence[str], *, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-3000:]}")
    return done.stdout
