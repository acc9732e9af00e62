"""Puts a video together from its chunks, so that a reader or the next start finds all of it or nothing of it."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from msgspec.structs import replace

from edge.collecting.kinds import HEAD_BYTES, extension_of
from edge.collecting.sheets import VideoSheet
from edge.collecting.shelf import Shelf
from edge.core.files import sync_folder

_BLOCK: Final = 256 * 1024
_DIGEST_BYTES: Final = 32
_SYNC_EVERY: Final = 32 << 20
"""Bytes: a single sync of a large video would hold up for a minute whoever else wants the disk."""
Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Whole:
    size_bytes: int
    sha256: str


def assemble(shelf: Shelf, sheet: VideoSheet, done_ms: int, progress: Progress = lambda: None) -> VideoSheet:
    """Make the whole video of chunks that are all held, then delete them; return its sheet, at step `whole`.

    A large one takes minutes on a slow card: `progress` is called now and then, in the thread that does the work.
    May be killed between any two steps and done again: chunks go only after the sheet says `whole`. Raise `OSError`.
    """
    with shelf.chunk(sheet, 0).open("rb") as first:
        named = replace(sheet, extension=extension_of(first.read(HEAD_BYTES), sheet.told_extension))
    path = shelf.path(named)
    draft = path.with_name(f".{path.name}.draft")
    try:
        whole = _join(shelf, named, draft, progress)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    noted = shelf.note(replace(named, step="whole", done_ms=done_ms, size_bytes=whole.size_bytes, sha256=whole.sha256))
    shelf.drop_chunks(noted)
    return noted


def digest_of(shelf: Shelf, sheet: VideoSheet, index: int) -> bytes:
    """The SHA-256 of a chunk that is held, or was when the video was put together; raise `OSError`."""
    if sheet.step == "taking":
        with shelf.chunk(sheet, index).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    with shelf.digests(sheet).open("rb") as file:
        file.seek(index * _DIGEST_BYTES)
        return file.read(_DIGEST_BYTES)


def _join(shelf: Shelf, sheet: VideoSheet, draft: Path, progress: Progress) -> _Whole:
    """Every chunk in its order into `draft`, and their digests beside it, durably."""
    whole, synced = hashlib.sha256(), 0
    with draft.open("wb") as out, shelf.digests(sheet).open("wb") as digests:
        for index in range(sheet.total_chunks):
            digests.write(_append(shelf.chunk(sheet, index), out, whole))
            if out.tell() - synced >= _SYNC_EVERY:
                synced = _sync(out)
            progress()
        _sync(digests)
        return _Whole(_sync(out), whole.hexdigest())


def _sync(file: BinaryIO) -> int:
    """Make what was written so far durable; return how much that is."""
    file.flush()
    os.fsync(file.fileno())
    return file.tell()


def _append(chunk: Path, out: BinaryIO, whole: "hashlib._Hash") -> bytes:
    own = hashlib.sha256()
    with chunk.open("rb") as file:
        while block := file.read(_BLOCK):
            own.update(block)
            whole.update(block)
            out.write(block)
    return own.digest()
