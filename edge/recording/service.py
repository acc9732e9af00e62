"""Records one camera: around events, always, or by hand."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from edge.core.clock import Clock
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.records import RecordSink
from edge.core.service import Pulse
from edge.recording.ledger import ClosedRecording, KnownPhases
from edge.recording.settings import RecordingSettings
from edge.recording.spool import Spool


@dataclass(frozen=True, slots=True)
class RecordingTeller:
    """To whom a finished recording is told. `on_closed` may be called again for the same id after a restart."""

    device: str
    sink: RecordSink
    known: KnownPhases
    on_closed: Callable[[ClosedRecording], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RecordingStats:
    """How recording is doing since the service began."""

    recording: bool
    clips: int
    frames_written: int
    frames_dropped: int
    bytes_written: int
    salvaged: int
    ring_bytes: int


class RecordingService:
    """A `Service` that records one camera. Methods belong to the event loop; encoding has a thread of its own.

    `run` first salvages what a killed process left of this camera. `has_room` is asked before bytes are written
    (`RetentionService.has_room`). Health part: `recording.<id>`.
    """

    def __init__(
        self,
        camera_id: str,
        *,
        settings: RecordingSettings,
        spool: Spool,
        teller: RecordingTeller,
        has_room: Callable[[], bool],
        clock: Clock,
        health: Health,
    ) -> None:
        self.name = f"recording.{camera_id}"
        self.pulse = Pulse(clock)

    @property
    def recording(self) -> bool:
        """Whether frames are being written now."""
        raise NotImplementedError

    @property
    def stats(self) -> RecordingStats:
        """How it is doing."""
        raise NotImplementedError

    def offer(self, frame: Frame) -> None:
        """Take every frame of the camera, in order. Cheap; never blocks."""
        raise NotImplementedError

    def event_opened(self, event_id: str) -> None:
        """Something began: record from `pre_roll_s` before now."""
        raise NotImplementedError

    def event_closed(self, event_id: str) -> None:
        """It is over: record `post_roll_s` more, unless another event is open."""
        raise NotImplementedError

    def start_manual(self) -> None:
        """Record from now until `stop_manual`, in any mode."""
        raise NotImplementedError

    def stop_manual(self) -> None:
        """End a recording by hand; an open event goes on being recorded."""
        raise NotImplementedError

    async def close(self) -> None:
        """End what is being recorded and return when it is told; later frames are ignored. For a clean shutdown."""
        raise NotImplementedError

    async def run(self) -> None:
        """Work until cancelled."""
        raise NotImplementedError
