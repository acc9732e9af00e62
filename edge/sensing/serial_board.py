"""A board on a serial line."""

from collections.abc import Callable
from typing import Any, Final

import serial
from serial.tools import list_ports

from edge.core.clock import Clock
from edge.core.errors import SourceUnavailableError
from edge.core.sample import Sample
from edge.sensing.line import LineParser, Row
from edge.sensing.node_clock import NodeClock
from edge.sensing.sensor import Diagnosis
from edge.sensing.settings import SerialSettings
from edge.sensing.units import BoardUnits

_READ_S: Final = 0.25
_MOST_BYTES: Final = 4096


class SerialBoard:
    """A `Sensor` that reads the line protocol of `edge.sensing.line`.

    DTR and RTS are kept low: raising DTR restarts an Arduino. (Linux raises it for a moment when a port is opened, so
    that a board may still restart once; the rows after that are whole.)
    """

    def __init__(self, settings: SerialSettings, *, clock: Clock, ports: Callable[[], list[str]] | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._ports = ports or usb_ports
        self._units = BoardUnits(settings.gsr_unit, settings.gsr_calibration, settings.hr_unit)
        self._port: Any = None
        self._path = settings.port
        self._parser = LineParser()
        self._node_clock = NodeClock()
        self._implausible = 0
        self._gap = False

    def open(self) -> None:
        """Open the port; raise `SourceUnavailableError` if it is missing, busy or forbidden."""
        self._path = self._find()
        port = serial.Serial()
        port.port, port.baudrate, port.timeout, port.exclusive = self._path, self._settings.baud, _READ_S, True
        port.dtr = port.rts = False
        try:
            port.open()
            port.reset_input_buffer()
        except (serial.SerialException, OSError, ValueError) as error:
            port.close()
            raise SourceUnavailableError(f"{self._path}: {_reason(error)}") from error
        self._port = port

    def read(self) -> list[Sample]:
        """What the board said, or an empty list after a quarter of a second of silence."""
        try:
            data = self._port.read(1)
            data += self._port.read(min(self._port.in_waiting, _MOST_BYTES))
        except (serial.SerialException, OSError, TypeError) as error:
            # pyserial raises TypeError when its descriptor is gone.
            raise SourceUnavailableError(f"{self._path}: the line was lost ({_reason(error)})") from error
        arrived_ns = self._clock.mono_ns()
        return [sample for row in self._parser.feed(data) if (sample := self._sample(row, arrived_ns))]

    def close(self) -> None:
        """Let go of the port."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def describe(self) -> str:
        """The port and its speed."""
        return f"{self._path} at {self._settings.baud} baud"

    def diagnosis(self) -> Diagnosis:
        """What could not be read or believed since `open`."""
        return Diagnosis(self._parser.bad_rows, self._implausible, self._parser.resets, tuple(self._parser.last_bad))

    def _find(self) -> str:
        if self._settings.port != "auto":
            return self._settings.port
        found = self._ports()
        if not found:
            raise SourceUnavailableError("no USB serial board found: plug it in, or set `port`")
        return found[0]

    def _sample(self, row: Row, arrived_ns: int) -> Sample | None:
        """The sample of a row; None where nothing of it can be believed, which leaves a gap."""
        mono_ns, jumped = self._node_clock.place(row.elapsed_ms, arrived_ns)
        values = self._units.values(row.gsr, row.hr)
        self._implausible += 2 - len(values)
        self._gap = self._gap or row.gap_before or jumped
        if not values:
            self._gap = True
            return None
        gap, self._gap = self._gap, False
        return Sample(self._settings.id, mono_ns, values, row.millis, gap)


def usb_ports() -> list[str]:
    """The serial ports of this machine that belong to a USB device, in the order of their names."""
    return sorted(str(port.device) for port in list_ports.comports() if port.vid is not None)


def _reason(error: Exception) -> str:
    match getattr(error, "errno", None):
        case 2:
            return "no such port"
        case 13:
            return "permission denied: add the daemon's user to the group that owns the port, often dialout"
        case 11 | 16:
            return "busy: another program has it open"
        case _:
            return str(error) or type(error).__name__
