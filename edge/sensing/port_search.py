"""Which port a sensor opens: the one that its settings name, or the first free one that turns out to be right."""

from dataclasses import dataclass

from edge.core.errors import SourceUnavailableError
from edge.sensing.known_boards import KnownBoards
from edge.sensing.serial_line import SerialLine
from edge.sensing.settings import SerialSettings
from edge.sensing.usb_ports import PortList, UsbPort


@dataclass(frozen=True, slots=True)
class FoundPort:
    """An open line, and the name of its port that outlives re-plugging."""

    line: SerialLine
    identity: str


class PortSearch:
    """One search."""

    def __init__(self, settings: SerialSettings, known: KnownBoards, ports: PortList) -> None:
        self._settings = settings
        self._known = known
        self._ports = ports

    def open(self, baud: int) -> FoundPort:
        """Open the port, or the first of several that can be; raise `SourceUnavailableError` that says what to do."""
        wanted = self._settings.port
        if wanted != "auto" and not wanted.startswith(("usb:", "board:")):
            return FoundPort(SerialLine(wanted, baud), wanted)
        ports = self._ports()
        problems = []
        for port in self._fitting(ports):
            try:
                return FoundPort(SerialLine(port.path, baud), port.identity)
            except SourceUnavailableError as error:
                problems.append(str(error))
        raise SourceUnavailableError("; ".join(problems) or _nothing(wanted, ports))

    def _fitting(self, ports: list[UsbPort]) -> list[UsbPort]:
        if self._settings.port.startswith("usb:"):
            return [port for port in ports if port.is_called(self._settings.port)]
        return self._known.candidates(self._settings.id, ports)


def _nothing(wanted: str, ports: list[UsbPort]) -> str:
    if wanted.startswith("usb:"):
        there = ", ".join(port.serial_number for port in ports if port.serial_number) or "none"
        return f"no USB board of serial number {wanted.removeprefix('usb:')}: there is {there}"
    if ports:
        return "every USB serial board belongs to another sensor: plug one more in, or set `port`"
    return "no USB serial board found: plug it in, or set `port`"
