"""When to record and why: events, a hand, or always. Pure; time comes with each question."""

from typing import Final, Literal

from edge.recording.settings import Mode

Reason = Literal["continuous", "event", "manual"]
_LONGEST_EVENT_NS: Final = 3600 * 1_000_000_000
"""An event that nobody closed for so long was forgotten by whoever opened it."""


class Trigger:
    """Tells at each moment whether frames are wanted. Moments are monotonic nanoseconds."""

    def __init__(self, mode: Mode, *, post_roll_s: float) -> None:
        self._mode = mode
        self._post_roll_ns = round(post_roll_s * 1e9)
        self._open: dict[str, int] = {}
        self._latest: str | None = None
        self._tail_until_ns: int | None = None
        self.manual = False

    @property
    def by_events(self) -> bool:
        """Whether events begin a recording."""
        return self._mode == "event"

    @property
    def reason(self) -> Reason:
        """Why a recording that begins now would begin."""
        if self._mode == "continuous":
            return "continuous"
        return "event" if self._open or self._tail_until_ns is not None else "manual"

    @property
    def event_id(self) -> str | None:
        """The event that a recording that begins now would show: the oldest open one, or the one in its post-roll."""
        return next(iter(self._open), self._latest if self._tail_until_ns is not None else None)

    @property
    def shown(self) -> tuple[str, ...]:
        """The events that a recording that begins now would show: those that are open, or the one in its post-roll."""
        return tuple(self._open) or tuple(filter(None, [self.event_id]))

    def wanted(self, now_ns: int) -> bool:
        """Whether a frame of this moment is to be recorded."""
        for event_id in [one for one, since_ns in self._open.items() if now_ns - since_ns > _LONGEST_EVENT_NS]:
            self.event_closed(event_id, now_ns)
        if self._tail_until_ns is not None and now_ns > self._tail_until_ns:
            self._tail_until_ns = None
        if self._mode == "continuous" or self.manual:
            return True
        return self.by_events and (bool(self._open) or self._tail_until_ns is not None)

    def event_opened(self, event_id: str, now_ns: int) -> None:
        """An event began. It ends by itself after an hour."""
        self._open[event_id] = now_ns
        self._latest, self._tail_until_ns = event_id, None

    def event_closed(self, event_id: str, now_ns: int) -> None:
        """An event ended; unknown ones are ignored."""
        if event_id not in self._open:
            return
        del self._open[event_id]
        if not self._open:
            self._latest, self._tail_until_ns = event_id, now_ns + self._post_roll_ns

    def start_manual(self) -> None:
        """Someone wants a recording."""
        self.manual = True

    def stop_manual(self) -> None:
        """Nobody wants one by hand any more."""
        self.manual = False
