"""Where messages from afar come in: bounded, and confirmed to the broker only once they are durable here.

A broker lets only so many messages wait for a confirmation at a time (mosquitto: 20), and what the cloud has committed
is told over the same connection. So fewer than that may wait here; one more is confirmed and dropped, and the cloud,
which sees no record of it, sends it again later.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contract.topics import DESIRED, command_leaf, topic

MOST_WAITING: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """One message. `leaf` is what follows the device in its topic; `confirm` may be called in any thread."""

    leaf: str
    payload: bytes
    confirm: Callable[[], None]


class Door:
    """Filled by the network's thread, emptied by the event loop."""

    def __init__(self, device: str) -> None:
        self.desired_topic = topic(device, DESIRED)
        self.command_topic = topic(device, command_leaf("+"))
        self.ready = asyncio.Event()
        self.why_shut = ""
        """Why the broker does not let us hear, empty if it does."""
        self.refused_total = 0
        """Commands that were dropped because too many came at a time."""
        self._root = topic(device, "")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._commands: list[Arrival] = []
        self._desired: Arrival | None = None

    def attend(self) -> None:
        """The running event loop is the one that `ready` is set in."""
        self._loop = asyncio.get_running_loop()
        self._announce()

    def takes(self, name: str) -> bool:
        """Whether a message on the topic `name` belongs here. Any thread."""
        return name == self.desired_topic or name.startswith(self.command_topic[:-1])

    def came(self, name: str, payload: bytes, confirm: Callable[[], None]) -> None:
        """A message came on a topic that this `takes`. Any thread."""
        arrival = Arrival(name[len(self._root) :], payload, confirm)
        dropped = self._put(arrival)
        if dropped:
            dropped.confirm()
        self._announce()

    def opened(self) -> None:
        """A connection begins. Any thread."""
        self.why_shut = ""

    def shut(self, reason: str) -> None:
        """The broker refuses to let us hear. Any thread."""
        self.why_shut = reason
        self._announce()

    def waiting(self) -> list[Arrival]:
        """What came and is not settled: the newest desired state, then commands, oldest first."""
        self.ready.clear()
        with self._lock:
            return [*([self._desired] if self._desired else []), *self._commands]

    def settle(self, arrival: Arrival) -> None:
        """It is durable, or not worth to be: the broker need not send it again."""
        with self._lock:
            self._commands = [one for one in self._commands if one is not arrival]
            if self._desired is arrival:
                self._desired = None
        arrival.confirm()

    def _put(self, arrival: Arrival) -> Arrival | None:
        """Keep it; return what is dropped for it."""
        with self._lock:
            if arrival.leaf == DESIRED:
                older, self._desired = self._desired, arrival
                return older
            if len(self._commands) >= MOST_WAITING:
                self.refused_total += 1
                return arrival
            self._commands.append(arrival)
            return None

    def _announce(self) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.ready.set)
