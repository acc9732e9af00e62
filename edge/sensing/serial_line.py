"""An open serial port: bytes both ways, and words for what goes wrong with it."""

import grp
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import serial

from edge.core.errors import SourceUnavailableError
from edge.sensing.usb_ports import holder

_READ_S: Final = 0.25
_GATHER_S: Final = 0.04
_WRITE_S: Final = 1.0
_MOST_BYTES: Final = 4096
_LOST: Final = (serial.SerialException, OSError, ValueError, TypeError, termios.error)
"""What pyserial fails with: `TypeError` once its descriptor is gone, `termios.error`, which is no `OSError`, where a
board is pulled out just as its port is set up."""


class SerialLine:
    """One port, opened by the constructor; raise `SourceUnavailableError` if it is missing, busy or forbidden.

    DTR and RTS are kept low: raising DTR restarts an Arduino. (Linux raises it for a moment when a port is opened, so
    that a board may still restart once.)
    """

    def __init__(self, path: str, baud: int, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.path = path
        self._pause = pause
        port = serial.Serial()
        port.port, port.baudrate, port.exclusive = path, baud, True
        port.timeout, port.write_timeout = _READ_S, _WRITE_S
        port.dtr = port.rts = False
        try:
            port.open()
            port.reset_input_buffer()
        except _LOST as error:
            port.close()
            raise SourceUnavailableError(f"{path}: {_reason(path, error)}") from error
        self._port: Any = port

    @property
    def baud(self) -> int:
        """Its speed."""
        return int(self._port.baudrate)

    def change_baud(self, baud: int) -> None:
        """Go on at another speed; what was read at the old one and not yet fetched is dropped."""
        try:
            self._port.baudrate = baud
            self._port.reset_input_buffer()
        except _LOST as error:
            raise self._lost(error) from error

    def read(self) -> bytes:
        """What came, or nothing after a quarter of a second of silence.

        Frames are let gather for a moment: taken one by one, eight boards at 100 Hz would cost thrice as much.
        """
        try:
            data: bytes = self._port.read(1)
            if data:
                self._pause(_GATHER_S)
            data += self._port.read(min(self._port.in_waiting, _MOST_BYTES))
        except _LOST as error:
            raise self._lost(error) from error
        return data

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._port.write(data)
        except _LOST as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()

    def _lost(self, error: Exception) -> SourceUnavailableError:
        return SourceUnavailableError(f"{self.path}: the line was lost ({str(error) or type(error).__name__})")


def _reason(path: str, error: Exception) -> str:
    match getattr(error, "errno", None):
        case 2:
            return "no such port: plug the board in, or set `port`"
        case 13:
            return f"permission denied: add the daemon's user to the group {_group(path)}, and start it again"
        case 11 | 16:
            who = holder(path)
            return f"busy: {who or 'another program, or another sensor of this appliance,'} has it open"
        case _:
            return str(error) or type(error).__name__


def _group(path: str) -> str:
    """The group that owns the port."""
    try:
        return grp.getgrgid(Path(path).stat().st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"
