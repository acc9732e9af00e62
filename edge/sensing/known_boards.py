"""Which board belongs to which sensor, so that several boards at once each keep their own through every re-plugging."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from edge.sensing.usb_ports import UsbPort

_MOST_REFUSED: Final = 64


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """What a sensor knows of its board: where it was last, what it is called, how fast and in what it speaks."""

    identity: str = ""
    board: int | None = None
    baud: int | None = None


class KnownBoards:
    """Shared by all sensors of a process; safe from any thread. Grows with the number of sensors only; of ports that
    turned out wrong the newest 64 are remembered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wishes: dict[str, str] = {}
        self._known: dict[str, Acquaintance] = {}
        self._refused: dict[tuple[str, str], int] = {}
        self._refusals = 0

    def wish(self, sensor: str, port: str) -> None:
        """Say which `port` the settings of a sensor name, so that no `auto` takes it away."""
        with self._lock:
            self._wishes[sensor] = port

    def of(self, sensor: str) -> Acquaintance:
        """What a sensor knows of its board."""
        with self._lock:
            return self._known.get(sensor, Acquaintance())

    def met(self, sensor: str, *, identity: str, baud: int, board: int | None) -> None:
        """Remember the board that a sensor now speaks with; a board that tells no id keeps the one known of it."""
        with self._lock:
            before = self._known.get(sensor, Acquaintance())
            known_id = before.board if board is None and before.identity == identity else board
            self._known[sensor] = replace(before, identity=identity, baud=baud, board=known_id)
            self._refused.pop((sensor, identity), None)

    def refused(self, sensor: str, identity: str) -> None:
        """A port turned out not to be what a sensor looks for: it is tried last, for what is plugged in may change."""
        with self._lock:
            self._refusals += 1
            self._refused.pop((sensor, identity), None)
            self._refused[sensor, identity] = self._refusals
            if len(self._refused) > _MOST_REFUSED:
                del self._refused[next(iter(self._refused))]

    def candidates(self, sensor: str, ports: Sequence[UsbPort]) -> list[UsbPort]:
        """The ports that a sensor may try, its own board first, without those that belong to others.

        Those that turned out wrong come last, the longest ago first.
        """
        with self._lock:
            mine = self._known.get(sensor, Acquaintance()).identity
            taken = {known.identity for name, known in self._known.items() if name != sensor}
            wishes = [port for name, port in self._wishes.items() if name != sensor]
            refused = {identity: at for (name, identity), at in self._refused.items() if name == sensor}
        free = [port for port in ports if port.identity not in taken and not any(map(port.is_called, wishes))]
        return sorted(free, key=lambda port: (refused.get(port.identity, 0), port.identity != mine, port.path))

    def owner(self, sensor: str, board: int) -> str | None:
        """The other sensor that this board belongs to by its settings or by acquaintance, if there is one."""
        with self._lock:
            for name, port in self._wishes.items():
                if name != sensor and board_of(port) == board:
                    return name
            known = (name for name, known in self._known.items() if name != sensor and known.board == board)
            return next(known, None)


def board_of(port: str) -> int | None:
    """The board id that a `port` setting of `board:<hex id>` names."""
    kind, _, number = port.partition(":")
    return int(number, 16) if kind == "board" else None
