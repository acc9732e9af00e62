"""Tells when a live source is read too slowly, so that it is caught up with instead of seen later and later."""

from fractions import Fraction
from typing import Final

from edge.core.clock import Clock

_LATE_NS: Final = 400_000_000
"""More than the jitter of a network camera, less than a person calls late."""
_IN_TIME_NS: Final = 100_000_000
_DRIFT: Final = 0.0005
"""The camera's clock may go this much slower than ours without being taken for lag."""
_JUMP_NS: Final = 10_000_000_000


class Lag:
    """Compares the camera's own times with ours: the least delay ever seen is none, more is lag."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._least_ns: int | None = None
        self._asked_ns = 0
        self._late = False

    def late(self, pts: int | None, time_base: Fraction | None) -> bool:
        """Whether the picture with this time comes so late that it should not cost any more work.

        Late from 0.4 s on, and until it is less than 0.1 s again.
        """
        if pts is None or time_base is None:
            return False
        now = self._clock.mono_ns()
        delay = now - round(pts * time_base * 1_000_000_000)
        behind = delay - self._least(delay, now)
        self._late = behind > (_IN_TIME_NS if self._late else _LATE_NS)
        return self._late

    def moment_ns(self, ticks: int, time_base: Fraction | None) -> int:
        """The monotonic moment of a time of the camera: as if it had come with the least delay."""
        return round(ticks * (time_base or 0) * 1_000_000_000) + (self._least_ns or 0)

    def _least(self, delay: int, now: int) -> int:
        """The delay that counts as none; a leap of the camera's clock begins anew."""
        if self._least_ns is None or delay < self._least_ns or delay - self._least_ns > _JUMP_NS:
            self._least_ns = delay
        else:
            self._least_ns += round((now - self._asked_ns) * _DRIFT)
        self._asked_ns = now
        return self._least_ns
