"""The room that takes videos from browsers, put together and tied to the store and the uploads."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from edge.affect.sessions.desk import SessionDesk
from edge.collecting.collector import Collector
from edge.collecting.outward import Outward
from edge.collecting.service import CollectService
from edge.collecting.stash import CollectedStash
from edge.core.errors import RefusedError, StoreError
from edge.core.service import Service
from edge.daemon.ground import Ground
from edge.daemon.storage import Storage


class PersonsOfDesk:
    """`edge.collecting.persons.Persons`. Who is brought by a client is known at the desk, and can be erased there."""

    def __init__(self, desk: SessionDesk | None) -> None:
        """`desk` None: its file cannot be opened."""
        self._desk = desk

    async def came(self, participant: str | None) -> None:
        """Note that their client brought them."""
        if self._desk is None:
            raise StoreError("Nobody can be taken in: the file that says who agreed cannot be opened, see /v1/health")
        if participant is not None:
            await self._desk.came_by_client(participant)
        elif not self._desk.takes_strangers:
            raise RefusedError("no participant_id is given, and affect.sessions.external_consent is off: send one")

    def took_back(self, participant: str) -> bool:
        """Whether they took their consent back."""
        return self._desk is not None and self._desk.took_back(participant)


@dataclass(frozen=True, kw_only=True)
class Collecting:
    """The room's door, and what runs behind it."""

    collector: Collector
    service: CollectService

    def ask(self, desk: SessionDesk | None) -> None:
        """Let the desk of participants say from now on of whom something may be kept."""
        self.collector.persons = PersonsOfDesk(desk)

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
