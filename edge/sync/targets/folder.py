"""A folder as object storage. Parts grow a hidden file beside the object, renamed when it is whole and true."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from edge.core.errors import LinkError
from edge.sync.targets.target import SLICE_BYTES, Object, ObjectDamagedError, Sending, UploadUnknownError

_ADVICE: Final = {
    errno.ENOSPC: "its disk is full",
    errno.EACCES: "it may not be written to: check its owner and mode",
    errno.EROFS: "it is mounted read-only",
    errno.ENOENT: "it is not there: is it mounted?",
    errno.ENOTCONN: "its mount is broken",
    errno.ESTALE: "its mount is stale",
}


class FolderTarget:
    """Objects are files under `folder`, which must exist unless `create`; an upload is one file `.<name>.<id>.part`."""

    def __init__(self, folder: Path, *, part_bytes: int, create: bool = False) -> None:
        self._folder = folder
        self._part_bytes = part_bytes
        self._create = create

    @property
    def part_bytes(self) -> int:
        """Bytes between two points of resumption."""
        return self._part_bytes

    def check(self) -> None:
        """The folder must be there and take files."""
        with self._errors():
            if self._create:
                self._folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
                self._folder.stat()
                raise PermissionError(errno.EACCES, "permission denied")

    def put(self, thing: Object, data: bytes, sending: Sending) -> None:
        """Write, sync and rename."""
        upload_id = self.begin(thing)
        self.put_part(thing, upload_id, 1, data, sending)
        self.complete(thing, upload_id, {1: ""})

    def begin(self, thing: Object) -> str:
        """Make the file that grows. The same object always has the same one, so that nothing is ever left over."""
        upload_id = thing.sha256[:16]
        with self._errors():
            if self._create:
                self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.stat()
            growing = self._growing(thing, upload_id)
            growing.parent.mkdir(parents=True, exist_ok=True)
            with growing.open("ab"):
                pass
        return upload_id

    def held(self, thing: Object, upload_id: str, tags: dict[int, str]) -> dict[int, str]:
        """Those that the file which grew is long enough for."""
        with self._errors(), self._open(thing, upload_id) as file:
            size = os.fstat(file).st_size
        last = -(-thing.size_bytes // self._part_bytes)
        ends = {number: thing.size_bytes if number == last else number * self._part_bytes for number in tags}
        return {number: tag for number, tag in tags.items() if ends[number] <= size}

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """Write at the part's offset and sync; the tag is the part's MD5."""
        offset = (number - 1) * self._part_bytes
        with self._errors(), self._open(thing, upload_id) as file:
            if os.fstat(file).st_size < offset:
                raise UploadUnknownError(f"{thing.key}: parts before {number} are gone from {self._folder}")
            for start in range(0, len(data), SLICE_BYTES):
                piece = data[start : start + SLICE_BYTES]
                _write_all(file, piece, offset + start)
                sending(start + len(piece))
            os.fsync(file)
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    def complete(self, thing: Object, upload_id: str, tags: dict[int, str]) -> None:
        """Check the whole file, then rename it and sync its folder."""
        growing, final = self._growing(thing, upload_id), self._final(thing)
        with self._errors():
            if not growing.exists():
                raise UploadUnknownError(f"{thing.key}: the upload is gone from {self._folder}")
            if not _is(growing, thing):
                growing.unlink()
                raise ObjectDamagedError(f"{thing.key}: what was written is not what was recorded")
            growing.replace(final)
            _sync_folder(final.parent)

    def abort(self, thing: Object, upload_id: str) -> None:
        """Delete the file that grew."""
        with self._errors():
            self._growing(thing, upload_id).unlink(missing_ok=True)

    def confirm(self, thing: Object) -> bool:
        """Read it back."""
        with self._errors():
            final = self._final(thing)
            return final.exists() and _is(final, thing)

    def close(self) -> None:
        """Nothing is held open."""

    def _final(self, thing: Object) -> Path:
        path = self._folder / thing.key
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise LinkError(f"{thing.key}: a key may not lead out of the folder")
        return path

    def _growing(self, thing: Object, upload_id: str) -> Path:
        final = self._final(thing)
        return final.with_name(f".{final.name}.{upload_id}.part")

    @contextmanager
    def _open(self, thing: Object, upload_id: str) -> Iterator[int]:
        try:
            file = os.open(self._growing(thing, upload_id), os.O_RDWR)
        except FileNotFoundError as error:
            raise UploadUnknownError(f"{thing.key}: the upload is gone from {self._folder}") from error
        try:
            yield file
        finally:
            os.close(file)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            advice = _ADVICE.get(error.errno or 0, error.strerror or str(error))
            raise LinkError(f"folder {self._folder}: {advice}") from error


def _write_all(file: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


def _is(path: Path, thing: Object) -> bool:
    if path.stat().st_size != thing.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == thing.sha256


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot sync a folder
            os.fsync(handle)
    finally:
        os.close(handle)
