"""The folders of all sessions on the disk: made, found again, given their videos, and deleted whole."""

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from contract.times import to_wire
from edge.affect.sessions.folder.convert import CLOSING, JOURNAL
from edge.affect.sessions.folder.layout import NOTE, TWIN, Film, SessionNote, mend_note, read_note, write_note
from edge.affect.sessions.folder.naming import could_be_ours
from edge.affect.sessions.folder.ports import SessionVideo
from edge.affect.sessions.folder.sheets import CONTENT_TYPES
from edge.affect.sessions.folder.tables import ALL
from edge.core.files import printable_name, sync_folder

_OURS: Final = {NOTE, TWIN, JOURNAL, CLOSING, *(f"{one.table}.{form}" for one in ALL for form in CONTENT_TYPES)}
"""What only a folder of a session has in it."""
_DRAFTS: Final = (f".{NOTE}", f".{TWIN}")
_GOING: Final = ".gone-"
_SENT: Final = ".uploaded"
VIDEO: Final = "video"
_log = logging.getLogger(__name__)
_PLAIN: Final = str.maketrans({":": "", "-": "", ".": ""})


@dataclass(frozen=True, slots=True)
class Item:
    """A file of a folder, by its name below it, with what it takes now."""

    name: str
    size_bytes: int


class Cabinet:
    """One folder with a sub-folder for each session. Its methods block and raise `OSError`."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self.unread: set[str] = set()
        """Folders whose note cannot be read, as the last scan found them."""
        self.mended: list[str] = []
        """Folders whose note was made anew, until somebody told so."""

    def scan(self) -> dict[str, SessionNote]:
        """Every folder that this software can read, by name; what was being deleted is deleted.

        What the disk refuses of one folder is told in the log, and takes nothing from the others.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        found = dict[str, SessionNote]()
        self.unread = set()
        for path in self.folder.iterdir():
            try:
                if note := self._looked_at(path):
                    found[path.name] = note
            except OSError as error:
                _log.warning("the disk refuses what the folder %s needs: %s", path.name, error)
        return found

    def finish_deleting(self) -> None:
        """Delete what a cut, or the disk, left of folders that were being deleted."""
        for path in self.folder.glob(f"{_GOING}*"):
            _delete(path)

    def begin(self, name: str, note: SessionNote) -> Path:
        """Make the folder of a session that runs, durably, and return where its journal goes."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        write_note(folder, note)
        sync_folder(self.folder)
        return folder / JOURNAL

    def note(self, name: str, note: SessionNote) -> None:
        """Replace what is known of a session, durably."""
        write_note(self.folder / name, note)

    def delete(self, name: str) -> None:
        """Delete a folder whole; after a cut the next scan goes on."""
        self.unread.discard(name)
        going = self.folder / f"{_GOING}{name}"
        with suppress(FileNotFoundError):
            (self.folder / name).replace(going)
            sync_folder(self.folder)
        if going.exists():
            _delete(going)
            sync_folder(self.folder)

    def put_video(self, name: str, note: SessionNote, video: SessionVideo) -> Film:
        """Put a recording into the folder: the same file under a second name, or a copy on another file system."""
        began = video.start_ms + note.clock_shift_ms
        if video.first_mono_ms is not None:
            began = note.start_ms + round(video.first_mono_ms - note.start_mono_ms)
        stem = f"{video.camera}-{to_wire(began).translate(_PLAIN)}"
        path = self.folder / name / VIDEO / f"{stem}{video.path.suffix or '.mp4'}"
        path.parent.mkdir(exist_ok=True)
        try:
            _link_or_copy(video.path, path)
        except FileNotFoundError:  # it had to give way meanwhile
            path = self.folder / name
        return Film(
            name=f"{VIDEO}/{path.name}" if path.parent.name == VIDEO else "",
            recording_id=video.recording_id,
            camera=video.camera,
            start_ms=began,
            mono_ms=video.first_mono_ms,
            end_ms=began + video.end_ms - video.start_ms,
            frames=video.frames,
            size_bytes=video.size_bytes,
            sha256=video.sha256,
            codec=video.codec,
            width_px=video.width_px,
            height_px=video.height_px,
            key=video.key,
        )

    def drop_widowed(self, name: str, note: SessionNote) -> None:
        """Delete videos that the spool has given up: their second name must not hold the disk's space."""
        for film in note.videos:
            path = self.folder / name / film.name
            with suppress(FileNotFoundError):
                if film.name and path.stat().st_nlink == 1 and not _copied(path).exists():
                    path.unlink()

    def items(self, name: str) -> list[Item]:
        """What of a folder is for people, in the order of their names."""
        root = self.folder / name
        paths = sorted(path for path in root.rglob("*") if not any(part[0] == "." for part in path.parts[-2:]))
        return [Item(str(path.relative_to(root)), size) for path in paths if (size := _size(path)) is not None]

    def open(self, name: str, item: str) -> BinaryIO:
        """A file of a folder, for reading; raise `FileNotFoundError` for any that `items` does not name."""
        if not any(one.name == item for one in self.items(name)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), item)
        return (self.folder / name / item).open("rb")

    def own_bytes(self, name: str) -> int:
        """What deleting the folder would give back: a file that the spool holds as well gives nothing."""
        return sum(status.st_blocks * 512 for status in _statuses(self.folder / name) if status.st_nlink == 1)

    def changed_ms(self, name: str) -> int:
        """When something in a folder was changed last, by the clock of then; 0 if it is gone."""
        times = (status.st_mtime_ns for status in _statuses(self.folder / name))
        return max(0, *(times_ns // 1_000_000 for times_ns in (0, *times)))

    def is_sent(self, name: str) -> bool:
        """Whether every table is confirmed in object storage."""
        return (self.folder / name / _SENT).exists()

    def mark_sent(self, name: str) -> None:
        """Note that it is. Not synced: after a cut the store is asked again."""
        (self.folder / name / _SENT).touch()

    def _looked_at(self, path: Path) -> SessionNote | None:
        if path.name.startswith(_GOING):
            _delete(path)
            return None
        ours = could_be_ours(path.name)
        note = read_note(path) if ours else None
        with suppress(OSError):  # a full disk: the twin says the same
            if ours and mend_note(path):
                _log.warning("the note of the session in %s was damaged, and is made anew", printable_name(path.name))
                self.mended.append(path.name)
        if note and note.state == "whole":
            self._remove_journals(path.name)
        elif note is None and path.is_dir():
            inside = {one.name for one in path.iterdir()}
            if all(one.startswith(_DRAFTS) for one in inside):
                shutil.rmtree(path)  # a cut came between the folder and its note
            elif inside & _OURS:
                self.unread.add(path.name)
                name = printable_name(path.name)
                _log.warning("the note of the session in %s cannot be read: the folder stays as it is", name)
        return note

    def _remove_journals(self, name: str) -> None:
        for journal in (JOURNAL, CLOSING):
            (self.folder / name / journal).unlink(missing_ok=True)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _link_or_copy(source: Path, path: Path) -> None:
    path.unlink(missing_ok=True)
    try:
        os.link(source, path)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
            raise
        _copied(path).touch()
        with path.open("wb") as file, source.open("rb") as whole:
            shutil.copyfileobj(whole, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(path.parent)


def _copied(path: Path) -> Path:
    """The empty file that tells a copy from a link."""
    return path.with_name(f".{path.name}.copy")


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() and path.name not in {JOURNAL, CLOSING} else None


def _statuses(folder: Path) -> Iterator[os.stat_result]:
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            yield path.stat()
