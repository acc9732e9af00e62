"""Files that commands bring: kept until object storage has them, and never more than a few."""

import asyncio
import hashlib
import logging
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from contract.messages import File
from contract.objects import command_key
from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.files import sync_folder, write_private
from edge.core.service import Pulse
from edge.outbox.uploads import Uploads

MOST_FILES: Final = 16
MOST_BYTES: Final = 64 << 20
_NOTE: Final = ".note"
_BEAT_S: Final = 10.0
_log = logging.getLogger(__name__)


class RemoteFiles:
    """A folder with a file and its note for each command; also a `Service` that tidies it after a start.

    Belongs to the event loop; the disk is asked in threads. Without `uploads` the files stay here, the newest of them.
    """

    def __init__(
        self, folder: Path, *, device: str, clock: Clock, uploads: Uploads | None, repaired: bool = False
    ) -> None:
        """`repaired`: the store was, so what waits for an upload is offered again."""
        self.name = "remote-files"
        self.pulse = Pulse(clock)
        self._repaired = repaired
        self._folder = folder
        self._device = device
        self._clock = clock
        self._uploads = uploads
        self._turn = asyncio.Lock()

    async def keep(
        self,
        command_id: str,
        name: str,
        content: bytes,
        *,
        purpose: Literal["snapshot", "diagnostics"],
        media: str,
        camera: str | None = None,
    ) -> str:
        """Keep what a command brought, and offer it for upload; return its key, empty where nothing is uploaded.

        Done again after a kill it is told once. Raise `OSError` or `StoreError` if it cannot be kept.
        """
        body = File(
            file_id=_file_id(command_id),
            phase="closed",
            purpose=purpose,
            name=name,
            key=command_key(self._device, command_id, name),
            content_type=media,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            start_ms=self._clock.now().wall_ms,
            camera=camera,
            about={"command": command_id},
        )
        async with self._turn:
            if self._uploads and await self._uploads.phases(body.file_id):
                return await self._kept_key(body)
            await asyncio.to_thread(self._write, body, content)
            if self._uploads:
                await self._uploads.offer(body, self._path(body.file_id))
            await self._make_room()
        return body.key if self._uploads else ""

    def path_of(self, command_id: str) -> Path:
        """Where the file of a command lies here, while it does."""
        return self._path(_file_id(command_id))

    async def uploaded(self, file_id: str) -> None:
        """Object storage has a file of anybody's; one of these goes.

        What the disk does not let go now goes at the next start: whoever sends files to their end must not end by it.
        """
        if _is_ours(file_id):
            try:
                await asyncio.to_thread(self._delete, file_id)
            except OSError as error:
                _log.warning("a file of a command stays until the next start: %s", error)

    async def run(self) -> None:
        """Reconcile once; then there is nothing to do until cancelled."""
        reconciled = False
        while True:
            self.pulse.beat()
            if not reconciled:
                with suppress(StoreError, OSError):  # both say so themselves; the next look tries again
                    await self.reconcile()
                    reconciled = True
            await self._clock.sleep(_BEAT_S)

    async def reconcile(self) -> None:
        """After a start: files of which nobody was told, or that arrived, go. Raise `StoreError` or `OSError`."""
        async with self._turn:
            await self._reconcile()

    async def _reconcile(self) -> None:
        for body in await asyncio.to_thread(self._notes):
            phases = await self._uploads.phases(body.file_id) if self._uploads else {"closed"}
            if "closed" not in phases or phases & {"uploaded", "lost"}:
                await asyncio.to_thread(self._delete, body.file_id)
            elif self._repaired and self._uploads:
                await self._uploads.offer(body, self._path(body.file_id))

    async def _kept_key(self, body: File) -> str:
        """Under which an earlier attempt has told of it."""
        notes = await asyncio.to_thread(self._notes)
        return next((note.key for note in notes if note.file_id == body.file_id), body.key)

    async def _make_room(self) -> None:
        notes = sorted(await asyncio.to_thread(self._notes), key=lambda note: note.start_ms or 0, reverse=True)
        size = 0
        for place, body in enumerate(notes):
            size += body.size_bytes
            if place >= MOST_FILES or (size > MOST_BYTES and place):
                await self._give_up(body)

    async def _give_up(self, body: File) -> None:
        if self._uploads:
            try:
                await self._uploads.give_up(body, f"more than {MOST_FILES} files of commands waited for an upload")
            except StoreError as error:
                _log.warning("a file of a command stays for now: %s", error)
                return
        await asyncio.to_thread(self._delete, body.file_id)

    def _write(self, body: File, content: bytes) -> None:
        write_private(self._path(body.file_id), content)
        write_private(self._path(body.file_id + _NOTE), msgspec.json.encode(body))

    def _delete(self, file_id: str) -> None:
        """The note last: what has no note is found by nobody."""
        self._path(file_id).unlink(missing_ok=True)
        self._path(file_id + _NOTE).unlink(missing_ok=True)
        if self._folder.is_dir():
            sync_folder(self._folder)

    def _notes(self) -> list[File]:
        """Of every whole file; what a kill left without a note, or damaged, goes."""
        found = []
        for path in sorted(self._folder.glob("cmd-*")) if self._folder.is_dir() else []:
            if path.name.endswith(_NOTE):
                continue
            try:
                found.append(msgspec.json.decode(path.with_name(path.name + _NOTE).read_bytes(), type=File))
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
                self._delete(path.name)
        return found

    def _path(self, name: str) -> Path:
        return self._folder / name


def _file_id(command_id: str) -> str:
    """One file for each command."""
    return "cmd-" + hashlib.sha256(command_id.encode()).hexdigest()[:24]


def _is_ours(file_id: str) -> bool:
    return file_id.startswith("cmd-")
