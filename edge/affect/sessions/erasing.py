"""Erasing a participant: first here, then in the store, then told, and taken up again where a crash cut it short."""

import asyncio
from typing import Final

from contract.messages import Erasure
from edge.affect.sessions.consensus import Consensus
from edge.affect.sessions.folder.service import SessionFolders
from edge.affect.sessions.hall import Hall
from edge.affect.sessions.people import People
from edge.affect.sessions.room import Room
from edge.core.errors import StoreError

_SESSIONS_TOLD: Final = 500
"""Session ids that one record names: the longest of them fit into a message."""


class Erasing:
    """Belongs to the event loop."""

    def __init__(
        self,
        room: Room,
        people: People,
        hall: Hall,
        consensus: Consensus,
        folders: SessionFolders | None = None,
    ) -> None:
        self._room = room
        self._folders = folders
        self._people = people
        self._hall = hall
        self._consensus = consensus
        self._one_at_a_time = asyncio.Lock()

    async def erase(self, participant: str) -> Erasure:
        """Erase everything of them; raise `UnknownError`, or `StoreError` if it has to be gone on with later."""
        async with self._one_at_a_time:
            begun = any(name == participant for name, _, _ in await self._room.call(self._room.book.erasing))
            if not begun and not await self._is_known_elsewhere(participant):
                self._people.get(participant)
            return await self._erase(participant)

    async def resume(self) -> None:
        """Go on with what a crash or a full disk cut short; raise `StoreError` if it still cannot be done."""
        async with self._one_at_a_time:
            for participant, _, _ in await self._room.call(self._room.book.erasing):
                await self._erase(participant)

    async def _erase(self, participant: str) -> Erasure:
        """From the beginning, however far it came before: file, memory, store, and all who have to be told."""
        async with self._room.turn:
            await self._room.call(self._room.book.begin_erasing, participant)
            self._people.forget(participant)
            self._consensus.forget(participant)
            listed = await self._room.call(self._room.book.erasing)
            sessions, rows = next((found, count) for name, found, count in listed if name == participant)
            self._hall.drop(participant, sessions)
            self._room.needs.on_erased(participant)
        return await self._finish(participant, sessions, rows)

    async def _is_known_elsewhere(self, participant: str) -> bool:
        try:
            return await self._room.needs.elsewhere.knows(participant)
        except OSError as error:
            raise StoreError(f"what is kept of {participant} cannot be looked through: {error}") from error

    async def _erase_elsewhere(self, participant: str) -> int:
        try:
            return await self._room.needs.elsewhere.erase(participant)
        except OSError as error:
            raise StoreError(f"a file of {participant} could not be deleted, and is tried again: {error}") from error

    async def _finish(self, participant: str, sessions: list[str], rows: int) -> Erasure:
        await self._room.told_so_far()
        files = await self._erase_elsewhere(participant)
        files += await self._folders.erase(participant, sessions) if self._folders else 0
        records = await self._room.needs.records.erase(participant, sessions)
        chunks = [sessions[first : first + _SESSIONS_TOLD] for first in range(0, len(sessions), _SESSIONS_TOLD)] or [[]]
        told = [
            Erasure(
                participant=participant,
                sessions=chunk,
                records=records if chunk is chunks[0] else 0,
                files=files if chunk is chunks[0] else 0,
            )
            for chunk in chunks
        ]
        now = self._room.needs.clock.now()
        await self._room.call(self._room.book.end_erasing, participant, told, now)
        self._people.gone(participant)
        self._room.wake.set()
        return Erasure(participant=participant, sessions=sessions, records=records + rows, files=files)
