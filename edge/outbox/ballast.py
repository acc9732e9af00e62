"""Disk space that is held ready, so that alarms can be written although others filled the disk.

It is a file of real blocks. When SQLite finds the disk full it is deleted, and what it held is there for the records of
alarms and of losses; retention makes room meanwhile and lets it be taken again.
"""

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

_ROOM_FACTOR: Final = 4
"""It is taken only while the disk has this many times its size: one that is nearly full would be full of it."""
_log = logging.getLogger(__name__)


class Ballast:
    """The file at `path`, of `size_bytes`; 0 for none. Methods block a little and may be called in any thread."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self._changing = threading.Lock()
        self.released = 0
        """Times that it was given up."""

    @property
    def held_bytes(self) -> int:
        """How much of the disk is held now."""
        try:
            stat = self._path.stat()
        except OSError:
            return 0
        return min(stat.st_size, stat.st_blocks * 512)

    def release(self) -> bool:
        """Give it up; whether there was any. Needs no room itself."""
        with self._changing:
            try:
                self._path.unlink()
            except OSError:
                return False
            self.released += 1
        _log.warning("the disk is full: %d bytes that were held ready are given up", self._size_bytes)
        return True

    def take(self, free_bytes: int) -> None:
        """Hold it again, whole; nothing happens while the disk has too little or refuses."""
        with self._changing:
            if self.held_bytes >= self._size_bytes or free_bytes < self._size_bytes * _ROOM_FACTOR:
                return
            try:
                self._fill()
            except OSError:
                with suppress(OSError):
                    self._path.unlink(missing_ok=True)

    def _fill(self) -> None:
        with self._path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self._size_bytes)
            os.fsync(file.fileno())
