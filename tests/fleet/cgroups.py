"""A control group for each host, so that memory, task and CPU limits inside it are real and two hosts do not collide.

Written for both kinds: cgroup 1 has one tree per controller, cgroup 2 a single one.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "afferent-fleet"
_CPUSET = ("cpuset.cpus", "cpuset.mems")


def make(net: str, host: str) -> list[Path]:
    """The folders of one host's control group, one per tree, below the one that this process is in."""
    made = []
    for tree, own in _trees():
        folder = own / f"{_PREFIX}.{net}.{host}"
        folder.mkdir(exist_ok=True)
        if tree == "cpuset":
            for name in _CPUSET:
                (folder / name).write_text((own / name).read_text())
        made.append(folder)
    return made


def join(folders: list[Path]) -> None:
    """Put this process, and so everything that it starts, into them."""
    for folder in folders:
        (folder / "cgroup.procs").write_text("0")


def remove(folders: list[Path]) -> None:
    """End whatever still sits in them and remove them; what is gone already is no error."""
    for folder in folders:
        deepest_first = sorted((p for p in folder.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts))
        for part in (*deepest_first, folder):
            _empty(part)
            with contextlib.suppress(OSError):
                part.rmdir()


def _empty(folder: Path) -> None:
    deadline = time.monotonic() + 5
    while (pids := _pids(folder)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _pids(folder: Path) -> list[int]:
    try:
        return [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _trees() -> list[tuple[str, Path]]:
    """Each tree's name and our own folder in it."""
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, own = line.split(":", 2)
        tree = names.removeprefix("name=") or ("unified" if (_ROOT / "unified").is_dir() else "")
        folder = _ROOT / tree if tree else _ROOT
        if folder.is_dir():
            found.append((tree, folder / own.strip("/")))
    return found
