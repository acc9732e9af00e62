"""What a disk would hold after a power cut: a journal of everything a process did to a folder, and its replay.

A process that runs with `shim_environment` writes the journal (see `power/shim.c`). `Disk` reads it and knows what was
synced. The model is as unkind as POSIX allows: data is safe only after a sync of its file, a name only after a sync of
its folder, and of what was not synced any sectors may be there, in any order.
"""

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path, PurePosixPath
from typing import Final

_SECTOR: Final = 512
_HEAD: Final = struct.Struct("<IBQQQ")
_SOURCE: Final = Path(__file__).parent / "power" / "shim.c"
_REBUILT: Final = "-shm"
"""Files that are mapped into memory: the journal does not see their content, and SQLite makes them anew."""


class Deed(IntEnum):
    """What was done; as in `shim.c`."""

    CREATED = 1
    OPENED = 2
    WROTE = 3
    RESIZED = 4
    SYNCED = 5
    RENAMED = 6
    UNLINKED = 7
    LINKED = 8
    FOLDER_MADE = 9
    FOLDER_GONE = 10
    FOLDER_SYNCED = 11
    SYMLINKED = 12
    DISK_SYNCED = 13


@dataclass(frozen=True, slots=True)
class Entry:
    """One deed. `at` is an offset or a size; `data` what was written, or names."""

    deed: Deed
    inode: int
    at: int
    data: bytes

    @property
    def name(self) -> str:
        """The path below the root."""
        return self.names[0]

    @property
    def names(self) -> list[str]:
        """The paths below the root."""
        return self.data.decode().split("\0")


