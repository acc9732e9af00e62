"""When to record and why: events, a hand, a session, or always. Pure; time comes with each question."""

from collections.abc import Callable
from typing import Final, Protocol

from edge.recording.settings import Mode
from edge.recording.sidecar import Reason

_LONGEST_EVENT_NS: Final = 3600 * 1_000_000_000
"""An event that nobody closed for so long was forgotten by whoever opened it."""


class Wish(Protocol):
    """Something for which is recorded. Moments are monotonic nanoseconds."""

    @property
    def reason(self) -> Reason:
        """Why a recording that begins now would begin."""
        ...

    @property
    def shown(self) -> tuple[str, ...]:
        """The events that a recording that begins now would show."""
        ...

    @property
    def urgent(self) -> bool:
        """Whether one of them is an alarm."""
        ...

    def wanted(self, now_ns: int) -> bool:
        """Whether a frame of this moment is to be recorded."""
        ...


class Always:
    """Recording that goes on by itself, as long as `on()`; `by_schedule` names the reason."""

    shown: tuple[str, ...] = ()
    urgent = False

    def __init__(self, on: Callable[[], bool], *, by_schedule: bool) -> None:
        self._on = on
        self.reason: Reason = "schedule" if by_schedule else "continuous"

    def wanted(self, now_ns: int) -> bool:
        """See `Wish`."""
        return self._on()


class ForSession:
    """Recording from when a session begins until it ends."""

    reason: Reason = "session"
    shown: tuple[str, ...] = ()
    urgent = False

    def wanted(self, now_ns: int) -> bool:
        """See `Wish`."""
        return True


class Trigger:
    """Recording around events and by hand; in mode `continuous` also as long as `on()`, in the same clips.

    While `sparing()`, recording that goes on by itself rests in any mode, and events are recorded all the same.
    """

    def __init__(
        self,
        mode: Mode,
        *,
        post_roll_s: float,
        on: Callable[[], bool] = lambda: True,
        by_schedule: bool = False,
        sparing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sparing = sparing
        unless_sparing = Always(lambda: on() and not sparing(), by_schedule=by_schedule)
        self._always = unless_sparing if mode == "continuous" else None
        self._post_roll_ns = round(post_roll_s * 1e9)
        self._open: dict[str, int] = {}
        self._alarms: set[str] = set()
        self._latest: str | None = None
        self._tail_until_ns: int | None = None
        self._by_events = mode in {"event", "both"}
        self.manual = False

    @property
    def by_events(self) -> bool:
        """Whether events are what is recorded for now."""
        return self._by_events or (self._always is not None and self._sparing())

    @property
    def reason(self) -> Reason:
        """See `Wish`."""
        if self._always and self._always.wanted(0):
            return self._always.reason
        return "event" if self.shown and self.by_events else "manual"

    @property
    def event_id(self) -> str | None:
        """The event that a recording that begins now would show: the oldest open one, or the one in its post-roll."""
        return next(iter(self._open), self._latest if self._tail_until_ns is not None else None)

    @property
    def shown(self) -> tuple[str, ...]:
        """The events that a recording that begins now would show: those that are open, or the one in its post-roll."""
        return tuple(self._open) or tuple(filter(None, [self.event_id]))

    @property
    def urgent(self) -> bool:
        """See `Wish`."""
        return not self._alarms.isdisjoint(self.shown)

    def wanted(self, now_ns: int) -> bool:
        """See `Wish`."""
        for event_id in [one for one, since_ns in self._open.items() if now_ns - since_ns > _LONGEST_EVENT_NS]:
            self.event_closed(event_id, now_ns)
        if self._tail_until_ns is not None and now_ns > self._tail_until_ns:
            self._tail_until_ns = None
            self._alarms.clear()
        if self.manual or (self._always and self._always.wanted(now_ns)):
            return True
        return self.by_events and (bool(self._open) or self._tail_until_ns is not None)

    def event_opened(self, event_id: str, now_ns: int, *, urgent: bool = False) -> None:
        """An event began; `urgent`: it is an alarm. It ends by itself after an hour."""
        self._open[event_id] = now_ns
        self._latest, self._tail_until_ns = event_id, None
        if urgent:
            self._alarms.add(event_id)

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
