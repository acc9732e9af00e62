"""What lies in the spool, without reading thousands of notes again at every look.

A note is only ever replaced as a whole, which changes the time of its folder. A folder that shows the same time as at
the last look *and* was read once since it took that time has not changed (a second change within one tick of the file
system's clock would not show otherwise). What still grows is measured each time.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.recording.sidecar import SUFFIX, Sidecar, read_sidecar
from edge.recording.spool import Entry, Spool


@dataclass(slots=True)
class _Note:
    stamp: tuple[int, int]
    entry: Entry


@dataclass(slots=True)
class _Camera:
    changed_ns: int = -1
    settled: bool = False
    notes: dict[str, _Note] = field(default_factory=dict)


class SpoolIndex:
    """The entries of a spool. Its methods block and belong to one thread at a time."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._cameras: dict[str, _Camera] = {}
        self.read = 0
        """Notes that were read so far."""
        self.version = 0
        """Grows when a folder was looked through again: until then all is as it was, but for what grows."""

    def entries(self) -> list[Entry]:
        """Every recording as it lies on the disk now."""
        found = {folder.name: folder for folder in self._folders()}
        if found.keys() != self._cameras.keys():
            self.version += 1
        self._cameras = {name: self._cameras.get(name, _Camera()) for name in found}
        return [entry for name, folder in found.items() for entry in self._of(self._cameras[name], folder)]

    def find(self, recording_id: str) -> Sidecar | None:
        """One recording as its note says now; None if it is gone."""
        name = f"{recording_id}{SUFFIX}"
        for camera, known in self._cameras.items():
            if name in known.notes:
                return read_sidecar(self._spool.folder / camera / name)
        return self._spool.find(recording_id)

    def _folders(self) -> Iterator[Path]:
        try:
            yield from (path for path in self._spool.folder.iterdir() if path.is_dir())
        except FileNotFoundError:
            return

    def _of(self, camera: _Camera, folder: Path) -> Iterator[Entry]:
        changed_ns = _changed_ns(folder)
        if changed_ns != camera.changed_ns or not camera.settled:
            camera.settled = changed_ns == camera.changed_ns
            camera.changed_ns = changed_ns
            self.version += 1
            camera.notes = self._look(folder, camera.notes)
        for note in camera.notes.values():
            yield self._measured(note.entry.sidecar) if note.entry.sidecar.step == "writing" else note.entry

    def _look(self, folder: Path, known: dict[str, _Note]) -> dict[str, _Note]:
        """Every note of a folder; only those that were replaced since are read."""
        found: dict[str, _Note] = {}
        with os.scandir(folder) as listed:
            for one in listed:
                if one.name.endswith(SUFFIX) and (note := self._note(one, known.get(one.name))):
                    found[one.name] = note
        return found

    def _note(self, listed: "os.DirEntry[str]", known: _Note | None) -> _Note | None:
        try:
            stat = listed.stat()
        except FileNotFoundError:
            return None
        stamp = stat.st_ino, stat.st_mtime_ns
        if known and known.stamp == stamp and known.entry.size_bytes:
            return known
        self.read += 1
        sidecar = read_sidecar(Path(listed.path))
        return _Note(stamp, self._measured(sidecar)) if sidecar else None

    def _measured(self, sidecar: Sidecar) -> Entry:
        return Entry(sidecar, _size(self._spool.path(sidecar)) or _size(self._spool.part_path(sidecar)))


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return -1


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
