"""How things leave the room: abandoned ones after a time, a person's at their word.

Idleness is counted in hours that the appliance ran, and kept on the disk: a wall clock that leaps, or was wrong when a
chunk came, makes nothing old.
"""

from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from edge.collecting.collector import Collector
from edge.collecting.identity import pseudonym_of
from edge.collecting.outward import Outward
from edge.collecting.sheets import SessionSheet, VideoSheet

_ABANDONED = "the browser never sent the rest of it"


class Leaving:
    """Deletes sessions and uploads. All raise `StoreError` and `OSError`, and may be done again after a kill."""

    def __init__(self, collector: Collector, outward: Outward) -> None:
        self.expired = 0
        self._collector = collector
        self._shelf = collector.shelf
        self._outward = outward

    async def hour(self, progress: Callable[[], None]) -> None:
        """One more hour has gone by; `progress` is called for each session."""
        active, self._collector.active = self._collector.active, set()
        most = self._collector.settings.abandoned_hours
        for session in await self._collector.run(lambda: list(self._shelf.sessions())):
            progress()
            idle = 0 if session.session_id in active else min(session.idle_hours + 1, most)
            if idle != session.idle_hours:
                await self._collector.run(self._note, replace(session, idle_hours=idle))
            if idle >= most:
                await self._expire(session)

    async def erase(self, participant: str) -> int:
        """Delete everything of a participant; return how many videos that were, whole or not."""
        sessions = await self.sessions_of(participant)
        await self._collector.run(self._shelf.drop_doomed)
        return sum([await self._drop(session) for session in sessions])

    async def sessions_of(self, participant: str) -> list[SessionSheet]:
        """What a participant handed in."""
        await self._collector.open()
        name = pseudonym_of(participant)
        sessions = await self._collector.run(lambda: list(self._shelf.sessions()))
        return [one for one in sessions if one.participant == name]

    async def _drop(self, session: SessionSheet) -> int:
        """Out of sight first, then out of the queue, once nobody is putting it there any more."""
        videos = await self._videos(session.session_id)
        await self._collector.run(self._shelf.drop_session, session.session_id)
        for sheet in videos:
            async with self._collector.lock(f"{sheet.session_id}/{sheet.video_id}"):
                self._collector.whole.pop((sheet.session_id, sheet.video_id), None)
                await self._outward.forget(sheet.file_id)
        return len(videos)

    async def _expire(self, session: SessionSheet) -> None:
        videos = await self._videos(session.session_id)
        for sheet in videos:
            if sheet.step == "taking":
                await self._abandon(sheet)
        left = [sheet for sheet in await self._videos(session.session_id) if await self._lies_here(sheet)]
        if not left:
            await self._collector.run(self._shelf.drop_session, session.session_id)
            self.expired += 1

    async def _abandon(self, sheet: VideoSheet) -> None:
        async with self._collector.lock(f"{sheet.session_id}/{sheet.video_id}"):
            if sheet.session_id in self._collector.active:
                return
            size = await self._collector.run(self._shelf.size, sheet)
            await self._outward.tell_loss(sheet, reason=_ABANDONED, size_bytes=size)
            await self._collector.run(self._shelf.forget_upload, sheet)

    async def _lies_here(self, sheet: VideoSheet) -> bool:
        return sheet.step not in {"uploaded", "lost"} or bool(await self._collector.run(self._shelf.size, sheet))

    async def _videos(self, session_id: str) -> list[VideoSheet]:
        return await self._collector.run(lambda: list(self._shelf.videos(session_id)))

    def _note(self, session: SessionSheet) -> None:
        with suppress(FileNotFoundError):  # erased meanwhile
            self._shelf.note_session(session)
