"""What a recording says of itself: the note of its beginning, inside its video, so that it is not lost with its note.

It is the comment of the file's header (moov/udta/meta/ilst/©cmt, as QuickTime writes it), which comes with the first
fragment.
"""

from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec.structs import replace

from edge.core.files import DAMAGED
from edge.recording.boxes import Box, MalformedBoxError, Read, walk
from edge.recording.sidecar import Sidecar

_WAY: Final = ((b"udta", 0), (b"meta", 0), (b"ilst", 4), (b"\xa9cmt", 0), (b"data", 0))
"""From `moov` inwards: each box, and how much of the one around it comes before its first child."""
_DATA_HEAD: Final = 8
_LARGEST: Final = 64 * 1024
_MOST_BOXES: Final = 64
"""Beside each other: the muxer writes a few, and a file that is none of ours may have millions."""


def inscription(sidecar: Sidecar) -> str:
    """What is to stand in the video of a recording that begins."""
    return msgspec.json.encode(sidecar).decode()


def read_inscription(path: Path) -> Sidecar | None:
    """The note with which the video at `path` began; None if it says nothing, or is of another place than it lies in.

    Raise `OSError` if the disk does not give it.
    """
    with path.open("rb") as file:
        comment = _comment(_reader(file), path.stat().st_size)
    try:
        found = msgspec.json.decode(comment, type=Sidecar)
    except DAMAGED:
        return None
    name = path.name.removesuffix(".mp4").removesuffix(".part")
    return replace(found, rebuilt=True) if (found.camera, found.recording_id) == (path.parent.name, name) else None


def _reader(file: BinaryIO) -> Read:
    def read(offset: int, size: int) -> bytes:
        file.seek(offset)
        return file.read(size)

    return read


def _comment(read: Read, size: int) -> bytes:
    try:
        box = _find(read, b"moov", 0, size)
        for kind, before in _WAY:
            box = _find(read, kind, box.content + before, box.end)
    except MalformedBoxError:
        return b""
    at = box.content + _DATA_HEAD
    return read(at, min(_LARGEST, max(0, box.end - at)))


def _find(read: Read, kind: bytes, start: int, end: int) -> Box:
    for box in islice(walk(read, start, end), _MOST_BOXES):
        if box.kind == kind:
            return box
        if box.kind == b"mdat":
            break
    raise MalformedBoxError(f"no {kind!r}")
