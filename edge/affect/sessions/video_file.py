"""Takes a video file in, piece by piece: bounded, looked at, digested, and there as a whole or not at all."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from edge.core.errors import RefusedError, StoreError

HEAD_BYTES: Final = 64
DRAFT_SUFFIX: Final = ".part"
_EBML: Final = b"\x1a\x45\xdf\xa3"
"""The first element of Matroska and WebM (RFC 8794); its DocType tells them apart."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What an upload may take."""

    most_bytes: int
    room_bytes: int
    """What the disk can spare."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file as it lies on the disk."""

    path: Path
    size_bytes: int
    sha256: str


def container_of(head: bytes) -> str | None:
    """The suffix of the container whose file begins with `head` (64 bytes do): mp4, webm, mkv, or None."""
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] != _EBML:
        return None
    if b"\x42\x82\x84webm" in head:
        return "webm"
    return "mkv" if b"\x42\x82\x88matroska" in head else None


class Upload:
    """One file on its way into `folder`, to be named `name`, its digest and its suffix."""

    def __init__(self, folder: Path, name: str, *, size_bytes: int | None, bounds: Bounds) -> None:
        """`size_bytes`: how long it is to be, where that is known."""
        self._folder = folder
        self._name = name
        self._expected = size_bytes
        self._bounds = bounds
        self._draft = folder / f".{name}.{secrets.token_hex(8)}{DRAFT_SUFFIX}"

    async def take(self, chunks: AsyncIterator[bytes]) -> Taken:
        """Write it durably.

        Raise `RefusedError` if it is too large, no video, or other than it was said to be; `StoreError` if the disk
        fails. Then nothing is left of it.
        """
        if self._expected is not None:
            _check_size(self._expected, self._bounds)
        try:
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
            with await asyncio.to_thread(self._draft.open, "xb") as file:
                return await self._fill(file, chunks)
        except OSError as error:
            raise StoreError(f"the video was not kept: {error.strerror or error}") from error
        finally:
            await asyncio.to_thread(self._draft.unlink, missing_ok=True)

    async def _fill(self, file: BinaryIO, chunks: AsyncIterator[bytes]) -> Taken:
        head, size, digest = b"", 0, hashlib.sha256()
        async for chunk in chunks:
            size += len(chunk)
            _check_size(size, self._bounds)
            head += chunk[: HEAD_BYTES - len(head)]
            if len(head) == HEAD_BYTES and container_of(head) is None:
                break
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
        suffix = container_of(head)
        if suffix is None:
            raise RefusedError("this is no MP4, WebM or Matroska video: convert it to one of these")
        if self._expected not in {None, size}:
            raise RefusedError(f"{size} bytes came of {self._expected}: send it again")
        path = self._folder / f"{self._name}.{digest.hexdigest()[:16]}.{suffix}"
        await asyncio.to_thread(_settle, file, self._draft, path)
        return Taken(path, size, digest.hexdigest())


def _check_size(size: int, bounds: Bounds) -> None:
    if size > bounds.most_bytes:
        raise RefusedError(f"a video may have {bounds.most_bytes} bytes: make it smaller, or raise max_video_bytes")
    if size > bounds.room_bytes:
        raise RefusedError(f"the disk can spare {max(0, bounds.room_bytes)} bytes: delete stimuli or recordings first")


def _settle(file: BinaryIO, draft: Path, path: Path) -> None:
    """Durable under its own name, whatever happens next."""
    file.flush()
    os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
