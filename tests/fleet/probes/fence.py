"""Try what the unit must not be able to do, in the unit's own sandbox; print what happened as JSON, name by name."""

import ctypes
import errno
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_PERSONALITY, _MOUNT, _UNSHARE = 135, 165, 272  # x86-64 numbers of system calls


def main() -> None:
    """Each deed says `done` or the name of the error that stopped it."""
    sys.stdout.write(json.dumps({name: _told(deed) for name, deed in _DEEDS.items()}) + "\n")


def _told(deed: Callable[[], object]) -> str:
    try:
        deed()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def _call(number: int, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) == -1:
        raise OSError(ctypes.get_errno(), "refused")


def _executable_memory() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    if libc.mmap(None, 4096, 7, 0x22, -1, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "refused")


_DEEDS: dict[str, Callable[[], object]] = {
    "write /etc": lambda: Path("/etc/fence").write_text("x"),
    "write /usr": lambda: Path("/usr/fence").write_text("x"),
    "write /opt/afferent": lambda: Path("/opt/afferent/fence").write_text("x"),
    "write its own state": lambda: Path(os.environ["STATE_DIRECTORY"], "fence").write_text("x"),
    "read /root": lambda: list(Path("/root").iterdir()),
    "list /home": lambda: Path("/home/somebody/letter").read_text(),
    "read the secrets' folder": lambda: list(Path("/etc/afferent/credentials").iterdir()),
    "read its own secrets": lambda: list(Path(os.environ["CREDENTIALS_DIRECTORY"]).iterdir()),
    "open a disk": lambda: os.open("/dev/fence-disk", os.O_RDONLY),
    "open a video device": lambda: os.open("/dev/fence-video", os.O_RDONLY),
    "change the kernel": lambda: Path("/proc/sys/kernel/domainname").write_text("x"),
    "change a control group": lambda: Path("/sys/fs/cgroup/fence").mkdir(),
    "mount": lambda: _call(_MOUNT, 0, 0, 0, 0, 0),
    "a namespace of its own": lambda: _call(_UNSHARE, 0x10000000),
    "become root": lambda: os.setuid(0),
    "a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
    "a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "a TCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close(),
    "another personality": lambda: _call(_PERSONALITY, 0x0008),
    "memory that is written and run": _executable_memory,
}

if __name__ == "__main__":
    main()
