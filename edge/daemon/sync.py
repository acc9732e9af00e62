"""What carries records and recordings away, put together."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from contract.ids import new_token
from edge.config import EdgeConfig
from edge.core.clock import Clock
from edge.core.errors import LinkError
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.secrets import read_secret
from edge.core.service import Service
from edge.outbox.store import Outbox
from edge.sync.publisher import Publisher
from edge.sync.remote.link import RemoteLink
from edge.sync.requests import RequestDesk
from edge.sync.settings import CloudSettings, FolderSettings, S3Settings
from edge.sync.status import SyncStatus
from edge.sync.targets.folder import FolderTarget
from edge.sync.targets.presigned import PresignedTarget
from edge.sync.targets.s3 import S3Target, read_keys
from edge.sync.targets.target import Target
from edge.sync.uploader import Uploader
from edge.sync.uploading.desk import UploadDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """Publisher, uploader with its desk, and what tells the page how far they are."""

    publisher: Publisher
    uploader: Uploader
    desk: UploadDesk
    status: SyncStatus

    @property
    def services(self) -> Sequence[Service]:
        """What has to run."""
        return (self.publisher, self.uploader, self.desk, self.status)


def target_maker(config: EdgeConfig, requests: RequestDesk) -> Callable[[], Target] | None:
    """What makes the object storage of these settings; None where it is switched off. `requests` ask the cloud."""
    objects = config.objects
    match objects:
        case FolderSettings():
            return partial(_folder_target, objects, config.state / "objects")
        case S3Settings():
            return lambda: S3Target(objects, read_keys(objects, lambda name: read_secret(name, config.secrets)))
        case CloudSettings():
            ask = partial(requests.ask, timeout_s=objects.answer_timeout_s)
            return lambda: PresignedTarget(ask, objects, new_id=lambda: new_token("ask"))
        case _:
            return None


def _folder_target(objects: FolderSettings, own: Path) -> FolderTarget:
    try:
        folder = Path(objects.path).expanduser() if objects.path else own
    except RuntimeError as error:
        raise LinkError(f"objects.path: {objects.path}: {error}") from error
    return FolderTarget(folder, part_bytes=objects.part_size_bytes, create=not objects.path, mounted=objects.mounted)


def make_carrier(
    config: EdgeConfig,
    *,
    clock: Clock,
    hub: Hub,
    health: Health,
    outbox: Outbox,
    version: str,
    link: RemoteLink | None = None,
) -> Carrier:
    """Publisher and uploader of these settings; `link` is what the publisher carries for remote hands."""
    requests = RequestDesk()
    publisher = Publisher(
        config.broker,
        outbox=outbox,
        clock=clock,
        health=health,
        rng=random.Random(),  # noqa: S311 (spreads retries, guards nothing)
        secrets_dir=config.secrets,
        software=version,
        requests=requests,
        remote=link,
        identity_dir=config.identity_dir,
    )
    uploader = Uploader(
        target_maker(config, requests),
        outbox=outbox,
        clock=clock,
        health=health,
        rng=random.Random(),  # noqa: S311
        settings=config.uploads,
    )
    desk = UploadDesk(uploads=outbox.uploads, uploader=uploader, hub=hub, clock=clock)
    status = SyncStatus(outbox=outbox, uploader=uploader, hub=hub, health=health, clock=clock)
    return Carrier(publisher=publisher, uploader=uploader, desk=desk, status=status)
