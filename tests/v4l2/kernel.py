"""Debian's kernel, which has `vivid`, a camera without a lens, and a first root that mounts folders of this machine."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NEEDED: Final = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "vivid")
_APPLETS: Final = ("sh", "mount", "insmod", "mkdir", "rm", "cp", "ln", "switch_root", "poweroff", "sleep")
_PLUGGED: Final = "vivid"
"""Loaded and unloaded by the machine itself, once it runs; what it needs is loaded by the first root."""


@dataclass(frozen=True)
class Kernel:
    """A kernel package, unpacked."""

    folder: Path

    @property
    def image(self) -> Path:
        """What is booted."""
        return next(self.folder.glob("boot/vmlinuz-*"))

    @property
    def version(self) -> str:
        """Its name among the modules."""
        return next(self.folder.glob("lib/modules/*")).name


def fetched(cache: Path) -> Kernel:
    """The kernel of this Debian, downloaded on first use (70 MB)."""
    folder = cache / "kernel"
    if not folder.is_dir():
        growing = cache / "kernel.growing"
        shutil.rmtree(growing, ignore_errors=True)
        growing.mkdir()
        said = _run("apt-cache", "depends", "linux-image-amd64")
        package = re.findall(r"Depends: (linux-image-\S+)", said)[0]
        _run("apt-get", "download", "-q", package, inside=growing)
        (deb,) = growing.glob("*.deb")
        _run("dpkg", "-x", str(deb), str(growing))
        deb.unlink()
        _run("depmod", "-b", str(growing), Kernel(growing).version)
        growing.rename(folder)
    return Kernel(folder)


def first_root(kernel: Kernel, folder: Path, init: str) -> Path:
    """An initramfs of busybox, the modules that are needed, in order, and `init`; the path of the archive."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("bin", "dev", "proc", "sys", "modules", "base", "upper", "mnt"):
        (folder / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", folder / "bin/busybox")
    for applet in _APPLETS:
        (folder / "bin" / applet).symlink_to("busybox")
    loading = []
    for module in _modules(kernel):
        shutil.copy(module, folder / "modules" / module.name)
        if module.stem != _PLUGGED:
            loading.append(f"insmod /modules/{module.name}")
    (folder / "init").write_text(init.replace("@LOAD@", "\n".join(loading)), encoding="utf-8")
    (folder / "init").chmod(0o755)
    return _packed(folder)


def _modules(kernel: Kernel) -> list[Path]:
    found: list[Path] = []
    for name in _NEEDED:
        said = _run("modprobe", "-d", str(kernel.folder), "-S", kernel.version, "--show-depends", name)
        for path in re.findall(r"^insmod (\S+)", said, re.MULTILINE):
            if Path(path) not in found:
                found.append(Path(path))
    return found


def _packed(folder: Path) -> Path:
    names = "\n".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    archive = folder.with_suffix(".cpio")
    with archive.open("wb") as stream:
        subprocess.run(
            ["cpio", "--quiet", "-o", "-H", "newc"], cwd=folder, input=names.encode(), stdout=stream, check=True
        )
    return archive


def _run(*argv: str, inside: Path | None = None) -> str:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    done = subprocess.run(argv, cwd=inside, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv[:3])} failed: {(done.stderr or done.stdout)[-1500:]}")
    return done.stdout
