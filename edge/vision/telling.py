"""What is made of what a frame shows: events for the store, pictures for the album, state for the page, health."""

from collections.abc import Callable
from dataclasses import dataclass

from contract.messages import Event
from edge.core.clock import Stamp, wall_ms_of
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.records import RecordSink
from edge.vision.analysis import Seen
from edge.vision.events.album import EventAlbum
from edge.vision.events.book import EventBook
from edge.vision.events.journal import EventJournal
from edge.vision.findings import MOTION
from edge.vision.live import LiveState, Shown
from edge.vision.pixels.condition import Condition
from edge.vision.state import Pace, PictureCondition, VisionState


@dataclass(frozen=True, kw_only=True)
class VisionOutlets:
    """Where a camera's analysis puts what it finds. The callables are called on the event loop and must not wait.

    `on_event` is called with every record of an event, `recording_of` tells which recording shows an event.
    """

    sink: RecordSink
    hub: Hub
    health: Health
    album: EventAlbum | None = None
    on_event: Callable[[Event], None] | None = None
    recording_of: Callable[[str], str | None] = lambda _event_id: None


class Telling:
    """Tells of one camera. Belongs to the event loop. Health part: `picture.<camera>`."""

    def __init__(self, camera: str, outlets: VisionOutlets, book: EventBook, journal: EventJournal) -> None:
        self.journal = journal
        self.book = book
        self.events_opened = 0
        self._part = f"picture.{camera}"
        self._outlets = outlets
        self._live = LiveState(camera, outlets.hub)
        self._anomalies: set[str] = set()

    @property
    def state(self) -> VisionState:
        """What the camera shows now."""
        return self._live.state

    def show(self, seen: Seen, frame: Frame, now: Stamp, pace: Pace, analysis_ms: float) -> list[Event]:
        """A frame was analysed; returns the records that it led to."""
        told = self._tell(self.book.step(seen.findings, now, frame.mono_ns), now)
        if self._outlets.album:
            self._outlets.album.consider(self.book.clearest, frame)
        self._tell_condition(seen.condition)
        shown = Shown(
            seq=frame.seq,
            now=now,
            condition=_shown(seen.condition, now),
            pace=pace,
            flood=self.book.flood,
            analysis_ms=analysis_ms,
        )
        self._live.show(seen, self.book.alert, shown)
        return told

    def idle(self, now: Stamp, pace: Pace) -> None:
        """No frame came for a while."""
        self._tell(self.book.step((), now, now.mono_ns), now)
        self._live.idle(self.book.alert, now, pace)

    def reset(self, now: Stamp) -> None:
        """Nothing goes on any more, and all is counted anew (S1.10)."""
        self.close(now)
        self.stopped()
        self._live.reset(now)

    def close(self, now: Stamp) -> None:
        """End every event."""
        self._tell(self.book.close_all(now), now)

    def stopped(self) -> None:
        """Nobody looks at the picture, until the next is shown."""
        self._outlets.health.set(self._part, State.STOPPED)

    def _tell(self, events: list[Event], now: Stamp) -> list[Event]:
        for event in events:
            self.journal.put(event, now)
            self._count(event)
            if self._outlets.on_event:
                self._outlets.on_event(event)
            if event.phase == "close" and self._outlets.album:
                self._outlets.album.finish(event.event_id)
        return events

    def _count(self, event: Event) -> None:
        """An anomaly counts once, also if it was none when it opened and became graver."""
        self.events_opened += event.phase == "open"
        if event.type != MOTION and event.severity != "LOW" and event.event_id not in self._anomalies:
            self._anomalies.add(event.event_id)
            self._live.count_anomaly()
        if event.phase == "close":
            self._anomalies.discard(event.event_id)

    def _tell_condition(self, condition: Condition) -> None:
        state = State.OK if condition.kind in {"ok", "starting"} else State.DEGRADED
        words = "; ".join(condition.reasoning)
        self._outlets.health.set(self._part, state, f"{condition.kind}: {words}" if words else condition.kind)


def _shown(condition: Condition, now: Stamp) -> PictureCondition:
    return PictureCondition(
        kind=condition.kind,
        since_ms=wall_ms_of(condition.since_ns, now),
        detail="; ".join(condition.reasoning),
    )
