"""Time as the cloud reads it, and how long it waits before it tries again; tests bring their own."""

import asyncio
import random
import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        ...

    def mono_s(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class SystemClock:
    """The host's clocks."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def mono_s(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        await asyncio.sleep(seconds)


class Backoff:
    """Waits of `first_s`, twice that and so on up to `limit_s`, each drawn from its upper half ("equal jitter")."""

    def __init__(self, rng: random.Random, *, first_s: float = 0.2, limit_s: float = 10.0) -> None:
        self._rng = rng
        self._first_s = first_s
        self._limit_s = limit_s
        self._next_s = first_s

    def next(self) -> float:
        """Seconds to wait now; the next wait is longer."""
        ceiling, self._next_s = self._next_s, min(self._next_s * 2, self._limit_s)
        return ceiling * (0.5 + self._rng.random() / 2)

    def reset(self) -> None:
        """It worked: begin again at `first_s`."""
        self._next_s = self._first_s
