"""Where sheets lie: beside one another in a folder of their own, named like the recording that they show."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from contract.ids import check_id
from edge.core.files import DAMAGED, SYNCS_PER_FILE, sync_folder, write_private
from edge.recording.previews.sheet import Sheet, SheetLayout
from edge.recording.wear import NoWear, Wear

_SHEET, _THUMBNAIL, _LAYOUT = ".sheet.jpg", ".thumb.jpg", ".layout.json"
_ENDINGS: Final = (_LAYOUT, _SHEET, _THUMBNAIL)
"""The layout is written last and deleted first: what has one is whole."""
_NO_WEAR: Final = NoWear()


@dataclass(frozen=True, slots=True)
class SheetShelf:
    """The sheets of recordings in `folder`. Methods block, and take only checked ids (`InvalidIdError`).

    `wear` counts what is written.
    """

    folder: Path
    wear: Wear = _NO_WEAR

    def put(self, recording_id: str, sheet: Sheet | None) -> None:
        """Keep a sheet, or that there is none to be had; raise `OSError` if the disk refuses."""
        if sheet:
            self._write(self._path(recording_id, _SHEET), sheet.jpeg)
            self._write(self._path(recording_id, _THUMBNAIL), sheet.thumbnail)
        self._write(self._path(recording_id, _LAYOUT), msgspec.json.encode(sheet.layout if sheet else None))

    def has(self, recording_id: str) -> bool:
        """Whether this one was looked at."""
        return self._path(recording_id, _LAYOUT).exists()

    def layout(self, recording_id: str) -> SheetLayout | None:
        """What is where in its sheet; None without one."""
        try:
            return msgspec.json.decode(self._path(recording_id, _LAYOUT).read_bytes(), type=SheetLayout | None)
        except (OSError, *DAMAGED):
            return None

    def sheet(self, recording_id: str) -> bytes | None:
        """The JPEG of all tiles; None without one."""
        return _read(self._path(recording_id, _SHEET))

    def thumbnail(self, recording_id: str) -> bytes | None:
        """The first tile as a JPEG; None without one."""
        return _read(self._path(recording_id, _THUMBNAIL))

    def discard(self, recording_id: str) -> None:
        """Delete what is kept of one, durably; nothing happens if there is nothing."""
        paths = [path for ending in _ENDINGS if (path := self._path(recording_id, ending)).exists()]
        for path in paths:
            path.unlink(missing_ok=True)
        if paths:
            sync_folder(self.folder)

    def keep_only(self, recording_ids: Iterable[str]) -> None:
        """Delete what belongs to any other recording: it is gone. So goes what a kill left half written."""
        kept = set(recording_ids)
        named = ((path, ending) for ending in _ENDINGS for path in self.folder.glob(f"*{ending}"))
        over = [path for path, ending in named if path.name.removesuffix(ending) not in kept]
        for path in (*over, *self.folder.glob(".*.*")):
            with suppress(IsADirectoryError):  # none of ours
                path.unlink(missing_ok=True)

    def used_bytes(self) -> int:
        """What all of them take."""
        try:
            with os.scandir(self.folder) as listed:
                return sum(_size(one) for one in listed)
        except FileNotFoundError:
            return 0

    def _write(self, path: Path, content: bytes) -> None:
        write_private(path, content)
        self.wear.wrote(len(content))
        self.wear.synced(SYNCS_PER_FILE)

    def _path(self, recording_id: str, ending: str) -> Path:
        return self.folder / f"{check_id(recording_id, 'recording')}{ending}"


def _size(one: "os.DirEntry[str]") -> int:
    try:
        return one.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return None
