"""Gives recorded and made-up pictures the times they would have had."""

from typing import Final

from edge.capture.lifetime import Lifetime
from edge.core.clock import Clock

_LATE_NS: Final = 500_000_000


class Pace:
    """Waits until a picture is due. One that falls behind goes on from now instead of catching up in a burst."""

    def __init__(self, clock: Clock, lifetime: Lifetime) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._due_ns: int | None = None

    def wait(self, step_s: float) -> None:
        """Return when `step_s` seconds have passed since the last picture was due, at once for the first.

        Raise `SourceUnavailableError` if the camera is closed meanwhile.
        """
        now = self._clock.mono_ns()
        due = now if self._due_ns is None else self._due_ns + round(step_s * 1e9)
        self._due_ns = due if now - due < _LATE_NS else now
        if due > now:
            self._lifetime.wait((due - now) / 1e9)
        self._lifetime.check()
