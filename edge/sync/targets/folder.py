"""A folder as object storage. Parts grow a hidden file beside the object, renamed when it is whole and true."""

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from edge.core.errors import LinkError
from edge.sync.targets.target import (
    SLICE_BYTES,
    Abandoned,
    Object,
    ObjectDamagedError,
    Sending,
    UploadUnknownError,
)

_GROWING: Final = re.compile(r"\.(?P<name>.+)\.(?P<upload_id>[0-9a-f]{16})\.part")
_READ_BYTES: Final = 1 << 20
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
        """Make the file that grows. The same key always has the same one, so that nothing is ever left over."""
        upload_id = hashlib.sha256(thing.key.encode()).hexdigest()[:16]
        with self._errors():
            if self._create:
                self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.stat()
            growing = self._growing(thing.key, upload_id)
            growing.parent.mkdir(parents=True, exist_ok=True)
            with growing.open("wb"):
                pass
        return upload_id

    def held(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> dict[int, str]:
        """Those whose bytes in the file which grew have the MD5 that is their tag."""
        with self._errors(), self._open(thing, upload_id) as file:
            size, step = max(thing.size_bytes, os.fstat(file).st_size), self._step(thing)
            return {number: tag for number, tag in tags.items() if _part_digest(file, number, size, step) == tag}

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """Write at the part's offset and sync; the tag is the part's MD5."""
        offset = (number - 1) * self._step(thing)
        with self._errors(), self._open(thing, upload_id) as file:
            for start in range(0, len(data), SLICE_BYTES):
                piece = data[start : start + SLICE_BYTES]
                _write_all(file, piece, offset + start)
                sending(start + len(piece))
            os.fsync(file)
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    def complete(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> None:
        """Check the whole file, then rename it and sync its folder."""
        growing, final = self._growing(thing.key, upload_id), self._final(thing.key)
        with self._errors():
            if not growing.exists():
                raise UploadUnknownError(f"{thing.key}: the upload is gone from {self._folder}")
            if not _is(growing, thing):
                growing.unlink()
                raise ObjectDamagedError(f"{thing.key}: what was written is not what was recorded")
            growing.replace(final)
            _sync_folder(final.parent)

    def abort(self, key: str, upload_id: str) -> None:
        """Delete the file that grew."""
        with self._errors():
            self._growing(key, upload_id).unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """Delete the file, and sync its folder."""
        with self._errors(), suppress(FileNotFoundError, NotADirectoryError):
            final = self._final(key)
            final.unlink()
            _sync_folder(final.parent)

    def confirm(self, thing: Object, tags: Mapping[int, str]) -> bool:
        """Read it back."""
        with self._errors():
            final = self._final(thing.key)
            return final.exists() and _is(final, thing)

    def abandoned(self, prefix: str, older_than_s: float) -> list[Abandoned]:
        """Files that nothing was written to for so long, by the file system's own clock."""
        with self._errors():
            folder = self._final(prefix.rpartition("/")[0] or ".")
            if not folder.is_dir():
                return []
            latest = _now_of(folder) - older_than_s
            found = ((path, _GROWING.fullmatch(path.name)) for path in folder.rglob(".*.part"))
            old = [(path, name) for path, name in found if name and path.stat().st_mtime < latest]
            keys = [Abandoned(self._key_beside(path, name["name"]), name["upload_id"]) for path, name in old]
            return [left for left in keys if left.key.startswith(prefix)]

    def close(self) -> None:
        """Nothing is held open."""

    def _step(self, thing: Object) -> int:
        return thing.part_bytes or self._part_bytes

    def _key_beside(self, growing: Path, name: str) -> str:
        return growing.with_name(name).relative_to(self._folder).as_posix()

    def _final(self, key: str) -> Path:
        path = self._folder / key
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise LinkError(f"{key}: a key may not lead out of the folder")
        return path

    def _growing(self, key: str, upload_id: str) -> Path:
        final = self._final(key)
        return final.with_name(f".{final.name}.{upload_id}.part")

    @contextmanager
    def _open(self, thing: Object, upload_id: str) -> Iterator[int]:
        try:
            file = os.open(self._growing(thing.key, upload_id), os.O_RDWR)
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


def _part_digest(file: int, number: int, size: int, part_bytes: int) -> str:
    digest, offset = hashlib.md5(usedforsecurity=False), (number - 1) * part_bytes
    end = min(offset + part_bytes, size)
    while offset < end and (piece := os.pread(file, min(_READ_BYTES, end - offset), offset)):
        digest.update(piece)
        offset += len(piece)
    return digest.hexdigest()


def _now_of(folder: Path) -> float:
    """What the file system calls now: a share's clock may differ from ours, and ours may be wrong."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime


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
