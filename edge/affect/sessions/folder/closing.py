"""Closes the folder of a session that ended: what was kept elsewhere is put beside the journal, the videos are put in,
and a process of its own makes the tables. May be cut at any step and begun again."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.messages import Prediction, Record
from contract.times import from_wire
from edge.affect.sessions.folder.cabinet import Cabinet
from edge.affect.sessions.folder.convert import CLOSING
from edge.affect.sessions.folder.entries import Entry, Labelled, Marked, Predicted, pack
from edge.affect.sessions.folder.journal import JournalWriter
from edge.affect.sessions.folder.layout import Film, SessionNote, read_note
from edge.affect.sessions.folder.ports import FolderNeeds, SessionVideo
from edge.affect.sessions.folder.settings import FolderSettings
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.room import Room
from edge.core.errors import StoreError

Call = Callable[..., Awaitable[Any]]
"""Runs blocking work in the thread of the folders."""
_PAGE: Final = 1000
_LOOK_S: Final = 1.0
_WORDS: Final = 500
_log = logging.getLogger(__name__)


class Closing:
    """Belongs to the event loop. Raises `StoreError` or `OSError` where it has to be begun again."""

    def __init__(
        self, room: Room, cabinet: Cabinet, *, settings: FolderSettings, needs: FolderNeeds, call: Call
    ) -> None:
        self._room = room
        self._cabinet = cabinet
        self._settings = settings
        self._needs = needs
        self._call = call

    async def run(self, name: str, note: SessionNote, host_boot: str) -> SessionNote:
        """Make the folder whole; its note then."""
        folder = self._cabinet.folder / name
        if note.state == "running":
            kept = await self._room.call(self._room.book.session, note.session_id)
            if kept and kept.end_ms is None:
                raise StoreError(f"the end of session {note.session_id} is not kept yet")
            await self._put_beside(folder, note)
            closed = self._closed(note, kept, host_boot)
            films = await self._films(name, closed)
            await self._call(self._cabinet.note, name, msgspec.structs.replace(closed, videos=films))
        await self._make_tables(folder)
        made = await self._call(read_note, folder)
        if made is None or made.state != "whole":
            raise StoreError(f"the tables of session {note.session_id} were not made")
        whole: SessionNote = made
        return whole

    async def _put_beside(self, folder: Path, note: SessionNote) -> None:
        draft = folder / f".{CLOSING}"
        await self._call(draft.unlink, missing_ok=True)
        journal = JournalWriter(draft)
        try:
            async for entries in self._elsewhere(note):
                await self._call(journal.append, pack(entries))
        finally:
            await self._call(journal.close)
        await self._call(draft.replace, folder / CLOSING)

    async def _elsewhere(self, note: SessionNote) -> AsyncIterator[Sequence[Entry]]:
        """What the desk's file and the store have of a session, page by page."""
        book, after = self._room.book, (-1, "")
        while labels := await self._room.call(book.label_page, note.session_id, after, _PAGE):
            after = labels[-1].at_ms, labels[-1].label_id
            yield [Labelled(one) for one in labels]
        yield [Marked(one) for one in await self._room.call(book.markers, note.session_id)]
        row, records = 0, self._room.needs.records
        while page := await records.of_subject(note.session_id, kind="prediction", after=row, limit=_PAGE):
            row = page[-1][0]
            yield [Predicted(as_told(one.body, one, note)) for _, one in page if isinstance(one.body, Prediction)]

    def _closed(self, note: SessionNote, kept: KeptSession | None, host_boot: str) -> SessionNote:
        """The note with the end of the session, by a clock that is trusted now if it was not then."""
        now, shift = self._room.needs.clock.now(), 0
        correctable = note.clock == "untrusted" and now.trusted and host_boot == note.host_boot != ""
        if correctable:
            shift = round(now.wall_ms - (now.mono_ns / 1e6 - note.start_mono_ms)) - note.start_ms
        end_ms = kept.end_ms if kept else None
        pieces = kept.pieces if kept else []
        return msgspec.structs.replace(
            note,
            state="closing",
            clock="corrected" if correctable else note.clock,
            clock_shift_ms=shift,
            start_ms=note.start_ms + shift,
            end_ms=None if end_ms is None else end_ms + shift,
            end_mono_ms=None if end_ms is None else note.start_mono_ms + end_ms - note.start_ms,
            reason=kept.reason if kept else "",
            stimulus_clock=[msgspec.structs.replace(one, at_ms=one.at_ms + shift) for one in pieces],
        )

    async def _films(self, name: str, note: SessionNote) -> list[Film]:
        """The videos of the session, once all are whole, or as many as are after a time."""
        if not note.cameras:
            return []
        waited_s, (videos, whole) = 0.0, await self._call(self._videos, note.session_id)
        while not whole and waited_s < self._settings.video_wait_s:
            await self._room.needs.clock.sleep(_LOOK_S)
            waited_s, (videos, whole) = waited_s + _LOOK_S, await self._call(self._videos, note.session_id)
        return [await self._call(self._cabinet.put_video, name, note, one) for one in _in_order(videos)]

    def _videos(self, session_id: str) -> tuple[Sequence[SessionVideo], bool]:
        """What was recorded, and whether all of it is whole and lies where it will."""
        videos = self._needs.cameras.recordings(session_id)
        return videos, all(one.whole and one.path.exists() for one in videos)

    async def _make_tables(self, folder: Path) -> None:
        """Where the system kills the process that makes them, for memory is short, as CSV: that needs a sixth of it."""
        for form in dict.fromkeys((self._settings.format, "csv")):
            if await self._convert(folder, form):
                return
            _log.warning("the process that made the tables of %s as %s was killed", folder.name, form)
        raise StoreError("the tables of a session were not made: the process was killed, perhaps for lack of memory")

    async def _convert(self, folder: Path, form: str) -> bool:
        """Whether they were made; not if the process was killed. Raise `StoreError` if it failed by itself."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edge.affect.sessions.folder.convert",
            str(folder),
            form,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, words = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if (process.returncode or 0) > 0:
            said = words.decode(errors="replace").strip()[-_WORDS:]
            raise StoreError(f"the tables of a session were not made: {said or f'ended with {process.returncode}'}")
        return process.returncode == 0


def _in_order(videos: Sequence[SessionVideo]) -> list[SessionVideo]:
    return sorted((one for one in videos if one.whole), key=lambda one: (one.start_ms, one.camera))


def as_told(body: Prediction, record: Record, note: SessionNote) -> Prediction:
    """A prediction by the session's own clock: the store may have put its times right since."""
    if record.clock != "corrected":
        return body
    back = round(note.start_ms - note.start_mono_ms) - (from_wire(record.t) - record.mono_ms)
    return msgspec.structs.replace(body, start_ms=body.start_ms + back, end_ms=body.end_ms + back)
