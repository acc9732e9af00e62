"""The USB serial ports of this machine by names that stay, and who has one open."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serial.tools import list_ports

from edge.core.errors import SourceUnavailableError

_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class UsbPort:
    """A serial port that belongs to a USB device. `place` is where it is plugged in, as the kernel counts sockets."""

    path: str
    serial_number: str = ""
    kind: str = ""
    place: str = ""

    @property
    def identity(self) -> str:
        """A name that outlives re-plugging: by serial number; without one, kind and socket have to do."""
        if self.serial_number:
            return f"usb:{self.serial_number}"
        return f"{self.kind}@{self.place}" if self.place else self.path

    def is_called(self, port: str) -> bool:
        """Whether a `port` setting means this port."""
        if port.startswith("usb:"):
            return port.removeprefix("usb:") == self.serial_number
        return port.startswith("/") and os.path.realpath(port) == os.path.realpath(self.path)


PortList = Callable[[], list[UsbPort]]
"""What finds the USB serial ports of now."""


def usb_ports() -> list[UsbPort]:
    """The serial ports of this machine that belong to a USB device, in the order of their paths.

    Raise `SourceUnavailableError` where that cannot be told now.
    """
    try:
        ports = list_ports.comports()
    except (OSError, TypeError, ValueError) as error:  # what the system said of a device is gone, or half there
        raise SourceUnavailableError(f"the USB ports changed while they were listed; again soon ({error})") from error
    found = [
        UsbPort(str(port.device), port.serial_number or "", f"{port.vid:04x}:{port.pid or 0:04x}", port.location or "")
        for port in ports
        if port.vid is not None
    ]
    return sorted(found, key=lambda port: port.path)


def holder(path: str, proc: Path = _PROC) -> str | None:
    """Who has a device open, as `name (pid 123)`; None where nobody is seen, for one sees only one's own as no root."""
    device = os.path.realpath(path)
    for process in proc.iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid() and _has_open(process, device):
            return f"{_name(process)} (pid {process.name})"
    return None


def _has_open(process: Path, device: str) -> bool:
    try:
        return any(str(link.readlink()) == device for link in (process / "fd").iterdir())
    except OSError:
        return False


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"
