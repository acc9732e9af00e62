"""A folder as object storage. Parts grow a hidden file beside the object, renamed when it is whole and true."""

import errno
import hashlib
import os
import re
import stat
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
_IN_PLACE: Final = "something else stands in the place of"
_ADVICE: Final = {
    errno.ENOSPC: "its disk is full",
    errno.EDQUOT: "its quota is used up",
    errno.EACCES: "it may not be written to: check its owner and mode",
    errno.EROFS: "it is mounted read-only",
    errno.ENOENT: "it is not there: is it mounted?",
    errno.ENOTCONN: "its mount is broken",
    errno.ESTALE: "its mount is stale",
    errno.EIO: "its disk fails",
    errno.ELOOP: "a link, or a circle of links, stands in the place of",
    errno.ENOTDIR: _IN_PLACE,
    errno.EISDIR: _IN_PLACE,
    errno.EEXIST: _IN_PLACE,
    errno.ENXIO: _IN_PLACE,
}


class FolderTarget:
    """Objects are files under `folder`, which must exist unless `create`; an upload is one file `.<name>.<id>.part`.

    With `mounted` the folder must lie on a mount other than the system's: an empty mount point is no folder then.
    """

    def __init__(self, folder: Path, *, part_bytes: int, create: bool = False, mounted: bool = False) -> None:
        self._folder = folder
        self._part_bytes = part_bytes
        self._create = create
        self._mounted = mounted

    @property
    def part_bytes(self) -> int:
        """Bytes between two points of resumption."""
        return self._part_bytes

    def check(self) -> None:
        """The folder must be there and take files."""
        with self._within():
            if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def put(self, thing: Object, data: bytes, sending: Sending) -> None:
        """Write, sync and rename."""
        upload_id = self.begin(thing)
        self.put_part(thing, upload_id, 1, data, sending)
        self.complete(thing, upload_id, {1: ""})

    def begin(self, thing: Object) -> str:
        """Make the file that grows. The same key always has the same one, so that nothing is ever left over."""
        upload_id = hashlib.sha256(thing.key.encode()).hexdigest()[:16]
        with self._within():
            growing = self._growing(thing.key, upload_id)
            growing.parent.mkdir(parents=True, exist_ok=True)
            with _opened(growing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
                pass
        return upload_id

    def held(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> dict[int, str]:
        """Those whose bytes in the file which grew have the MD5 that is their tag."""
        with self._within(), self._open(thing, upload_id) as file:
            size, step = max(thing.size_bytes, os.fstat(file).st_size), self._step(thing)
            return {number: tag for number, tag in tags.items() if _part_digest(file, number, size, step) == tag}

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """Write at the part's offset and sync; the tag is the part's MD5."""
        offset = (number - 1) * self._step(thing)
        with self._within(), self._open(thing, upload_id) as file:
            for start in range(0, len(data), SLICE_BYTES):
                piece = data[start : start + SLICE_BYTES]
                _write_all(file, piece, offset + start)
                sending(start + len(piece))
            os.fsync(file)
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    def complete(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> None:
        """Check the whole file, then rename it and sync its folder."""
        with self._within():
            growing, final = self._growing(thing.key, upload_id), self._final(thing.key)
            if not growing.exists():
                raise UploadUnknownError(f"{thing.key}: the upload is gone from {self._folder}")
            if not _is(growing, thing):
                growing.unlink()
                raise ObjectDamagedError(f"{thing.key}: what was written is not what was recorded")
            growing.replace(final)
            _sync_folder(final.parent)

    def abort(self, key: str, upload_id: str) -> None:
        """Delete the file that grew."""
        with self._within():
            self._growing(key, upload_id).unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """Delete the file, and sync its folder."""
        with self._within(), suppress(FileNotFoundError, NotADirectoryError):
            final = self._final(key)
            final.unlink()
            _sync_folder(final.parent)

    def confirm(self, thing: Object, tags: Mapping[int, str]) -> bool:
        """Read it back."""
        with self._within():
            final = self._final(thing.key)
            return final.exists() and _is(final, thing)

    def abandoned(self, prefix: str, older_than_s: float) -> list[Abandoned]:
        """Files that nothing was written to for so long, by the file system's own clock."""
        with self._within():
            folder = self._final(prefix.rpartition("/")[0] or ".")
            if not folder.is_dir():
                return []
            latest = _now_of(folder) - older_than_s
            found = ((path, _GROWING.fullmatch(path.name)) for path in folder.rglob(".*.part"))
            old = [(path, name) for path, name in found if name and _written_before(path, latest)]
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
        try:
            inside = path.resolve().is_relative_to(self._folder.resolve())
        except RuntimeError as error:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error
        if not inside:
            raise LinkError(f"{key}: a key may not lead out of the folder")
        return path

    def _growing(self, key: str, upload_id: str) -> Path:
        final = self._final(key)
        return final.with_name(f".{final.name}.{upload_id}.part")

    @contextmanager
    def _open(self, thing: Object, upload_id: str) -> Iterator[int]:
        try:
            with _opened(self._growing(thing.key, upload_id), os.O_RDWR) as file:
                yield file
        except FileNotFoundError as error:
            raise UploadUnknownError(f"{thing.key}: the upload is gone from {self._folder}") from error

    @contextmanager
    def _within(self) -> Iterator[None]:
        """The folder is there; whatever fails of it is a `LinkError`."""
        try:
            self._look()
            yield
        except OSError as error:
            advice = _ADVICE.get(error.errno or 0, error.strerror or str(error))
            where = f" {error.filename}" if advice.endswith(" of") else ""
            raise LinkError(f"folder {self._folder}: {advice}{where}") from error
        except ValueError as error:
            raise LinkError(f"folder {self._folder}: {error}") from error

    def _look(self) -> None:
        if self._create and not os.path.lexists(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        if not stat.S_ISDIR(self._folder.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self._folder))
        if self._mounted and not any(map(os.path.ismount, _up_to_root(self._folder))):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._folder))


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    """A file and nothing else: neither a pipe, which would be waited for, nor a link to somewhere else."""
    file = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        yield file
    finally:
        os.close(file)


def _up_to_root(folder: Path) -> list[Path]:
    """It and what it lies in, but not the root: that is the system's own."""
    whole = folder.resolve()
    return [whole, *whole.parents][:-1]


def _written_before(path: Path, moment: float) -> bool:
    """False of what ended meanwhile."""
    try:
        return path.lstat().st_mtime < moment
    except FileNotFoundError:
        return False


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
    with _opened(path, os.O_RDONLY) as handle, open(handle, "rb", closefd=False) as file:
        if os.fstat(handle).st_size != thing.size_bytes:
            return False
        return hashlib.file_digest(file, "sha256").hexdigest() == thing.sha256


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot sync a folder
            os.fsync(handle)
    finally:
        os.close(handle)
