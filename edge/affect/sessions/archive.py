"""What is there to be looked at afterwards: sessions with their labels, what was predicted in them, and the report."""

import asyncio
from typing import Final

import msgspec

from contract.messages import Prediction
from contract.sessions import SessionView
from edge.affect.segments import SEGMENT_MS
from edge.affect.sessions.hall import Hall
from edge.affect.sessions.kept import KeptSession, view_of
from edge.affect.sessions.report import Findings, render
from edge.affect.sessions.room import Room
from edge.affect.sessions.shelf import Shelf
from edge.core.errors import UnknownError

_PAGE: Final = 1000
_LARGEST_VIDEO: Final = 1_000_000
_MOST_LISTED: Final = 1000
_LATEST_MS: Final = 1 << 62
_SHOWN_POINTS: Final = 2000
"""Points of traces that a view of a session has at most, spread over all of it."""


class Archive:
    """Reads only. Belongs to the event loop."""

    def __init__(self, room: Room, hall: Hall, shelf: Shelf) -> None:
        self._room = room
        self._hall = hall
        self._shelf = shelf

    async def session(self, session_id: str) -> SessionView:
        """One with all its labels and markers; of long traces some points."""
        kept, book = await self._hall.kept(session_id), self._room.book
        points = await self._room.call(book.label_count, session_id, "trace")
        return msgspec.structs.replace(
            view_of(kept, await self._room.needs.records.count_of_subject(session_id, kind="prediction")),
            clocks=kept.pieces,
            labels=await self._room.call(book.labels, session_id, _SHOWN_POINTS),
            said=await self._room.call(book.label_count, session_id) - points,
            traced=points,
            markers=await self._room.call(book.markers, session_id),
        )

    async def sessions(self, participant: str | None, limit: int) -> list[SessionView]:
        """The newest, newest first."""
        found = await self._room.call(self._room.book.sessions, participant, max(0, min(limit, _MOST_LISTED)))
        records = self._room.needs.records
        return [view_of(one, await records.count_of_subject(one.session_id, kind="prediction")) for one in found]

    async def segments(self, session_id: str) -> list[Prediction]:
        """What was predicted in a session, oldest first."""
        await self._hall.kept(session_id)
        return await self._predicted(session_id, self._room.settings.listed_segments)

    async def predictions(
        self, video_id: int, user_id: str | None, session_id: str | None, since_ms: int | None
    ) -> list[Prediction]:
        """What was predicted of a video, by start; of too much, what belongs to the newest sessions."""
        if not (
            0 <= video_id <= _LARGEST_VIDEO and all(one is None or one.isprintable() for one in (user_id, session_id))
        ):
            return []
        since_ms = since_ms if since_ms is None else min(since_ms, _LATEST_MS)
        sessions = await self._room.call(self._room.book.of_video, video_id, user_id, session_id, since_ms)
        found: list[Prediction] = []
        for kept in sessions:
            room = self._room.settings.listed_segments - len(found)
            if room <= 0:
                break
            found += await self._predicted(kept.session_id, room)
        wanted = [one for one in found if since_ms is None or one.end_ms > since_ms]
        return sorted(wanted, key=lambda one: one.start_ms)

    async def last_known_ms(self, kept: KeptSession, seen_ms: int) -> int:
        """When a session is last known to have run, of its file or of its newest record; by its own time,
        also where the store has put the times of its records right since."""
        predicted = await self._predicted(kept.session_id, self._room.settings.listed_segments)
        ends = [one.segment_index * SEGMENT_MS + one.end_ms - one.start_ms for one in predicted[-1:]]
        return max([kept.start_ms, seen_ms, *(kept.start_ms + end_ms for end_ms in ends)])

    async def report(self, session_id: str) -> str:
        """The end report as a page of HTML."""
        kept, book = await self._hall.kept(session_id), self._room.book
        try:
            stimulus = self._shelf.get(kept.stimulus) if kept.stimulus else None
        except UnknownError:
            stimulus = None
        found = Findings(
            kept=kept,
            labels=await self._room.call(book.labels, session_id, _SHOWN_POINTS),
            points=await self._room.call(book.label_count, session_id, "trace"),
            markers=await self._room.call(book.markers, session_id),
            segments=await self.segments(session_id),
            stimulus=stimulus,
            written_ms=self._room.needs.clock.now().wall_ms,
        )
        return await asyncio.to_thread(render, found)

    async def _predicted(self, session_id: str, limit: int) -> list[Prediction]:
        found: list[Prediction] = []
        after, records = 0, self._room.needs.records
        while len(found) < limit:
            page = await records.of_subject(session_id, kind="prediction", after=after, limit=min(_PAGE, limit))
            found += [
                record.body
                for _, record in page
                if isinstance(record.body, Prediction) and record.body.session_id == session_id
            ]
            if len(page) < min(_PAGE, limit):
                break
            after = page[-1][0]
        return sorted(found, key=lambda one: one.start_ms)[:limit]
