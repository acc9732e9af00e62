"""The pages of a SQLite file as they lie there, for a file that SQLite itself cannot read any more.

Nothing here follows pointers from page to page, but for what overflows a page: every page that is whole gives what it
holds, whatever became of the others. The write-ahead log is read too: a frame counts if its checksum, which continues
that of the frame before, is right, and if a commit follows it. Formats: https://www.sqlite.org/fileformat2.html
"""

import struct
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PAGE_BYTES: Final = 4096
"""What our files have (SQLite's default), and what is assumed of one whose header is gone."""
_HEADER: Final = b"SQLite format 3\x00"
_LEAF_TABLE, _LEAF_INDEX, _INNER_INDEX = 13, 10, 2
_ALL: Final = frozenset({_LEAF_TABLE, _LEAF_INDEX, _INNER_INDEX})
_FRAME_HEAD: Final = 24
_WAL_HEAD: Final = 32
_MOST_BYTES: Final = 1 << 26
_INTS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of an integer by its serial type."""
_FLOAT, _ZERO, _ONE, _BLOB = 7, 8, 9, 12
_SIZES: Final = {1 << power for power in range(9, 17)}
Value = int | float | str | bytes | None


class BrokenError(Exception):
    """A page or a cell is not what it should be."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A row as it is stored. `rowid` is None in an index or a table without one."""

    rowid: int | None
    values: tuple[Value, ...]


def is_sane(path: Path) -> bool:
    """Whether header and log of a database are such that SQLite reads them to the end. Blocks; raise `OSError`.

    Of a log with a damaged frame SQLite would drop everything behind that frame and say nothing.
    """
    with path.open("rb") as file:
        head = file.read(100)
    if head and (head[:16] != _HEADER or int.from_bytes(head[16:18]) != PAGE_BYTES or {*head[18:20]} - {1, 2}):
        return False
    log = _Log(path.with_name(f"{path.name}-wal"))
    log.close()
    return log.bad == 0


