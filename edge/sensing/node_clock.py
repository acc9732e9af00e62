"""When a row was really measured: the board's clock, laid onto ours.

Rows arrive late and in bunches; the board's own milliseconds do not. The quickest row tells the offset between the two
clocks: it falls at once, for no row arrives before it was made, and rises by `_DRIFT` only, for crystals drift apart.
"""

from typing import Final

_DRIFT: Final = 0.0005
"""500 ppm: ten times what a bad crystal does."""
_TOO_LATE_NS: Final = 10_000_000_000
_TOO_EARLY_NS: Final = 1_000_000_000


class NodeClock:
    """Maps the board's time to ours, row by row."""

    def __init__(self) -> None:
        self._mono_ns: int | None = None

    def place(self, elapsed_ms: int | None, arrived_ns: int) -> tuple[int, bool]:
        """The moment of a row that came `elapsed_ms` of the board's time after the one before it.

        The flag tells that the two clocks no longer fit (the board slept, or its clock jumped) and began anew. Moments
        never go back but at such a jump, and never lie after `arrived_ns`.
        """
        if elapsed_ms is None or self._mono_ns is None:
            self._mono_ns = arrived_ns
            return arrived_ns, False
        step_ns = elapsed_ms * 1_000_000
        expected = self._mono_ns + step_ns
        lateness = arrived_ns - expected
        if not -_TOO_EARLY_NS <= lateness <= _TOO_LATE_NS:
            self._mono_ns = arrived_ns
            return arrived_ns, True
        drift = min(max(lateness, 0), round(step_ns * _DRIFT))
        self._mono_ns = max(self._mono_ns, min(expected + drift, arrived_ns))
        return self._mono_ns, False
