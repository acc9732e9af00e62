"""What can be watched: stimuli with their numbers (X.24) and, where they were uploaded, their video files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from contract.errors import InvalidIdError
from contract.ids import check_id
from contract.sessions import Stimulus
from edge.affect.sessions.room import Room, plain_text
from edge.affect.sessions.video_file import Bounds, Upload
from edge.core.errors import RefusedError, UnknownError

_SHOWN: Final = 10


class Shelf:
    """All stimuli, in memory as on the disk. Belongs to the event loop; changes happen in the room's turn."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._folder = room.folder / "videos"
        self._known: dict[str, tuple[Stimulus, str | None]] = {}

    async def load(self) -> None:
        """Read what is there, make what the settings number, and delete files that belong to nothing."""
        book = self._room.book
        self._known = {one.id: (one, file) for one, file in await self._room.call(book.stimuli)}
        seeded = await self._room.call(book.seeded)
        for number, duration_ms in enumerate(self._room.settings.numbered_ms, start=1):
            if number not in seeded:
                await self._seed(number, duration_ms)
        await asyncio.to_thread(self._sweep)

    def all(self) -> list[Stimulus]:
        """By id."""
        return [self._known[key][0] for key in sorted(self._known)]

    def get(self, stimulus: str) -> Stimulus:
        """One; raise `UnknownError`."""
        if stimulus not in self._known:
            there = ", ".join(sorted(self._known)[:_SHOWN]) or "none yet"
            raise UnknownError(f"there is no stimulus {stimulus!r:.80}: there are {there}")
        return self._known[stimulus][0]

    def numbered(self, number: int) -> Stimulus:
        """The one of that S0 video id; raise `UnknownError`."""
        found = next((one for one, _ in self._known.values() if one.number == number), None)
        if found is None:
            there = sorted(one.number for one, _ in self._known.values() if one.number is not None)[:_SHOWN]
            raise UnknownError(f"there is no video {number}: there are {there}")
        return found

    def problem(self, stimulus: Stimulus) -> str:
        """Why it cannot be watched; empty if it can."""
        if stimulus.kind == "file" and self.video_of(stimulus.id) is None:
            return f"the video of {stimulus.id} is not there"
        return ""

    def video_of(self, stimulus: str) -> Path | None:
        """Its video file, if that is there; raise `UnknownError`."""
        self.get(stimulus)
        file = self._known[stimulus][1]
        path = self._folder / file if file else None
        return path if path and path.is_file() else None

    async def put(self, stimulus: Stimulus) -> Stimulus:
        """Make or change one; raise `RefusedError`."""
        _check(stimulus)
        known, file = self._known.get(stimulus.id, (None, None))
        if known is None and len(self._known) >= self._room.settings.max_stimuli:
            raise RefusedError(f"{len(self._known)} stimuli are kept already: remove one, or raise max_stimuli")
        other = next((one for one, _ in self._known.values() if one.number == stimulus.number), None)
        if stimulus.number is not None and other and other.id != stimulus.id:
            raise RefusedError(f"number {stimulus.number} is that of stimulus {other.id}: choose another")
        made = msgspec.structs.replace(
            stimulus,
            title=plain_text(stimulus.title, 200),
            size_bytes=known.size_bytes if known else None,
            sha256=known.sha256 if known else None,
        )
        await self._keep(made, file)
        return made

    async def put_video(self, stimulus: str, chunks: AsyncIterator[bytes], size_bytes: int | None) -> Stimulus:
        """Take its video file in. Takes the room's turn itself, once the file is there."""
        self.get(stimulus)
        settings = self._room.settings
        free = await asyncio.to_thread(self._room.needs.free_bytes, self._room.folder)
        bounds = Bounds(most_bytes=settings.max_video_bytes, room_bytes=free - settings.keep_free_bytes)
        taken = await Upload(self._folder, stimulus, size_bytes=size_bytes, bounds=bounds).take(chunks)
        async with self._room.turn:
            if stimulus not in self._known:
                await asyncio.to_thread(taken.path.unlink, missing_ok=True)
                raise UnknownError(f"stimulus {stimulus} was removed meanwhile")
            known, before = self._known[stimulus]
            made = msgspec.structs.replace(known, kind="file", size_bytes=taken.size_bytes, sha256=taken.sha256)
            await self._keep(made, taken.path.name)
            if before and before != taken.path.name:
                await asyncio.to_thread(self._drop, before)
        return made

    async def remove(self, stimulus: str) -> None:
        """Forget it and its file; raise `UnknownError`."""
        self.get(stimulus)
        await self._room.call(self._room.book.remove_stimulus, stimulus)
        _, file = self._known.pop(stimulus)
        if file:
            await asyncio.to_thread(self._drop, file)

    async def _keep(self, stimulus: Stimulus, file: str | None) -> None:
        await self._room.call(self._room.book.put_stimulus, stimulus, file)
        self._known[stimulus.id] = stimulus, file

    async def _seed(self, number: int, duration_ms: int) -> None:
        made = Stimulus(
            id=f"video-{number}", title=f"Video {number}", kind="external", number=number, duration_ms=duration_ms
        )
        taken = any(one.number == made.number or one.id == made.id for one, _ in self._known.values())
        await self._room.call(self._room.book.seed, number, None if taken else made)
        if not taken:
            self._known[made.id] = made, None

    def _sweep(self) -> None:
        """What a crash left between a file's name and its row, and uploads that were cut."""
        wanted = {file for _, file in self._known.values()}
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            if path.name not in wanted and not path.is_dir():
                self._drop(path.name)

    def _drop(self, file: str) -> None:
        """Delete a file that belongs to nothing any more; where the disk refuses, the next start does."""
        with suppress(OSError):
            (self._folder / file).unlink()


def _check(stimulus: Stimulus) -> None:
    try:
        check_id(stimulus.id, "stimulus")
    except InvalidIdError as error:
        raise RefusedError(str(error)) from error
