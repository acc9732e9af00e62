"""The small file beside each recording that says what it is and how far it got; written durably, step by step."""

import errno
import os
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from contract.ids import Id
from contract.messages import Recording
from contract.objects import recording_key
from edge.core import files
from edge.core.access_unit import Coding
from edge.core.clock import Stamp, wall_ms_of
from edge.recording.wear import NoWear, Wear

SUFFIX: Final = ".json"
DRAFT: Final = ".tmp"
MOST_EVENTS: Final = 64
_LEAPT_MS: Final = 1000
"""A wall clock that says another time by more than this leapt, or was set."""
_NO_WEAR: Final = NoWear()
_LARGEST: Final = 64 * 1024
_NOT_ITS_FAULT: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_DAY_MS: Final = 86_400_000
_Moment = Annotated[int, Meta(ge=-_DAY_MS, le=253_402_300_799_999)]
"""Milliseconds since the epoch that have a date; a clock that was never set may be a little before it."""
_Number = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Reason = Literal["continuous", "event", "manual", "schedule", "session"]
Step = Literal["writing", "closed", "recorded", "uploaded", "lost"]
"""`writing`: may be torn. `closed`: whole. `recorded`: its record is durable and the uploader knows it. `uploaded`:
confirmed in object storage. `lost`: given up; its `Loss` is being recorded and its video deleted."""


class Sidecar(Struct, frozen=True, kw_only=True):
    """One recording. Times are milliseconds since the epoch; what is known only at the end is zero before."""

    recording_id: Id
    camera: Id
    reason: Reason
    codec: Coding
    start_ms: _Moment
    width_px: int
    height_px: int
    step: Step = "writing"
    event_id: Id | None = None
    end_ms: _Moment = 0
    frames: _Number = 0
    frames_dropped: _Number = 0
    size_bytes: _Number = 0
    sha256: str = ""
    salvaged: bool = False
    trusted: bool = True
    """Whether the clock was trusted when it began: only then does its age by days count."""
    why: str = ""
    """Which rule of retention gave it up, once it is `lost`."""
    event_ids: tuple[Id, ...] = ()
    """The events that it shows, the first of which is `event_id`; at most `MOST_EVENTS`."""
    order: _Number = 0
    """Grows with each recording of a spool, whatever the clock says; 0 if it is from before there was an order."""
    mono_ns: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] = 0
    """When it began, by the monotonic clock of the host's run `boot`."""
    boot: str = ""
    key_ms: _Moment = 0
    """The start as it was known when its key was told; the key keeps it."""
    session_id: str | None = None
    participant: Id | None = None
    urgent: bool = False
    """It shows an event that is an alarm."""
    rebuilt: bool = False
    """This note was made from the video, for the first one was damaged: events it was marked with later are missing."""

    def shows(self, event_id: str) -> bool:
        """Whether it shows this event."""
        return event_id == self.event_id or event_id in self.event_ids

    def showing(self, event_id: str, *, urgent: bool = False) -> "Sidecar":
        """The same recording, with one event more that it shows; itself if that says nothing new."""
        urgent = urgent or self.urgent
        if self.shows(event_id) or len(self.event_ids) >= MOST_EVENTS:
            return self if urgent == self.urgent else replace(self, urgent=urgent)
        events = (*self.event_ids, event_id)
        return replace(self, event_id=self.event_id or event_id, event_ids=events, urgent=urgent)

    @property
    def age(self) -> tuple[int, int]:
        """What sorts recordings, the oldest first."""
        return self.order or self.start_ms, self.start_ms

    def timed(self, now: Stamp, boot: str) -> "Sidecar":
        """The same with the times that a trusted clock gives it, if it was made in this run of the host."""
        if not (now.trusted and boot and boot == self.boot):
            return self
        moved_ms = wall_ms_of(self.mono_ns, now) - self.start_ms
        if abs(moved_ms) <= _LEAPT_MS:
            return self if self.trusted else replace(self, trusted=True)
        end_ms = self.end_ms + moved_ms if self.end_ms else 0
        return replace(self, start_ms=self.start_ms + moved_ms, end_ms=end_ms, trusted=True)

    def key(self, device: str) -> str:
        """Where it will lie in object storage."""
        return recording_key(device, self.camera, self.recording_id, self.key_ms or self.start_ms)

    def body(self, device: str) -> Recording:
        """The record that tells of it, once it is closed."""
        return Recording(
            recording_id=self.recording_id,
            phase="closed",
            camera=self.camera,
            reason=self.reason,
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            frames=self.frames,
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            codec=self.codec,
            width_px=self.width_px,
            height_px=self.height_px,
            key=self.key(device),
            event_id=self.event_id,
            session_id=self.session_id,
            participant=self.participant,
            salvaged=self.salvaged,
        )


def read_sidecar(path: Path) -> Sidecar | None:
    """The sidecar at `path`; None if it is gone, damaged, or of another recording than its name says.

    Raise `OSError` where this process has no means to look: that says nothing of the note.
    """
    try:
        found = msgspec.json.decode(files.read_small(path, _LARGEST), type=Sidecar)
    except (OSError, *files.DAMAGED) as error:
        if isinstance(error, OSError) and error.errno in _NOT_ITS_FAULT:
            raise
        return None
    return found if (found.camera, found.recording_id) == (path.parent.name, path.stem) else None


def write_sidecar(path: Path, sidecar: Sidecar, wear: Wear = _NO_WEAR) -> None:
    """Put `sidecar` at `path` so that a power cut leaves the old one or the new one, never half; raise `OSError`."""
    fresh, data = path.with_suffix(DRAFT), msgspec.json.encode(sidecar)
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    wear.wrote(len(data))
    wear.synced()
    fresh.replace(path)
    sync_folder(path.parent, wear)


def sync_folder(folder: Path, wear: Wear = _NO_WEAR) -> None:
    """Make what was created, renamed or deleted in `folder` durable, and count it."""
    files.sync_folder(folder)
    wear.synced()
