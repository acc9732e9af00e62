"""A session that runs, as it is in memory: its clock, its question, and the newest of what was said in it."""

from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from contract.ids import new_token
from contract.sessions import Ask, AskReason, SessionLabel, SessionMarker, SessionView, StimulusClock
from edge.affect.segments import SEGMENT_MS
from edge.affect.sessions.kept import KeptSession, view_of
from edge.affect.sessions.timeline import StimulusTimeline
from edge.core.clock import Stamp

_LABELS: Final = 600
_MARKERS: Final = 50
_SHOWN_LABELS: Final = 20
_ASKS: Final = 64
_SKEW_MS: Final = 2000
"""A browser's clock that is off by more is not believed: what it says is about the moment when it came."""


class Running:
    """Pure and bounded. Times are milliseconds by the session's own time; those of questions by the wall clock."""

    def __init__(self, kept: KeptSession, started: Stamp, *, duration_ms: int | None) -> None:
        self.kept = kept
        self.started: Final = started
        self.timeline: Final = StimulusTimeline(kept.pieces, duration_ms=duration_ms)
        self._spoken: Final[deque[SessionLabel]] = deque(maxlen=_LABELS)
        self._traced: Final[deque[SessionLabel]] = deque(maxlen=_LABELS)
        self.markers: Final[deque[SessionMarker]] = deque(maxlen=_MARKERS)
        self.ending: tuple[Stamp, str] | None = None
        """When and why it was to end, where the disk has not taken that yet."""
        self._said = self._points = 0
        self.segments = 0
        """How many were predicted, as far as it was looked."""
        self._asks: dict[str, Ask] = {}
        self._open: Ask | None = None
        self._open_until_ns = 0

    def time_of(self, now: Stamp) -> int:
        """This moment by the session's own time: that of the wall clock as the session began, and what has passed
        since. A wall clock that is set meanwhile moves nothing in it, nor in its segments."""
        return self.kept.start_ms + (now.mono_ns - self.started.mono_ns) // 1_000_000

    def moment(self, at_ms: int | None, now: Stamp) -> int:
        """A moment that somebody names by the wall clock of now, by the session's own time."""
        here = self.time_of(now)
        return believed(None if at_ms is None else max(0, at_ms + here - now.wall_ms), here)

    def tell_clock(self, clock: StimulusClock, now: Stamp) -> bool:
        """Hear where the stimulus is; whether that was news."""
        return self.place(msgspec.structs.replace(clock, at_ms=self.moment(clock.at_ms, now)))

    def place(self, clock: StimulusClock) -> bool:
        """As `tell_clock`, by the session's own time."""
        news = self.timeline.tell(clock)
        if news:
            self.kept = msgspec.structs.replace(self.kept, pieces=self.timeline.pieces)
        return news

    def hear(self, labels: Iterable[SessionLabel]) -> None:
        """Remember what was said; of a trace the last point of each 5 s of the session, as of its segments."""
        for label in labels:
            if label.source == "trace":
                self._points += 1
                self._trace(label)
            else:
                self._said += 1
                self._spoken.append(label)

    def said(self) -> list[SessionLabel]:
        """What was said lately, newest first."""
        return sorted([*self._spoken, *self._traced], key=lambda one: -one.at_ms)

    def ask(self, reason: AskReason, now: Stamp, lasts_ms: int) -> Ask | None:
        """Open a question; None if one is open."""
        if self.open_ask(now.mono_ns):
            return None
        self._open_until_ns = now.mono_ns + lasts_ms * 1_000_000
        self._open = Ask(
            ask_id=new_token("ask"),
            session_id=self.kept.session_id,
            participant=self.kept.participant,
            at_ms=now.wall_ms,
            expires_ms=now.wall_ms + lasts_ms,
            reason=reason,
        )
        self._asks[self._open.ask_id] = self._open
        while len(self._asks) > _ASKS:
            del self._asks[next(iter(self._asks))]
        return self._open

    def open_ask(self, now_ns: int) -> Ask | None:
        """The question that waits, unless its time is up."""
        return self._open if now_ns < self._open_until_ns else None

    def asked(self, ask_id: str | None) -> Ask | None:
        """A question of this session, also one whose time is up."""
        return self._asks.get(ask_id or "")

    def close_ask(self, now_ns: int, answered: set[str]) -> bool:
        """Close the question if it was answered or its time is up; whether it was closed just now."""
        if self._open is None or (now_ns < self._open_until_ns and self._open.ask_id not in answered):
            return False
        self._open = None
        return True

    def drop_ask(self) -> bool:
        """Close the question, also one whose time is up and that nobody closed yet; whether there was one."""
        there, self._open = self._open is not None, None
        return there

    def view(self) -> SessionView:
        """How it is, with the newest markers and labels."""
        spoken = list(self._spoken)[-_SHOWN_LABELS:]
        return msgspec.structs.replace(
            view_of(self.kept, self.segments),
            markers=list(self.markers),
            labels=spoken,
            said=self._said,
            traced=self._points,
        )

    def _trace(self, label: SessionLabel) -> None:
        if not self._traced or self._slice(label) != self._slice(self._traced[-1]):
            self._traced.append(label)
        elif label.at_ms >= self._traced[-1].at_ms:
            self._traced[-1] = label

    def _slice(self, label: SessionLabel) -> int:
        return (label.at_ms - self.kept.start_ms) // SEGMENT_MS


def believed(at_ms: int | None, now_ms: int) -> int:
    """The moment that somebody names, or now if they name none or one that only a wrong clock can show."""
    return now_ms if at_ms is None or at_ms > now_ms + _SKEW_MS else at_ms
