"""What a running session delivered, durable within seconds: frames appended to one file, each with a check of its own.

A power cut may tear the last frame, and a bad card may spoil one in the middle: a reader leaves out what does not
check, goes on at the next frame that does, and says how many bytes it left out.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

MAGIC: Final = b"\xafJ1\n"
_HEAD: Final = struct.Struct("<4sII")
LARGEST: Final = 16 << 20
"""Bytes of one frame; what claims to be longer is no frame."""
_BLOCK: Final = 1 << 20


class JournalWriter:
    """One file that only grows. Its methods block and raise `OSError`; a frame is durable when `append` returns."""

    def __init__(self, path: Path) -> None:
        """The file is opened, or made, at the first frame. What a cut left at its end stays; readers leave it out."""
        self._path = path
        self._file: int | None = None
        self._size = 0

    @property
    def size_bytes(self) -> int:
        """How long it is, once something was appended."""
        return self._size

    def append(self, payload: bytes) -> int:
        """Write and sync one frame of at most `LARGEST` bytes; the bytes that took. After an error nothing is added."""
        file = self._opened()
        frame = _HEAD.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload
        try:
            _write_all(file, frame, self._size)
            os.fsync(file)
        except OSError:
            os.ftruncate(file, self._size)
            raise
        self._size += len(frame)
        return len(frame)

    def close(self) -> None:
        """Let go of it; another frame would open it again."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._size = os.lseek(self._file, 0, os.SEEK_END)
        return self._file


class JournalReader:
    """Goes through a journal once. `torn_bytes` and `frames` are right when it has come to the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.torn_bytes = 0
        self.frames = 0

    def __iter__(self) -> Iterator[bytes]:
        """The payload of each frame that checks, in order; nothing of a file that is not there."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            yield from self._frames(file, os.fstat(file.fileno()).st_size)

    def _frames(self, file: BinaryIO, size: int) -> Iterator[bytes]:
        at = 0
        while at < size:
            payload = _frame_at(file, at)
            if payload is None:
                following = _next_magic(file, at + 1, size)
                self.torn_bytes += following - at
                at = following
            else:
                self.frames += 1
                at += _HEAD.size + len(payload)
                yield payload


def _frame_at(file: BinaryIO, at: int) -> bytes | None:
    file.seek(at)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, length, check = _HEAD.unpack(head)
    if magic != MAGIC or length > LARGEST:
        return None
    payload = file.read(length)
    return payload if len(payload) == length and zlib.crc32(payload) == check else None


def _next_magic(file: BinaryIO, at: int, size: int) -> int:
    """Where the next frame may begin; the end of the file if nowhere."""
    while at < size:
        file.seek(at)
        block = file.read(_BLOCK)
        found = block.find(MAGIC)
        if found >= 0:
            return at + found
        if len(block) < len(MAGIC) or at + len(block) >= size:
            return size
        at += len(block) - len(MAGIC) + 1
    return size


def _write_all(file: int, data: bytes, at: int) -> None:
    """A disk that is nearly full takes a part."""
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written
