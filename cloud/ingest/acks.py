"""Telling devices what is committed: cumulative, so that only the newest word about each boot counts."""

import asyncio
from collections.abc import Callable
from typing import Final

from cloud.store.clock import Clock
from cloud.store.coverage import Coverage
from contract.codec import encode
from contract.messages import Ack
from contract.topics import topic

_MISSING_TOLD: Final = 250
"""Ranges named in one ack, the lowest first; the next ack names more. A device lets no more alarms overtake what waits
than these tell it to have arrived, and one window."""


class AckSender:
    """Sends each device's newest acks, at most every `interval_s`; what cannot be sent waits for the connection."""

    def __init__(self, publish: Callable[[str, bytes], bool], clock: Clock, *, interval_s: float) -> None:
        self._publish = publish
        self._clock = clock
        self._interval_s = interval_s
        self._due: dict[tuple[str, str], Coverage] = {}
        self._woken = asyncio.Event()
        self.sent = 0

    def note(self, coverage: dict[tuple[str, str], Coverage]) -> None:
        """These boots, by `(device, boot)`, are committed as far as this."""
        self._due.update(coverage)
        self._woken.set()

    def resume(self) -> None:
        """The connection is there again."""
        if self._due:
            self._woken.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            self.flush()
            await self._clock.sleep(self._interval_s)

    def flush(self) -> None:
        """Send what is due now."""
        due, self._due = self._due, {}
        for (device, boot), coverage in due.items():
            if self._publish(topic(device, "ack"), encode(ack_of(boot, coverage))):
                self.sent += 1
            else:
                self._due.setdefault((device, boot), coverage)


def ack_of(boot: str, coverage: Coverage) -> Ack:
    """What the device is told; what it says of numbers above `seq` ends before the first gap that finds no room."""
    told, untold = coverage.gaps[:_MISSING_TOLD], coverage.gaps[_MISSING_TOLD:]
    highest = untold[0][0] - 1 if untold else coverage.highest
    return Ack(boot=boot, seq=coverage.contiguous, missing=list(told), highest=highest)
