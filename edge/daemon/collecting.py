"""The room that takes videos from browsers, put together and tied to the store and the uploads."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from edge.collecting.collector import Collector
from edge.collecting.outward import Outward
from edge.collecting.service import CollectService
from edge.collecting.stash import CollectedStash
from edge.core.service import Service
from edge.daemon.ground import Ground
from edge.daemon.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Collecting:
    """The room's door, and what runs behind it."""

    collector: Collector
    service: CollectService

    @property
    def services(self) -> Sequence[Service]:
        """What has to run."""
        return (self.service,)


def make_collecting(ground: Ground, storage: Storage) -> Collecting:
    """The room, with its stash under the eyes of retention."""
    uploads, clock = ground.outbox.uploads, ground.clock
    collector = Collector(
        ground.config.state,
        settings=ground.config.collect,
        clock=clock,
        rng=random.SystemRandom(),
        has_room=storage.retention.has_room,
        wear=storage.meter,
    )
    outward = Outward(
        device=ground.config.device,
        sink=ground.outbox,
        offer=uploads.offer,
        known=uploads.phases,
        forget=uploads.forget,
    )
    stash = CollectedStash(collector, outward)
    storage.retention.watch(stash)
    storage.on_uploaded.append(stash.mark_uploaded)
    service = CollectService(collector, stash=stash, outward=outward, clock=clock, health=ground.health)
    return Collecting(collector=collector, service=service)
