"""Offers the files of a whole folder for upload, and knows when all of them have arrived."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from contract.messages import File, Loss
from contract.objects import session_key
from edge.affect.sessions.folder.cabinet import Cabinet
from edge.affect.sessions.folder.convert import digest_of
from edge.affect.sessions.folder.layout import NOTE, SessionNote, Table
from edge.affect.sessions.folder.losses import Losses
from edge.affect.sessions.folder.naming import file_id
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.affect.sessions.room import Room

EVICTED: Final = "the disk ran short"
Call = Callable[..., Awaitable[Any]]


class Sending:
    """Belongs to the event loop. Raises `StoreError` or `OSError` where it has to be begun again."""

    def __init__(self, room: Room, cabinet: Cabinet, *, needs: FolderNeeds, call: Call) -> None:
        self._room = room
        self._cabinet = cabinet
        self._needs = needs
        self._call = call
        self._losses = Losses(room.needs.sink)
        self._awaited: dict[str, str] = {}
        self._arrived: list[str] = []

    @property
    def news(self) -> bool:
        """Whether something arrived that is not noted yet."""
        return bool(self._arrived)

    async def offer(self, name: str, note: SessionNote) -> None:
        """Offer every table, the note last: whoever finds it in the storage finds the rest. Does nothing twice."""
        uploads = self._needs.uploads
        if uploads is None:
            return
        for table in await self._files(name, note):
            wanted = file_id(note.device, name, note.start_ms, table.name)
            if "uploaded" not in await uploads.phases(wanted):
                self._awaited[wanted] = name
                await uploads.offer(_file(wanted, name, note, table), self._cabinet.folder / name / table.name)
        if name not in self._awaited.values():
            await self._call(self._cabinet.mark_sent, name)

    def uploaded(self, wanted: str) -> None:
        """A file of anybody's is confirmed in object storage."""
        name = self._awaited.pop(wanted, None)
        if name is not None and name not in self._awaited.values():
            self._arrived.append(name)

    async def note_arrived(self) -> None:
        """Note the folders of which everything arrived."""
        while self._arrived:
            name = self._arrived.pop()
            if (self._cabinet.folder / name).is_dir():
                await self._call(self._cabinet.mark_sent, name)

    async def forget(self, name: str, note: SessionNote) -> int:
        """Send nothing more of a folder; of how many files that is."""
        wanted = list(_ids(name, note))
        for one in wanted:
            self._awaited.pop(one, None)
            if self._needs.uploads:
                await self._needs.uploads.forget(one)
        return len(wanted)

    async def give_up(self, name: str, note: SessionNote, why: str) -> None:
        """Make a `Loss` durable for each file that is nowhere else, once, however often this is begun again."""
        for table in await self._files(name, note):
            wanted = file_id(note.device, name, note.start_ms, table.name)
            told = await self._needs.uploads.phases(wanted) if self._needs.uploads else await self._told(wanted)
            if not told & {"uploaded", "lost"}:
                loss = Loss(what="file", reason=why, count=1, size_bytes=table.size_bytes, file_id=wanted)
                await self._losses.append(loss)

    async def _told(self, wanted: str) -> frozenset[str]:
        found = await self._room.needs.records.of_subject(wanted, kind="loss", limit=1)
        return frozenset({"lost"} if found else ())

    async def _files(self, name: str, note: SessionNote) -> list[Table]:
        size, digest = await self._call(digest_of, self._cabinet.folder / name / NOTE)
        itself = Table(name=NOTE, content_type="application/json", rows=0, size_bytes=size, sha256=digest)
        return [*note.files, itself]


def _ids(name: str, note: SessionNote) -> Iterator[str]:
    for one in (*(table.name for table in note.files), NOTE):
        yield file_id(note.device, name, note.start_ms, one)


def _file(wanted: str, name: str, note: SessionNote, table: Table) -> File:
    return File(
        file_id=wanted,
        phase="closed",
        purpose="session",
        name=table.name,
        key=session_key(note.device, name, table.name),
        content_type=table.content_type,
        size_bytes=table.size_bytes,
        sha256=table.sha256,
        start_ms=note.start_ms,
        end_ms=note.end_ms,
        session_id=note.session_id,
        participant=note.participant,
        about={"layout": str(note.layout), "rows": str(table.rows)},
    )
