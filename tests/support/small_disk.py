"""A disk that is really full: a small tmpfs where mounting is allowed, else a limit on the size of files."""

import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BALLAST = ".ballast"
_ATTEMPTS = 50


class SmallDisk:
    """A folder on a disk of its own. `fill` leaves little, `free` makes room again."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.folder = folder
        self._mounted = mounted

    def fill(self, leave_bytes: int, *, writer: int = 0) -> None:
        """From now on process `writer`, by default this one, can write at most about `leave_bytes` more to a file."""
        if not self._mounted:
            resource.prlimit(writer, resource.RLIMIT_FSIZE, (leave_bytes, resource.RLIM_INFINITY))
            return
        with (self.folder / _BALLAST).open("wb") as ballast:
            for attempt in range(_ATTEMPTS):
                disk = os.statvfs(self.folder)
                try:
                    os.posix_fallocate(ballast.fileno(), 0, disk.f_bavail * disk.f_frsize - leave_bytes)
                except OSError:  # somebody else wrote in between
                    if attempt == _ATTEMPTS - 1:
                        raise
                else:
                    return

    def free(self, *, writer: int = 0) -> None:
        """Make room again."""
        if self._mounted:
            (self.folder / _BALLAST).unlink(missing_ok=True)
        else:
            resource.prlimit(writer, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """A disk of `size_bytes` at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    disk = SmallDisk(folder, mounted=mounted)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        yield disk
    finally:
        with contextlib.suppress(OSError):
            disk.free()
        signal.signal(signal.SIGXFSZ, before)
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
