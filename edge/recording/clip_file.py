"""The file under a growing recording: written front to back, hashed on the way, safe up to its last whole fragment."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from edge.recording.sidecar import sync_folder
from edge.recording.wear import NoWear, Wear


class ClipFile:
    """What a muxer writes into. It cannot seek. An error is kept in `error` and what comes after it is swallowed.

    A muxer that is told of an error in the middle of a fragment cannot end cleanly; so it is told nothing, and whoever
    drives it looks at `error` after each call. `amend` gets all that is written and says what to write in its place, of
    the same length.
    """

    def __init__(
        self, path: Path, wear: Wear | None = None, *, amend: Callable[[bytes], bytes] = lambda data: data
    ) -> None:
        self._wear = wear or NoWear()
        self._folder: Path | None = path.parent
        self._amend = amend
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self._sha256 = hashlib.sha256()
        self._safe_sha256 = self._sha256
        self.size_bytes = 0
        self.safe_bytes = 0
        self.error: OSError | None = None
        self._closed = False

    @property
    def safe_digest(self) -> str:
        """SHA-256 of the first `safe_bytes` bytes, lower-case hex."""
        return self._safe_sha256.hexdigest()

    def write(self, data: bytes) -> int:
        """Append `data`."""
        rest = memoryview(self._amend(data))
        while rest and self.error is None:
            try:
                written = os.write(self._descriptor, rest)
            except OSError as error:
                self.error = error
                break
            self._sha256.update(rest[:written])
            self.size_bytes += written
            self._wear.wrote(written)
            rest = rest[written:]
        return len(data)

    def make_safe(self) -> None:
        """A fragment ended here: have the disk keep everything so far."""
        if self.error is not None or self.safe_bytes == self.size_bytes:
            return
        try:
            os.fdatasync(self._descriptor)
            self._keep_name()
        except OSError as error:
            self.error = error
            return
        self._wear.synced()
        self.safe_bytes, self._safe_sha256 = self.size_bytes, self._sha256.copy()

    def _keep_name(self) -> None:
        """Bytes are safe only in a file whose name is: once is enough."""
        if self._folder:
            sync_folder(self._folder, self._wear)
            self._folder = None

    def close(self) -> None:
        """Cut off what is not safe and let go of the file, also if the disk refuses the cut."""
        if self._closed:
            return
        self._closed = True
        try:
            if self.size_bytes != self.safe_bytes or self.error is not None:
                os.ftruncate(self._descriptor, self.safe_bytes)
                os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)
