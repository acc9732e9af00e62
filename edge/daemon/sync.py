"""What carries records and recordings away, put together, and what the page is told of it."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from edge.config import EdgeConfig
from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.secrets import read_secret
from edge.core.service import Pulse, Service
from edge.outbox.rows import Counts
from edge.outbox.store import Outbox
from edge.recording.ledger import ClosedRecording
from edge.sync.publisher import Publisher
from edge.sync.settings import FolderSettings, S3Settings
from edge.sync.targets.folder import FolderTarget
from edge.sync.targets.s3 import S3Target, read_keys
from edge.sync.targets.target import Target
from edge.sync.uploader import Uploader

_TELL_EVERY_S: Final = 1.0


def target_maker(config: EdgeConfig) -> Callable[[], Target] | None:
    """What makes the object storage of these settings; None where it is switched off."""
    objects = config.objects
    match objects:
        case FolderSettings():
            folder = Path(objects.path).expanduser() if objects.path else config.state / "objects"
            return lambda: FolderTarget(folder, part_bytes=objects.part_size_bytes, create=not objects.path)
        case S3Settings():
            return lambda: S3Target(objects, read_keys(objects, lambda name: read_secret(name, config.secrets)))
        case _:
            return None


class Carrier:
    """Publisher and uploader; itself a `Service` that tells the page once a second how far they are."""

    def __init__(
        self, *, outbox: Outbox, publisher: Publisher, uploader: Uploader, hub: Hub, health: Health, clock: Clock
    ) -> None:
        self.name = "sync"
        self.pulse = Pulse(clock)
        self._outbox = outbox
        self._publisher = publisher
        self._uploader = uploader
        self._hub = hub
        self._health = health
        self._clock = clock
        self._counts = Counts(outbox.outbox_records, None, 0)

    @property
    def services(self) -> Sequence[Service]:
        """What has to run."""
        return (self._publisher, self._uploader, self)

    @property
    def uploads_pending(self) -> int:
        """Recordings not sent yet, as of a second ago."""
        return self._counts.uploads_pending

    def on_uploaded(self, call: Callable[[str], Awaitable[None]]) -> None:
        """Call `call` with the id of each recording that object storage has confirmed."""
        self._uploader.on_uploaded = call

    async def recording_closed(self, recording: ClosedRecording) -> None:
        """Queue a whole file for upload."""
        await self._outbox.uploads.add(recording.recording_id, recording.path)

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            try:
                self._counts = await self._outbox.counts()
            except StoreError:
                self._counts = Counts(self._outbox.outbox_records, None, self._counts.uploads_pending)
            self._hub.publish("sync", self._message(), key="device")
            self.pulse.beat()
            await self._clock.sleep(_TELL_EVERY_S)

    def _message(self) -> dict[str, Any]:
        """The hub's `sync` message: how each link is and how much waits for it."""
        broker, progress = self._health.part("broker"), self._uploader.progress
        return {
            "broker": broker.state.value if broker else State.STOPPED.value,
            "broker_detail": broker.detail if broker else "",
            "objects": self._health.of("objects").value,
            "outbox_records": self._counts.outbox_records,
            "oldest_unacked_s": self._counts.oldest_unacked_s,
            "acked_total": self._outbox.acknowledged_total,
            "uploads_pending": self._counts.uploads_pending,
            "upload": asdict(progress) if progress else None,
        }


def make_carrier(  # every argument is one wire of the composition root
    config: EdgeConfig, *, clock: Clock, hub: Hub, health: Health, outbox: Outbox, version: str
) -> Carrier:
    """Publisher and uploader of these settings."""
    publisher = Publisher(
        config.broker,
        outbox=outbox,
        clock=clock,
        health=health,
        rng=random.Random(),  # noqa: S311 (spreads retries, guards nothing)
        secrets_dir=config.secrets,
        software=version,
    )
    uploader = Uploader(
        target_maker(config),
        outbox=outbox,
        clock=clock,
        health=health,
        rng=random.Random(),  # noqa: S311
    )
    return Carrier(outbox=outbox, publisher=publisher, uploader=uploader, hub=hub, health=health, clock=clock)
