"""The machine: Debian's kernel under qemu, its root and what is to be tried read from folders of this one."""

import json
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.fleet.base import base_root
from tests.fleet.places import alone
from tests.v4l2.cargo import locked_site, packed
from tests.v4l2.kernel import fetched, first_root

QEMU: Final = "qemu-system-x86_64"
_MINUTES: Final = 30


@dataclass(frozen=True)
class Found:
    """What the machine said: `told` by our program in it, `pictures` by name as JPEG, and its console."""

    told: dict[str, Any]
    pictures: dict[str, bytes]
    console: str


def run(cache: Path) -> Found:
    """Boot it and wait until it has switched itself off, half an hour at most; two who ask at once wait in turn."""
    with alone(cache / "lock"):
        return _run(cache)


def _run(cache: Path) -> Found:
    found = cache / "found"
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir()
    kernel = fetched(cache)
    archive = first_root(kernel, cache / "first", Path(__file__).with_name("init.sh").read_text(encoding="utf-8"))
    folders = {"base": base_root(), "site": locked_site(cache), "cargo": packed(cache / "cargo")}
    argv = [QEMU, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048", "-nic", "none"]
    argv += ["-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio", "-kernel", str(kernel.image)]
    argv += ["-initrd", str(archive), "-append", "console=ttyS0 panic=-1 quiet systemd.show_status=0"]
    for tag, folder in folders.items():
        argv += ["-virtfs", f"{_shared(tag, folder)},readonly=on"]
    argv += ["-virtfs", _shared("found", found)]
    console = cache / "console.log"
    with console.open("wb") as log, suppress(subprocess.TimeoutExpired):
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=_MINUTES * 60, check=False)
    told = found / "told.json"
    return Found(
        told=json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {},
        pictures={path.stem: path.read_bytes() for path in sorted(found.glob("*.jpg"))},
        console=console.read_text(encoding="utf-8", errors="replace"),
    )


def _shared(tag: str, folder: Path) -> str:
    return f"local,path={folder},mount_tag={tag},security_model=none,multidevs=remap"
