"""Walks the boxes of a fragmented MP4 (ISO/IEC 14496-12), so that a torn file can be cut where it is still whole.

No I/O: bytes come from a callable. Whatever the bytes are, the answer is a cut or the statement that nothing is whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

Read = Callable[[int, int], bytes]
"""`read(offset, size)`: up to `size` bytes from `offset`, fewer only at the end."""

_HEADER: Final = 8
_LONG_HEADER: Final = 16
_LARGEST_MOOF: Final = 4 * 2**20
_PASSED_OVER: Final = frozenset({b"styp", b"sidx", b"free", b"mfra", b"emsg", b"prft"})


class MalformedBoxError(ValueError):
    """A box contradicts itself or its place."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its type, where it begins, where its content begins, and where it ends."""

    kind: bytes
    start: int
    content: int
    end: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The whole part of a file: its length in bytes, the frames in it, and the end of the last one in seconds."""

    size: int
    frames: int
    end_s: float


def whole_part(read: Read, size: int) -> Cut | None:
    """What of a file of `size` bytes can be kept: everything up to the last whole fragment; None if there is none."""
    timescale, moof = 0, None
    cut, frames = None, 0
    try:
        for box in walk(read, 0, size):
            if box.kind == b"moov":
                timescale = _timescale(read, box)
            elif box.kind == b"moof" and timescale:
                moof = _moof(read, box)
            elif box.kind == b"mdat" and moof:
                frames += moof.frames
                cut, moof = Cut(box.end, frames, moof.end / timescale), None
            elif box.kind != b"ftyp" and box.kind not in _PASSED_OVER:
                return cut
    except MalformedBoxError:
        return cut
    return cut


def walk(read: Read, start: int, end: int) -> Iterator[Box]:
    """The boxes between two offsets that lie there whole; raise `MalformedBoxError` at the first that does not."""
    while start < end:
        header = read(start, _LONG_HEADER)
        if len(header) < _HEADER:
            raise MalformedBoxError("a header is cut off")
        size, kind, content = int.from_bytes(header[:4], "big"), header[4:8], start + _HEADER
        if size == 1:
            size, content = int.from_bytes(header[8:16], "big"), start + _LONG_HEADER
        if start + size < content or start + size > end:
            raise MalformedBoxError(f"a box of {size} bytes does not fit")
        yield Box(kind, start, content, start + size)
        start += size


@dataclass(frozen=True, slots=True)
class _Fragment:
    frames: int
    end: int


def _timescale(read: Read, moov: Box) -> int:
    """Units a second of the first track: moov/trak/mdia/mdhd."""
    box = moov
    for kind in (b"trak", b"mdia", b"mdhd"):
        box = _child(read, box, kind)
    head = read(box.content, 24)
    at = 20 if head[:1] == b"\x01" else 12
    timescale = _number(head, at)
    if timescale == 0:
        raise MalformedBoxError("a track without a timescale")
    return timescale


def _moof(read: Read, moof: Box) -> _Fragment:
    """Frames and end of a fragment with one track: moof/traf/{tfhd,tfdt,trun}."""
    if moof.end - moof.start > _LARGEST_MOOF:
        raise MalformedBoxError("a fragment's index is larger than any of ours")
    traf = _child(read, moof, b"traf")
    default, at, frames = 0, 0, 0
    for box in walk(read, traf.content, traf.end):
        body = read(box.content, box.end - box.content)
        if box.kind == b"tfhd":
            default = _default_duration(body)
        elif box.kind == b"tfdt":
            at = _number(body, 4, 8 if body[:1] == b"\x01" else 4)
        elif box.kind == b"trun":
            count, duration = _run(body, default)
            frames, at = frames + count, at + duration
    return _Fragment(frames, at)


def _default_duration(tfhd: bytes) -> int:
    flags = _number(tfhd, 1, 3)
    at = 8 + (8 if flags & 0x01 else 0) + (4 if flags & 0x02 else 0)
    return _number(tfhd, at) if flags & 0x08 else 0


def _run(trun: bytes, default: int) -> tuple[int, int]:
    """Samples of a run, and how long they last together."""
    flags, count = _number(trun, 1, 3), _number(trun, 4)
    at = 8 + (4 if flags & 0x01 else 0) + (4 if flags & 0x04 else 0)
    stride = 4 * sum(1 for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag)
    if at + count * stride > len(trun):
        raise MalformedBoxError("a run is shorter than it says")
    if not flags & 0x100:
        return count, count * default
    return count, sum(_number(trun, at + index * stride) for index in range(count))


def _child(read: Read, parent: Box, kind: bytes) -> Box:
    for box in walk(read, parent.content, parent.end):
        if box.kind == kind:
            return box
    raise MalformedBoxError(f"no {kind.decode()} in {parent.kind!r}")


def _number(data: bytes, at: int, size: int = 4) -> int:
    if at + size > len(data):
        raise MalformedBoxError("a field is cut off")
    return int.from_bytes(data[at : at + size], "big")
