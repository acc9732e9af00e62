"""How long to wait before trying again: doubling, jittered, bounded."""

import random
from typing import Final

_FACTOR: Final = 2.0


class Backoff:
    """Waits of `first_s`, twice that and so on up to `limit_s`, each drawn from its upper half ("equal jitter")."""

    def __init__(self, rng: random.Random, *, first_s: float = 0.5, limit_s: float = 30.0) -> None:
        self._rng = rng
        self._first_s = first_s
        self._limit_s = limit_s
        self._next_s = first_s

    def next(self) -> float:
        """Seconds to wait now; the next wait is longer."""
        ceiling, self._next_s = self._next_s, min(self._next_s * _FACTOR, self._limit_s)
        return ceiling * (0.5 + self._rng.random() / 2)

    def reset(self) -> None:
        """It worked: begin again at `first_s`."""
        self._next_s = self._first_s
