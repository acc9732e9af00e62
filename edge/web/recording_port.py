"""What the LAN side needs to show recordings, as a port that the daemon fills."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from contract.messages import EpochMs

RecordingState = Literal["growing", "waiting", "uploaded"]


class RecordingView(Struct, frozen=True, kw_only=True):
    """One recording that lies on the device. `waiting`: whole, and not in object storage yet."""

    recording_id: str
    camera: str
    reason: str
    state: RecordingState
    start_ms: EpochMs
    end_ms: EpochMs | None = None
    """None while it grows."""
    size_bytes: int = 0
    frames: int = 0
    frames_dropped: int = 0
    codec: str = ""
    width: int = 0
    height: int = 0
    salvaged: bool = False
    """Whether its end was cut off by a power cut or a crash."""
    event_ids: tuple[str, ...] = ()
    session_id: str | None = None
    sheet: bool = False
    """Whether there are small pictures to look through it by."""
    order: int = 0
    """Grows with each recording of the device: the cursor of `before`."""


class RecordingPage(Struct, frozen=True, kw_only=True):
    """Recordings, newest first; `more` if there are older ones."""

    recordings: list[RecordingView]
    more: bool


class TimelapseView(Struct, frozen=True, kw_only=True):
    """One camera's day, made small."""

    camera: str
    date: str
    size_bytes: int


class Timelapses(Struct, frozen=True, kw_only=True):
    """Those that lie on the device, newest first."""

    timelapses: list[TimelapseView]


class RecordingPort(Protocol):
    """The recordings of the device. All methods block on the disk, and are called in worker threads.

    Ids are checked ids; what is unknown, or gone meanwhile, is None.
    """

    def page(self, *, camera: str | None, before: int | None, limit: int) -> RecordingPage:
        """At most `limit` recordings, newest first: of one camera or all, of an order smaller than `before`."""
        ...

    def one(self, recording_id: str) -> RecordingView | None:
        """One of them."""
        ...

    def video(self, recording_id: str) -> Path | None:
        """Its file, whole or growing."""
        ...

    def sheet(self, recording_id: str) -> bytes | None:
        """Its small pictures side by side, a JPEG."""
        ...

    def sheet_vtt(self, recording_id: str, sheet_url: str) -> str | None:
        """Which of them is for when: WebVTT with `#xywh=` of `sheet_url`."""
        ...

    def thumbnail(self, recording_id: str) -> bytes | None:
        """The first of them, a JPEG."""
        ...

    def timelapses(self) -> Sequence[TimelapseView]:
        """Every timelapse, newest first."""
        ...

    def timelapse(self, camera: str, date: str) -> Path | None:
        """The file of one."""
        ...
