"""A clock that moves only when a test says so."""

import asyncio

from edge.core.clock import Stamp

START_MS = 1_780_000_000_000


class FakeClock:
    """Time under the test's hand. `sleep` moves it and lets others run; nothing really waits."""

    def __init__(self, *, trusted: bool = True) -> None:
        self._mono_ns = 1_000_000_000
        self._wall_offset_ms = START_MS
        self.trusted = trusted
        self.slept: list[float] = []

    def mono_ns(self) -> int:
        """Nanoseconds since the test's beginning, and a second."""
        return self._mono_ns

    def now(self) -> Stamp:
        """This moment."""
        return Stamp(self._mono_ns, self._wall_offset_ms + self._mono_ns // 1_000_000, self.trusted)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._mono_ns += round(seconds * 1e9)

    def jump_wall(self, seconds: float) -> None:
        """Move the wall clock alone, as NTP or a person does."""
        self._wall_offset_ms += round(seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        """Move on by `seconds`."""
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)
