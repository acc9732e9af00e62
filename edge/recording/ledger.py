"""Tells of a recording exactly once, whatever was killed in between."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Phase = Literal["closed", "uploaded", "lost"]
KnownPhases = Callable[[str], Awaitable[frozenset[Phase]]]
"""What the store holds of a recording: `closed` and `uploaded` if it has such a `Recording` record, `lost` if a `Loss`
with its id. Asked only about a recording whose record may or may not have been made when the process was killed."""


@dataclass(frozen=True, slots=True)
class ClosedRecording:
    """A whole file that waits to be uploaded. `path` exists until the spool evicts it."""

    recording_id: str
    path: Path
    key: str
    sha256: str
    size_bytes: int
