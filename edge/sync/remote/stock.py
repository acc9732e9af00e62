"""How much may come at a time: so many at once, and after that no faster than they are refilled."""

from edge.core.clock import Clock


class Stock:
    """Full at first."""

    def __init__(self, clock: Clock, *, most: int, per_s: float) -> None:
        self._clock = clock
        self._most = most
        self._per_s = per_s
        self._left = float(most)
        self._filled_ns = clock.mono_ns()

    @property
    def empty(self) -> bool:
        """Whether nothing may be taken now."""
        now_ns = self._clock.mono_ns()
        self._left = min(self._most, self._left + (now_ns - self._filled_ns) / 1e9 * self._per_s)
        self._filled_ns = now_ns
        return self._left < 1

    def take(self) -> None:
        """One was taken."""
        self._left -= 1