def build_shim(folder: Path) -> Path:
    """The shim, compiled into `folder`; fails where there is no compiler."""
    library = folder / "power-shim.so"
    command = ["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"apt-get install gcc libc6-dev: {done.stderr[-2000:]}"
    return library


def shim_environment(library: Path, root: Path, journal: Path, disk_left: Path | None = None) -> dict[str, str]:
    """What a process needs in its environment so that its deeds below `root` stand in `journal`."""
    more = {"POWER_DISK": str(disk_left)} if disk_left else {}
    return {"LD_PRELOAD": str(library), "POWER_ROOT": str(root), "POWER_JOURNAL": str(journal), **more}


def set_disk_left(path: Path, left_bytes: int) -> None:
    """How much the disk of a process with the shim has left; -1 for no bound. Takes effect at once."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.write(struct.pack("<q", left_bytes))


def read_journal(path: Path) -> Iterator[Entry]:
    """The whole entries of a journal; a process that was killed may have left half of one."""
    data = path.read_bytes() if path.exists() else b""
    at = 0
    while at + _HEAD.size <= len(data):
        length, deed, inode, where, _ = _HEAD.unpack_from(data, at)
        end = at + 4 + length
        if end > len(data):
            return
        yield Entry(Deed(deed), inode, where, data[at + _HEAD.size : end])
        at = end


class LinkTarget(bytes):
    """The content of a symbolic link: where it leads."""


@dataclass(slots=True, eq=False)
class _File:
    """One inode: what is safe of it, and what was done since: `(offset, data)`, or `(size, None)` for a new size."""

    safe: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)
    is_link: bool = False

    def sync(self) -> None:
        for at, data in self.since:
            _apply(self.safe, at, data)
        self.since.clear()

    def after_cut(self, rng: random.Random) -> bytes:
        """What a cut leaves of it. A symbolic link is its name: it is there whole or not at all."""
        if self.is_link:
            return LinkTarget(self.safe)
        found, kept = bytearray(self.safe), rng.choice((0.0, 0.5, 0.9, 1.0))
        for at, data in self.since:
            if rng.random() < kept:
                _apply(found, at, data)
            elif data is not None and rng.random() < 0.5:
                _tear(found, at, data, rng)
        return bytes(found)


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of names: `path` becomes `file` (None: is gone), and `old` is gone if it was that file."""

    path: str
    file: "_File | str | None"
    old: str = ""


_FOLDER: Final = "folder"


class Disk:
    """What a folder's disk holds for sure, and what it may hold."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, _File | str] = {}
        self._safe: dict[str, _File | str] = {}
        self._changes: list[_Change] = []
        self._files: dict[int, _File] = {}
        self.adopt()

    def adopt(self) -> None:
        """Take what lies in the folder now as safe."""
        self._names = {
            str(path.relative_to(self._root)): _as_found(path)
            for path in sorted(self._root.rglob("*"))
            if path.is_symlink() or path.is_dir() or path.is_file()
        }
        self._safe = dict(self._names)
        self._changes.clear()
        self._files.clear()

    def feed(self, entries: Iterator[Entry] | Sequence[Entry]) -> None:
        """Take in what was done."""
        for entry in entries:
            self._take(entry)

    def cut(self, rng: random.Random) -> dict[str, bytes | None]:
        """What is there after a cut now, by path; None for a folder. The disk itself stays as it is."""
        names = dict(self._safe)
        for change in self._changes[: rng.choice((0, rng.randint(0, len(self._changes)), len(self._changes)))]:
            _rename(names, change)
        contents = {
            path: None if isinstance(file, str) else file.after_cut(rng)
            for path, file in sorted(names.items())
            if not path.endswith(_REBUILT)
        }
        return {path: content for path, content in contents.items() if _has_home(path, contents)}

    def _take(self, entry: Entry) -> None:
        match entry.deed:
            case Deed.CREATED:
                self._files[entry.inode] = file = _File()
                self._change(_Change(entry.name, file))
            case Deed.OPENED:
                known = self._names.get(entry.name)
                if isinstance(known, _File):
                    self._files[entry.inode] = known
            case Deed.WROTE:
                self._files[entry.inode].since.append((entry.at, entry.data))
            case Deed.RESIZED:
                self._files[entry.inode].since.append((entry.at, None))
            case Deed.SYNCED:
                self._files[entry.inode].sync()
            case Deed.FOLDER_SYNCED | Deed.DISK_SYNCED:
                self._sync_names(entry)
            case _:
                self._take_name(entry)

    def _take_name(self, entry: Entry) -> None:
        match entry.deed:
            case Deed.RENAMED:
                old, new = entry.names
                self._move(old, new)
            case Deed.SYMLINKED:
                target, new = entry.names
                self._change(_Change(new, _File(bytearray(target.encode()), is_link=True)))
            case Deed.LINKED:
                old, new = entry.names
                self._change(_Change(new, self._names[old]))
            case Deed.FOLDER_MADE:
                self._change(_Change(entry.name, _FOLDER))
            case _:
                self._change(_Change(entry.name, None))

    def _move(self, old: str, new: str) -> None:
        """Rename a file, or a folder: what changed in it and is not safe yet belongs to it, whatever it is called."""
        if self._names[old] == _FOLDER:
            self._changes = [_moved(change, f"{old}/", f"{new}/") for change in self._changes]
        self._change(_Change(new, self._names[old], old))

    def _change(self, change: _Change) -> None:
        _rename(self._names, change)
        self._changes.append(change)

    def _sync_names(self, entry: Entry) -> None:
        """Every name in a folder is safe now, or every name and all content."""
        if entry.deed is Deed.FOLDER_SYNCED:
            self._sync_folder(entry.name)
            return
        self._safe, self._changes = dict(self._names), []
        for file in self._names.values():
            if isinstance(file, _File):
                file.sync()

    def _sync_folder(self, folder: str) -> None:
        """Every change of a name directly in this folder is safe now."""
        rest = []
        for change in self._changes:
            if _parent(change.path) == folder:
                _rename(self._safe, change)
            else:
                rest.append(change)
        self._changes = rest


def write_disk(folder: Path, contents: dict[str, bytes | None]) -> None:
    """Make `folder` what the disk holds after a cut."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for path, content in contents.items():
        place = folder / path
        if content is None:
            place.mkdir(exist_ok=True)
        elif isinstance(content, LinkTarget):
            place.symlink_to(content.decode())
        else:
            place.write_bytes(content)
            os.chmod(place, 0o600)  # noqa: PTH101


def _as_found(path: Path) -> "_File | str":
    if path.is_symlink():
        return _File(bytearray(os.fsencode(path.readlink())), is_link=True)
    return _FOLDER if path.is_dir() else _File(bytearray(path.read_bytes()))


def _apply(found: bytearray, at: int, data: bytes | None) -> None:
    if data is None:
        if at < len(found):
            del found[at:]
        else:
            found.extend(bytes(at - len(found)))
        return
    if at > len(found):
        found.extend(bytes(at - len(found)))
    found[at : at + len(data)] = data


def _tear(found: bytearray, at: int, data: bytes, rng: random.Random) -> None:
    """Some sectors of a write reached the disk, others did not."""
    begin = at
    while begin < at + len(data):
        end = min((begin // _SECTOR + 1) * _SECTOR, at + len(data))
        if rng.random() < 0.5:
            _apply(found, begin, data[begin - at : end - at])
        begin = end


def _moved(change: _Change, old: str, new: str) -> _Change:
    path, before = (
        new + name.removeprefix(old) if name.startswith(old) else name for name in (change.path, change.old)
    )
    return _Change(path, change.file, before)


def _rename(names: "dict[str, _File | str]", change: _Change) -> None:
    if change.old and names.get(change.old) is change.file:
        del names[change.old]
        if change.file == _FOLDER:  # what is in a folder goes where it goes
            for path in [path for path in names if path.startswith(f"{change.old}/")]:
                names[change.path + path.removeprefix(change.old)] = names.pop(path)
    if change.file is None:
        names.pop(change.path, None)
    else:
        names[change.path] = change.file


def _parent(path: str) -> str:
    parent = str(PurePosixPath(path).parent)
    return "" if parent == "." else parent


def _has_home(path: str, contents: dict[str, bytes | None]) -> bool:
    parent = _parent(path)
    return not parent or (parent in contents and _has_home(parent, contents))
