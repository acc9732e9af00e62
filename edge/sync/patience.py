"""How long a broker, and the cloud behind it, may keep us waiting: when what was sent goes again, and when nobody is
there any more."""

from typing import Final

from edge.core.clock import Clock
from edge.sync.window import Window

_ASK_AGAIN_S: Final = 10.0
"""What nobody listened to waits for nobody either: one record asks so often whether that has changed."""
_SILENCE_S: Final = 12.0
_SLOWEST_BYTES_PER_S: Final = 4096
"""A broker may be silent for so long while it has something of ours, and as long as the largest of it needs."""
_MOST_TIMES: Final = 16
"""Waits for an acknowledgement grow up to this many times `resend_after_s`, so that a cloud that is down for hours does
not find the same records a thousand times in the broker."""


class Patience:
    """Of one connection after the other. Belongs to the event loop.

    `held` says why the broker takes nothing, empty if it does; `nobody` whether it has nobody who listens to us.
    """

    def __init__(self, window: Window, clock: Clock, resend_after_s: float) -> None:
        self.held = ""
        self.nobody = False
        self._window = window
        self._clock = clock
        self._resend_after_s = resend_after_s
        self._times = 1
        self._progress_ns = self._heard_ns = 0

    def begin(self) -> None:
        """A connection begins."""
        self.held, self.nobody, self._times = "", False, 1
        self._progress_ns = self._heard_ns = self._clock.mono_ns()

    def heard(self) -> None:
        """The broker said something."""
        self._heard_ns = self._clock.mono_ns()

    def got_on(self) -> None:
        """Records arrived for good."""
        self._times = 1
        self._progress_ns = self._clock.mono_ns()
        if not len(self._window):
            self.held = ""

    def sending(self) -> None:
        """One more record goes: where none was under way, the waiting begins with it."""
        now_ns = self._clock.mono_ns()
        if not len(self._window):
            self._progress_ns = now_ns
        if not self._window.untaken:
            self._heard_ns = now_ns

    def begin_again(self) -> None:
        """Everything under way goes again, and is waited for longer."""
        self.held = ""
        self._times = 1 if self.nobody else min(self._times * 2, _MOST_TIMES)
        self._progress_ns = self._heard_ns = self._clock.mono_ns()

    @property
    def is_dead(self) -> bool:
        """A broker that confirms nothing of what is on its way to it is gone, whatever the connection seems to be."""
        return self._waits_for_broker and self._until_dead_s() <= 0

    @property
    def is_over(self) -> bool:
        """Without an acknowledgement for long, all goes again, once the broker has confirmed what it has of it."""
        return len(self._window) > 0 and self._until_resend_s() <= 0 and not self._waits_for_broker

    def until_s(self, idle_s: float) -> float:
        """Seconds until one of these may be so; `idle_s` where nothing is under way."""
        if not len(self._window):
            return idle_s
        return max(0.0, self._until_dead_s() if self._waits_for_broker else self._until_resend_s())

    @property
    def _waits_for_broker(self) -> bool:
        return self._window.untaken > 0 and not self.held

    def _until_resend_s(self) -> float:
        patience_s = self._resend_after_s * self._times
        if self.nobody:
            patience_s = min(patience_s, _ASK_AGAIN_S)
        return patience_s - (self._clock.mono_ns() - self._progress_ns) / 1e9

    def _until_dead_s(self) -> float:
        patience_s = min(_SILENCE_S, self._resend_after_s)
        patience_s += self._window.largest_untaken_bytes / _SLOWEST_BYTES_PER_S
        return patience_s - (self._clock.mono_ns() - self._heard_ns) / 1e9
