"""Keeps the spool within its budget and the disk from filling: what was uploaded goes first, then by worth."""

from collections.abc import Awaitable, Callable

from edge.core.clock import Clock
from edge.core.health import Health
from edge.core.records import RecordSink
from edge.core.service import Pulse
from edge.recording.ledger import KnownPhases
from edge.recording.settings import RecordingSettings
from edge.recording.spool import Spool


class RetentionService:
    """A `Service` for the whole spool. Health part: `disk`.

    `on_evicted` gets the id of each recording that is given up before its upload, so that the uploader forgets it.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        settings: RecordingSettings,
        sink: RecordSink,
        known: KnownPhases,
        on_evicted: Callable[[str], Awaitable[None]],
        clock: Clock,
        health: Health,
    ) -> None:
        self.name = "retention"
        self.pulse = Pulse(clock)

    def has_room(self) -> bool:
        """Whether recordings may grow now."""
        raise NotImplementedError

    async def mark_uploaded(self, recording_id: str) -> None:
        """The object storage confirmed a recording: its file may go first. Unknown ids are ignored."""
        raise NotImplementedError

    async def run(self) -> None:
        """Work until cancelled."""
        raise NotImplementedError
