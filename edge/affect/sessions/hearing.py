"""What is said in a session: moments that are marked, and labels; kept, told, and heard by the others' consensus."""

from collections.abc import Sequence
from typing import Final

import msgspec

from contract.messages import Marker
from contract.sessions import NewLabel, SessionLabel, SessionMarker, StimulusClock
from edge.affect.sessions import labels as saying
from edge.affect.sessions.consensus import Consensus
from edge.affect.sessions.hall import Hall
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.people import People
from edge.affect.sessions.room import Room, plain_text, printable
from edge.affect.sessions.running import Running, believed
from edge.affect.sessions.shelf import Shelf
from edge.core.errors import RefusedError

_MOST_MARKERS: Final = 10_000
_START: Final = "start"
"""The marker at which a stimulus that is shown elsewhere begins."""


class Hearing:
    """Belongs to the event loop. Methods are called in the room's turn."""

    def __init__(self, room: Room, people: People, shelf: Shelf, hall: Hall, consensus: Consensus) -> None:
        self._room = room
        self._people = people
        self._shelf = shelf
        self._hall = hall
        self._consensus = consensus

    async def mark(self, session_id: str, *, name: str, note: str, at_ms: int | None) -> SessionMarker:
        """Mark a moment."""
        kept = await self._consented(session_id)
        running, now = self._hall.find(session_id), self._room.needs.clock.now()
        if running is None and not note:
            raise RefusedError("this session has ended: write a note, or mark moments while it runs")
        if await self._room.call(self._room.book.marker_count, session_id) >= _MOST_MARKERS:
            raise RefusedError(f"a session has {_MOST_MARKERS} markers at most")
        if running:
            moment = running.moment(at_ms, now)
        else:
            moment = believed(at_ms, now.wall_ms) if at_ms else kept.end_ms or now.wall_ms
        if running and name.strip().lower() == _START and self._is_shown_elsewhere(kept.stimulus):
            running.place(StimulusClock(at_ms=moment, stimulus_ms=0))
        marker = SessionMarker(
            at_ms=moment,
            name=printable(name, "name", 100) or "note",
            note=plain_text(note, 4000),
            stimulus_ms=running.timeline.at(moment) if running else None,
        )
        told = Marker(session_id=session_id, **msgspec.structs.asdict(marker))
        await self._room.call(self._room.book.add_marker, kept, marker, told, now)
        self._room.wake.set()
        if running:
            running.markers.append(marker)
            self._room.publish(running.view())
        return marker

    async def label(self, session_id: str, given: Sequence[NewLabel]) -> int:
        """Keep what was said; how many labels were new."""
        kept, wanted = await self._consented(session_id), saying.checked(given)
        book, now = self._room.book, self._room.needs.clock.now()
        known = await self._room.call(book.known_labels, session_id, [one.label_id for one in wanted])
        if (
            await self._room.call(book.label_count, session_id) + len(wanted) - len(known)
            > self._room.settings.max_labels
        ):
            raise RefusedError(f"a session has {self._room.settings.max_labels} labels at most: see max_labels")
        running = self._hall.find(session_id)
        fresh = [saying.made(one, kept, running, now) for one in wanted if one.label_id not in known]
        if fresh:
            told = saying.records_of(kept, fresh, running)
            await self._room.call(book.add_labels, kept, fresh, told, now)
            self._heard(kept, running, fresh)
        return len(fresh)

    def _is_shown_elsewhere(self, stimulus: str | None) -> bool:
        return any(one.id == stimulus and one.kind == "external" for one in self._shelf.all())

    async def _consented(self, session_id: str) -> KeptSession:
        kept = await self._hall.kept(session_id)
        if not self._people.agreed(kept.participant):
            raise RefusedError(f"{kept.participant} took the consent back: nothing more is kept of them")
        return kept

    def _heard(self, kept: KeptSession, running: Running | None, fresh: Sequence[SessionLabel]) -> None:
        self._room.wake.set()
        for label in fresh:
            if kept.stimulus:
                self._consensus.hear(kept.stimulus, kept.participant, label)
        if running:
            running.hear(fresh)
            self._hall.close_asks([kept.session_id], fresh)
            self._room.publish(running.view())