class Pages:
    """The newest version of each page of the database at `path`. Blocks; raise `OSError` if the disk does.

    `bad_frames` counts frames of its log that were damaged, `bad_pages` pages that the last `cells` could not read.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._log = _Log(path.with_name(f"{path.name}-wal"))
        self.page_bytes = self._log.page_bytes or _page_bytes(self._file.read(100))
        self._in_file = -(-path.stat().st_size // self.page_bytes)
        self.count = max(self._in_file, max(self._log.frames, default=0))
        self.bad_frames = self._log.bad
        self.bad_pages = 0

    def close(self) -> None:
        """Let go of the files."""
        self._file.close()
        self._log.close()

    def cells(self, *, bare: bool = True) -> Iterator[Cell]:
        """Everything that can be read, in no order; without `bare` only what has a rowid."""
        self.bad_pages = 0
        kinds = _ALL if bare else {_LEAF_TABLE}
        for number in range(1, self.count + 1):
            try:
                yield from self._cells_of(number, kinds)
            except BrokenError:
                self.bad_pages += 1

    def page(self, number: int) -> bytes:
        """One page; raise `BrokenError` if it is not there as a whole."""
        if number in self._log.frames:
            return self._log.page(number)
        if not 1 <= number <= self._in_file:
            raise BrokenError
        self._file.seek((number - 1) * self.page_bytes)
        page = self._file.read(self.page_bytes)
        if len(page) < self.page_bytes:
            raise BrokenError
        return page

    def _cells_of(self, number: int, kinds: Set[int] = _ALL) -> Iterator[Cell]:
        page = self.page(number)
        head = 100 if number == 1 else 0
        kind = page[head]
        if kind not in kinds:
            return
        first = head + (12 if kind == _INNER_INDEX else 8)
        count = int.from_bytes(page[head + 3 : head + 5])
        if first + 2 * count > len(page):
            raise BrokenError
        broken = False
        for (at,) in struct.iter_unpack(">H", page[first : first + 2 * count]):
            try:
                yield self._cell(page, at, kind)
            except (BrokenError, IndexError, UnicodeDecodeError, struct.error):
                broken = True
        if broken:
            raise BrokenError

    def _cell(self, page: bytes, at: int, kind: int) -> Cell:
        at += 4 if kind == _INNER_INDEX else 0
        size, at = _varint(page, at)
        rowid = None
        if kind == _LEAF_TABLE:
            rowid, at = _varint(page, at)
            rowid -= 1 << 64 if rowid >= 1 << 63 else 0
        return Cell(rowid, _values(self._payload(page, at, size, kind)))

    def _payload(self, page: bytes, at: int, size: int, kind: int) -> bytes:
        usable = self.page_bytes
        most = usable - 35 if kind == _LEAF_TABLE else (usable - 12) * 64 // 255 - 23
        if size > _MOST_BYTES:
            raise BrokenError
        if size <= most:
            return _cut(page, at, size)
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= most else least
        following = int.from_bytes(_cut(page, at + local, 4))
        return _cut(page, at, local) + self._overflow(following, size - local)

    def _overflow(self, number: int, size: int) -> bytes:
        parts = []
        while size > 0:
            page = self.page(number)
            parts.append(page[4 : 4 + size])
            size -= len(parts[-1])
            number = int.from_bytes(page[:4])
        return b"".join(parts)


@dataclass(slots=True)
class _Commit:
    """Frames of a commit that is being read, and one before it of which some are damaged."""

    frames: dict[int, int] = field(default_factory=dict)
    bad: int = 0
    before: "_Commit | None" = None


class _Log:
    """The write-ahead log: where the newest committed version of each page lies in it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb") if path.exists() else None
        self.frames: dict[int, int] = {}
        self.bad = 0
        self.page_bytes = 0
        if self._file:
            self._read(path.stat().st_size)

    def close(self) -> None:
        if self._file:
            self._file.close()

    def page(self, number: int) -> bytes:
        if self._file is None:
            raise BrokenError
        self._file.seek(self.frames[number] + _FRAME_HEAD)
        return self._file.read(self.page_bytes)

    def _read(self, size: int) -> None:
        if self._file is None or size < _WAL_HEAD + _FRAME_HEAD:
            return
        head = self._file.read(_WAL_HEAD)
        order = "big" if head[3] & 1 else "little"
        sound = _checksum(head[:24], (0, 0), order) == struct.unpack(">II", head[24:32])
        self.page_bytes = int.from_bytes(head[8:12]) if sound else PAGE_BYTES
        frame_bytes = _FRAME_HEAD + self.page_bytes
        salts = head[16:24] if sound else self._file.read(_FRAME_HEAD)[8:16]
        before: tuple[int, int] = struct.unpack(">II", head[24:32])
        commit = _Commit()
        for at in range(_WAL_HEAD, size - frame_bytes + 1, frame_bytes):
            self._file.seek(at)
            frame = self._file.read(frame_bytes)
            ours = frame[8:16] == salts
            if not ours and not self._continues(at + frame_bytes, size, salts):
                break
            found: tuple[int, int] = struct.unpack(">II", frame[16:24])
            if ours and _checksum(frame[:8] + frame[_FRAME_HEAD:], before, order) == found:
                commit.frames[int.from_bytes(frame[:4])] = at
                if frame[4:8] != bytes(4):
                    commit = self._committed(commit)
            else:
                commit.bad += 1
            before = found

    def _committed(self, commit: "_Commit") -> "_Commit":
        """A commit's last frame is there. One with damaged frames is believed once another commit follows it: the very
        last may be one that a power cut tore, and then nobody was told that it is durable.
        """
        if commit.before:
            self.frames |= commit.before.frames
            self.bad += commit.before.bad
        if commit.bad:
            return _Commit(before=_Commit(frames=commit.frames, bad=commit.bad))
        self.frames |= commit.frames
        return _Commit()

    def _continues(self, at: int, size: int, salts: bytes) -> bool:
        """Whether the frame after a strange one is of this log again: then the strange one is damaged, not old."""
        if self._file is None or at + _FRAME_HEAD > size:
            return False
        self._file.seek(at)
        return self._file.read(_FRAME_HEAD)[8:16] == salts


def _checksum(data: bytes, seed: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = seed
    for one, two in struct.iter_unpack(">II" if order == "big" else "<II", data):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second


def _page_bytes(head: bytes) -> int:
    size = int.from_bytes(head[16:18])
    size = 1 << 16 if size == 1 else size
    return size if head[:16] == _HEADER and size in _SIZES else PAGE_BYTES


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = data[at]
    if not value & 0x80:
        return value, at + 1
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at + place + 1
    return value << 8 | data[at + 8], at + 9


def _cut(data: bytes, at: int, size: int) -> bytes:
    part = data[at : at + size]
    if len(part) < size:
        raise BrokenError
    return part


def _values(payload: bytes) -> tuple[Value, ...]:
    """The columns of a record; it has to fit its length exactly."""
    size, at = _varint(payload, 0)
    body, values = size, list[Value]()
    while at < size:
        kind = payload[at]
        if kind & 0x80:
            kind, at = _varint(payload, at)
        else:
            at += 1
        if kind >= _BLOB:
            end = body + (kind - _BLOB) // 2
            part, body = payload[body:end], end
            values.append(part.decode() if kind & 1 else part)
        else:
            value, body = _value(payload, body, kind)
            values.append(value)
    if at != size or body != len(payload):
        raise BrokenError
    return tuple(values)


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in _INTS:
        return int.from_bytes(_cut(payload, at, _INTS[kind]), signed=True), at + _INTS[kind]
    if kind == _FLOAT:
        return struct.unpack(">d", _cut(payload, at, 8))[0], at + 8
    if kind in {_ZERO, _ONE}:
        return kind - _ZERO, at
    raise BrokenError
