"""How fast bytes go: one bucket of tokens for all transfers, and what their rate is."""

import math
import threading
from collections.abc import Callable
from typing import Final

from edge.core.clock import Clock

_BURST_S: Final = 0.25
"""After a pause so much may go at once; the limit holds over anything longer."""
_LOOK_NS: Final = 1_000_000_000
_SETTLE_S: Final = 4.0


class Throttle:
    """Token bucket over bits, shared by the threads that send. `limit_bps`: None is no limit, 0 nothing at all."""

    def __init__(self, limit_bps: Callable[[], int | None], clock: Clock) -> None:
        self._ask = limit_bps
        self._clock = clock
        self._lock = threading.Lock()
        self._limit: int | None = None
        self._looked_ns = -_LOOK_NS
        self._bits = 0.0
        self._filled_ns = clock.mono_ns()

    @property
    def limit_bps(self) -> int | None:
        """What holds now; the windows are looked at once a second at most."""
        now = self._clock.mono_ns()
        if now - self._looked_ns >= _LOOK_NS:
            self._limit, self._looked_ns = self._ask(), now
        return self._limit

    def take(self, n_bytes: int) -> float:
        """Count bytes that were just handed to the wire; return how many seconds to wait before the next."""
        limit = self.limit_bps
        if not limit:
            return 0.0
        with self._lock:
            now = self._clock.mono_ns()
            passed_s = (now - self._filled_ns) / 1e9
            self._filled_ns = now
            self._bits = min(self._bits + passed_s * limit, _BURST_S * limit) - n_bytes * 8
            return max(0.0, -self._bits / limit)


class Flow:
    """Bits per second of late: what came counts the less the longer ago it was."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rate_bps = 0.0
        self._since_ns = clock.mono_ns()

    def add(self, n_bytes: int) -> None:
        """So many more went."""
        self._rate_bps = self.rate_bps + n_bytes * 8 / _SETTLE_S
        self._since_ns = self._clock.mono_ns()

    @property
    def rate_bps(self) -> float:
        """Now."""
        return self._rate_bps * math.exp((self._since_ns - self._clock.mono_ns()) / 1e9 / _SETTLE_S)
