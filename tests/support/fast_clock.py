"""A clock that runs faster than the host's, so that hours of a camera's life pass in minutes."""

import asyncio
import time

from edge.core.clock import Stamp
from tests.support.clock import START_MS


class FastClock:
    """Time that passes `rate` times as fast as it does; may be read from any thread."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._began = time.monotonic_ns()

    def mono_ns(self) -> int:
        """Nanoseconds since a second before the beginning."""
        return 1_000_000_000 + round((time.monotonic_ns() - self._began) * self.rate)

    def now(self) -> Stamp:
        """This moment."""
        return Stamp(self.mono_ns(), START_MS + self.mono_ns() // 1_000_000, trusted=True)

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` of this clock pass."""
        await asyncio.sleep(seconds / self.rate)
