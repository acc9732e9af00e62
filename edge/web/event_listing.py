"""Events put together from their records: an event is a line of records, and people want to see events.

A list looks through the `event` records from the newest back, at most so many of them, and asks an index for the rest
of each event. So neither a list nor a single event costs more because the history is long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from anyio import to_thread

from contract.messages import Event, Record
from edge.web.deps import WebDeps
from edge.web.views import EventPage, EventView

SCAN_LIMIT: Final = 2000
"""A list looks through at most so many records."""
_STEP: Final = 200
_KEPT: Final = ("recording_id", "boxes", "reasoning", "zone", "track", "baseline_deviation")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted: where a set is not empty, only what is in it."""

    cameras: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()

    def takes(self, event: Event) -> bool:
        """Whether an event is wanted, as this record of it has it."""
        asked = (self.cameras, self.types, self.zones, self.severities)
        told = (event.camera, event.type, event.zone, event.severity)
        return all(not wanted or value in wanted for wanted, value in zip(asked, told, strict=True))


@dataclass(frozen=True, slots=True)
class Story:
    """An event as its records so far tell it, and the row of the newest."""

    event: Event
    row: int


class EventListing:
    """Reads events from the history. All methods raise `StoreError` if it cannot be read."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    async def page(self, wanted: EventFilter, *, before: int | None, limit: int) -> EventPage:
        """Up to `limit` events whose newest record is of a row smaller than `before`, newest first."""
        search = _Search(wanted, before, cursor=before)
        while len(search.found) < limit and not search.over:
            rows = await self._deps.history.history("event", before=search.cursor, limit=_STEP)
            search.ended = len(rows) < _STEP
            await self._look(search, rows, limit)
        views = await self.views(search.found)
        return EventPage(events=views, next=None if search.ended else search.cursor)

    async def find(self, event_id: str) -> Story | None:
        """One event by its checked id."""
        return story_of(await self._deps.history.of_event(event_id))

    async def views(self, stories: Sequence[Story]) -> list[EventView]:
        """Events as they are shown, with what there is of files."""
        files = await to_thread.run_sync(lambda: [self._files_of(story.event) for story in stories])
        return [self._view(story, urls) for story, urls in zip(stories, files, strict=True)]

    async def _look(self, search: "_Search", rows: Sequence[tuple[int, Record]], limit: int) -> None:
        for row, record in rows:
            if len(search.found) == limit:
                search.ended = False
                return
            search.cursor = row
            search.looked += 1
            event_id = search.new_in(record)
            story = await self.find(event_id) if event_id else None
            if story and not search.is_told(story):
                search.found.append(story)

    def _files_of(self, event: Event) -> dict[str, str]:
        """The URLs of what is on the device. Looks at the disk."""
        base, pictures = f"/v1/events/{event.event_id}", self._deps.event_pictures
        found = {}
        if pictures and pictures.has(event.event_id):
            found = {"picture": f"{base}/picture.jpg", "thumbnail": f"{base}/thumbnail.jpg"}
        if self._deps.clip_of(event):
            found["clip"] = f"{base}/clip.mp4"
        return found

    def _view(self, story: Story, urls: Mapping[str, str]) -> EventView:
        event = story.event
        camera = self._deps.cameras.get(event.camera)
        normal = camera.feedback_of(event.event_id) if camera else None
        return EventView(
            event_id=event.event_id,
            camera=event.camera,
            type=event.type,
            severity=event.severity,
            confidence=event.confidence,
            phase=event.phase,
            start_ms=event.start_ms,
            end_ms=event.end_ms,
            reasoning=event.reasoning,
            zone=event.zone,
            track=event.track,
            boxes=event.boxes,
            baseline_deviation=event.baseline_deviation,
            merged=event.merged,
            picture=urls.get("picture"),
            thumbnail=urls.get("thumbnail"),
            clip=urls.get("clip"),
            feedback=None if normal is None else "normal" if normal else "unusual",
            row=story.row,
        )


@dataclass(slots=True)
class _Search:
    """How far a look through the history got. `ended` means that there is nothing further back."""

    wanted: EventFilter
    before: int | None
    cursor: int | None
    found: list[Story] = field(default_factory=list)
    looked: int = 0
    ended: bool = False
    _met: set[str] = field(default_factory=set)

    @property
    def over(self) -> bool:
        return self.ended or self.looked >= SCAN_LIMIT

    def new_in(self, record: Record) -> str | None:
        """The id of a wanted event if this is the first record met of it."""
        event = record.body
        if not isinstance(event, Event) or event.event_id in self._met:
            return None
        self._met.add(event.event_id)
        return event.event_id if self.wanted.takes(event) else None

    def is_told(self, story: Story) -> bool:
        """Whether an event belongs to an earlier page, for it went on in the rows of that."""
        return self.before is not None and story.row >= self.before


def story_of(rows: Sequence[tuple[int, Record]]) -> Story | None:
    """Put an event together from its newest records, newest first; None if there are none.

    The newest record says how it is. What only an earlier one says (the recording, boxes, zone and track) is kept.
    """
    told = [(row, record.body) for row, record in rows if isinstance(record.body, Event)]
    if not told:
        return None
    row, newest = told[0]
    kept = {name: _first(name, [event for _, event in told]) for name in _KEPT}
    return Story(msgspec.structs.replace(newest, **kept), row)


def _first(name: str, events: Sequence[Event]) -> Any:
    """The newest thing said of it, else what saying nothing looks like."""
    values = [getattr(event, name) for event in events]
    return next((value for value in values if value is not None and value != []), values[0])
