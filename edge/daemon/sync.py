"""What carries records and recordings away, put together."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.config import EdgeConfig
from edge.core.clock import Clock
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.secrets import read_secret
from edge.core.service import Service
from edge.outbox.store import Outbox
from edge.sync.publisher import Publisher
from edge.sync.settings import FolderSettings, S3Settings
from edge.sync.status import SyncStatus
from edge.sync.targets.folder import FolderTarget
from edge.sync.targets.s3 import S3Target, read_keys
from edge.sync.targets.target import Target
from edge.sync.uploader import Uploader


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """Publisher, uploader, and what tells the page how far they are."""

    publisher: Publisher
    uploader: Uploader
    status: SyncStatus

    @property
    def services(self) -> Sequence[Service]:
        """What has to run."""
        return (self.publisher, self.uploader, self.status)


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


def make_carrier(
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
    status = SyncStatus(outbox=outbox, uploader=uploader, hub=hub, health=health, clock=clock)
    return Carrier(publisher=publisher, uploader=uploader, status=status)
