"""What the page shows of the way to the cloud: the hub's `sync` message, once a second."""

from typing import Any, Final

from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.service import Pulse
from edge.outbox.rows import Counts
from edge.outbox.store import Outbox
from edge.sync import publisher, uploader
from edge.sync.uploader import Uploader

_EVERY_S: Final = 1.0


class SyncStatus:
    """A `Service` that publishes how far the records and recordings got. `latest` is the newest message."""

    def __init__(self, *, outbox: Outbox, uploader: Uploader, hub: Hub, health: Health, clock: Clock) -> None:
        self.name = "sync-status"
        self.pulse = Pulse(clock)
        self.latest: dict[str, Any] = {}
        self.counts = Counts(0, None, 0)
        self._outbox = outbox
        self._uploader = uploader
        self._hub = hub
        self._health = health
        self._clock = clock

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self.pulse.beat()
            try:
                self.counts = await self._outbox.counts()
            except StoreError as error:
                self._health.set("store", State.DEGRADED, str(error))
            self.latest = self._message()
            self._hub.publish("sync", self.latest, key="sync")
            await self._clock.sleep(_EVERY_S)

    def _message(self) -> dict[str, Any]:
        parts = {part.part: part for part in self._health.parts()}
        broker, objects = parts.get(publisher.PART), parts.get(uploader.PART)
        progress = self._uploader.progress
        return {
            "broker": broker.state.value if broker else State.STOPPED.value,
            "broker_detail": broker.detail if broker else "",
            "objects": objects.state.value if objects else State.STOPPED.value,
            "objects_detail": objects.detail if objects else "",
            "outbox_records": self.counts.outbox_records,
            "oldest_unacked_s": self.counts.oldest_unacked_s,
            "acked_total": self._outbox.acknowledged_total,
            "uploads_pending": self.counts.uploads_pending,
            "upload": {
                "recording_id": progress.recording_id,
                "sent_bytes": progress.sent_bytes,
                "size_bytes": progress.size_bytes,
            }
            if progress
            else None,
        }
