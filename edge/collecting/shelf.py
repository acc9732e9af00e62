"""The folder of collected videos (S2.9): what lies in it, and every durable step between two states.

facial_recordings/{session_id}/session.json
                               {video_id}.upload.json     how far the video got
                               {video_id}.metadata.json   what the client says of it
                               {video_id}.webm            or .mp4; there once it is whole
                               {video_id}.digests         of its chunks, 32 bytes each, once it is whole
                               {video_id}.chunks/chunk_0000 ...
"""

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from contract.errors import InvalidIdError
from contract.ids import check_id, new_token
from edge.collecting.durable import write_whole
from edge.collecting.sheets import SessionSheet, VideoSheet, read_sheet, write_sheet
from edge.core.errors import UnknownError
from edge.core.files import DAMAGED, sync_folder

_S = TypeVar("_S", SessionSheet, VideoSheet)
ROOT: Final = "facial_recordings"
_DRAFTS: Final = ".drafts"
_DOOMED: Final = ".doomed-"
_UPLOAD: Final = ".upload.json"
_METADATA: Final = ".metadata.json"
_CHUNK: Final = "chunk_"
_ALONE: Final = {errno.EIO, errno.EACCES, errno.EPERM, errno.EBADMSG}
"""The disk does not give one file: others may be whole."""
_NUMBER: Final = re.compile(r"[0-9]{4,}")
"""What follows in the name of a chunk; anything else was put there by somebody else, and is none."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder. Its methods block; they raise `OSError` where the disk fails, `InvalidIdError` for no id."""

    folder: Path

    def make(self) -> None:
        """The folder exists from now on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sync_folder(self.folder.parent)

    def begin(self, sheet: SessionSheet) -> None:
        """A session exists from now on."""
        self._home(sheet.session_id).mkdir(mode=0o700)
        self.note_session(sheet)
        sync_folder(self.folder)

    def session(self, session_id: str) -> SessionSheet:
        """One session; raise `UnknownError` if there is none of this id."""
        sheet = _session_in(self._home(session_id)) if is_id(session_id) else None
        if sheet is None:
            raise UnknownError(f"Session not found: {session_id!r:.80}; create one with POST /api/session/create")
        return sheet

    def sessions(self) -> Iterator[SessionSheet]:
        """Every session, in no order."""
        for home in _named(self.folder):
            if sheet := _unless_alone(_session_in, home):
                yield sheet

    def count(self) -> int:
        """How many sessions there are."""
        return len(_named(self.folder))

    def note_session(self, sheet: SessionSheet) -> None:
        """Replace what is known of a session."""
        write_sheet(self._home(sheet.session_id) / "session.json", sheet)

    def video(self, session_id: str, video_id: str) -> VideoSheet | None:
        """One video, whole or not; None if no chunk of it came yet."""
        return _video_at(self._home(session_id) / f"{check_id(video_id, 'video_id')}{_UPLOAD}")

    def videos(self, session_id: str | None = None) -> Iterator[VideoSheet]:
        """Every video of a session or of all, in no order."""
        homes = _named(self.folder) if session_id is None else [self._home(session_id)]
        for path in (path for home in homes for path in _named(home, _UPLOAD)):
            if sheet := _unless_alone(_video_at, path):
                yield sheet

    def note(self, sheet: VideoSheet) -> VideoSheet:
        """Replace what is known of a video; return it."""
        write_sheet(self._home(sheet.session_id) / f"{sheet.video_id}{_UPLOAD}", sheet)
        return sheet

    def metadata(self, session_id: str, video_id: str) -> dict[str, Any] | None:
        """What the client said of a video; None if it said nothing yet."""
        try:
            return msgspec.json.decode(self._metadata(session_id, video_id).read_bytes(), type=dict[str, Any])
        except (OSError, *DAMAGED):
            return None

    def write_metadata(self, session_id: str, video_id: str, metadata: dict[str, Any]) -> None:
        """Replace it."""
        write_whole(self._metadata(session_id, video_id), msgspec.json.encode(metadata))

    def described(self, session_id: str) -> int:
        """How many videos of a session the client said something of."""
        return len(_named(self._home(session_id), _METADATA))

    def path(self, sheet: VideoSheet) -> Path:
        """The whole video."""
        return self._home(sheet.session_id) / sheet.name

    def digests(self, sheet: VideoSheet) -> Path:
        """The SHA-256 of each chunk of a whole video, one after the other."""
        return self._home(sheet.session_id) / f"{sheet.video_id}.digests"

    def chunk(self, sheet: VideoSheet, index: int) -> Path:
        """Where a chunk lies or will lie."""
        return self._chunks(sheet) / f"{_CHUNK}{index:04d}"

    def held(self, sheet: VideoSheet) -> dict[int, int]:
        """The distinct chunks that are held, by index, with their sizes in bytes."""
        try:
            with os.scandir(self._chunks(sheet)) as found:
                named = {one.name.removeprefix(_CHUNK): one for one in found}
                return {int(name): one.stat().st_size for name, one in named.items() if _NUMBER.fullmatch(name)}
        except (FileNotFoundError, NotADirectoryError):
            return {}

    def place(self, sheet: VideoSheet, index: int, draft: Path) -> None:
        """Make a chunk of a draft whose bytes are durable already."""
        home = self._chunks(sheet)
        if not home.is_dir():
            home.mkdir()
            sync_folder(home.parent)
        draft.replace(self.chunk(sheet, index))
        sync_folder(home)

    def drop_chunks(self, sheet: VideoSheet) -> None:
        """Delete the chunks of a video, if there are any."""
        shutil.rmtree(self._chunks(sheet), ignore_errors=True)

    def drop_video(self, sheet: VideoSheet) -> None:
        """Delete the bytes of a video, whole or in chunks; what is known of it stays."""
        if sheet.extension:
            self.path(sheet).unlink(missing_ok=True)
        self.drop_chunks(sheet)

    def forget_upload(self, sheet: VideoSheet) -> None:
        """Delete the chunks of a video and all that is known of it, so that it may be begun again."""
        self.drop_chunks(sheet)
        self.digests(sheet).unlink(missing_ok=True)
        (self._home(sheet.session_id) / f"{sheet.video_id}{_UPLOAD}").unlink(missing_ok=True)

    def drop_session(self, session_id: str) -> None:
        """Delete a session with all that is in it. It is gone at once; `clear` ends what a kill cut off."""
        doomed = self.folder / f"{_DOOMED}{session_id}-{new_token('x')}"
        self._home(session_id).rename(doomed)
        sync_folder(self.folder)
        shutil.rmtree(doomed)

    def drop_doomed(self) -> None:
        """Delete what is left of sessions that are gone: a disk may have refused to."""
        for doomed in self.folder.glob(f"{_DOOMED}*"):
            shutil.rmtree(doomed)

    def draft_path(self) -> Path:
        """A place for a chunk that is coming in."""
        drafts = self.folder / _DRAFTS
        drafts.mkdir(parents=True, exist_ok=True)
        return drafts / new_token("draft")

    def clear(self) -> None:
        """At the start: delete what an earlier run left half made or half deleted."""
        shutil.rmtree(self.folder / _DRAFTS, ignore_errors=True)
        with suppress(OSError):  # whoever erases tries again, and says so
            self.drop_doomed()
        for draft in self.folder.glob("[!.]*/.*"):
            with suppress(OSError):  # none of ours
                draft.unlink()
        for sheet in self.videos():
            if sheet.step != "taking":
                self.drop_chunks(sheet)

    def used_bytes(self) -> int:
        """Everything in the folder."""
        return sum(size_of(Path(home, name)) for home, _, names in os.walk(self.folder) for name in names)

    def size(self, sheet: VideoSheet) -> int:
        """What a video takes now, whole or in chunks."""
        whole = size_of(self.path(sheet)) if sheet.extension else 0
        return whole + sum(self.held(sheet).values())

    def free_bytes(self) -> int:
        """What the disk has left for us."""
        self.folder.mkdir(parents=True, exist_ok=True)
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def _home(self, session_id: str) -> Path:
        """An id that is none cannot name a session, and least of all a path (X.13)."""
        return self.folder / check_id(session_id, "session_id")

    def _chunks(self, sheet: VideoSheet) -> Path:
        return self._home(sheet.session_id) / f"{sheet.video_id}.chunks"

    def _metadata(self, session_id: str, video_id: str) -> Path:
        return self._home(session_id) / f"{check_id(video_id, 'video_id')}{_METADATA}"


def _named(folder: Path, ending: str = "") -> list[Path]:
    """What lies in a folder under a name that ends so, but no draft; nothing if the folder went meanwhile."""
    try:
        return [path for path in folder.iterdir() if path.name.endswith(ending) and not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        if error.errno not in {*_ALONE, errno.ELOOP}:
            raise
        return []


def _unless_alone(read: Callable[[Path], _S | None], path: Path) -> _S | None:
    """None also for one file that the disk does not give; raise `OSError` where it gives none."""
    try:
        return read(path)
    except OSError as error:
        if error.errno not in _ALONE:
            raise
        return None


def _session_in(home: Path) -> SessionSheet | None:
    """What the sheet of a session says; None if there is none, or it is of another."""
    sheet = read_sheet(home / "session.json", SessionSheet)
    return sheet if sheet and sheet.session_id == home.name else None


def _video_at(path: Path) -> VideoSheet | None:
    """What the sheet of a video says; None if there is none, or it is of another."""
    sheet = read_sheet(path, VideoSheet)
    named = sheet and (sheet.session_id, sheet.video_id) == (path.parent.name, path.name.removesuffix(_UPLOAD))
    return sheet if named else None


def is_id(value: str) -> bool:
    """Whether `value` can name something here."""
    try:
        check_id(value)
    except InvalidIdError:
        return False
    return True


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
