"""A desk of sessions with a real store and made-up sensors, under a test's hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contract.messages import AnyBody, Prediction
from contract.sessions import ChannelQuality, SensorView
from edge.affect.session import Viewings
from edge.affect.sessions.desk import SessionDesk
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.affect.sessions.needs import DeskNeeds
from edge.affect.sessions.settings import SessionSettings
from edge.core.clock import Clock
from edge.core.health import Health
from edge.core.hub import Hub
from edge.outbox.store import Outbox
from tests.support.clock import FakeClock
from tests.support.outboxes import open_outbox

MP4 = b"\0\0\0\x18ftypisom" + bytes(500)
GOOD = {"gsr_us": ChannelQuality(state="ok", index=0.95), "hr_bpm": ChannelQuality(state="ok", index=0.9)}


@dataclass(kw_only=True)
class SessionsRoom:
    """The desk and what it stands on."""

    desk: SessionDesk
    outbox: Outbox
    hub: Hub
    viewings: Viewings
    clock: FakeClock
    health: Health
    world: "World"

    async def agree(self, *participants: str, sensor: str | None = None) -> None:
        """Make participants who agree to the text of now."""
        for participant in participants:
            await self.desk.put_participant(participant, sensor=sensor, note="")
            text = self.desk.consent_text()
            await self.desk.consent(participant, given=True, text_sha256=text.sha256, witness="lead")

    async def bodies(self, kind: type[AnyBody]) -> list[AnyBody]:
        """The records of a kind, oldest first, once everything was told."""
        await self.desk.tell()
        return [record.body for _, record in await self.outbox.history(after=0) if isinstance(record.body, kind)]

    async def predict(self, session_id: str, user: str, index: int = 0, **more: object) -> Prediction:
        """Put a prediction of 5 s into the store, as the service of a sensor does."""
        start_ms = self.clock.now().wall_ms + index * 5000
        plain: dict[str, object] = {
            "task": "emotion",
            "model": "emotion",
            "model_version": "2.0.0",
            "source": "left",
            "segment_index": index,
            "start_ms": start_ms,
            "end_ms": start_ms + 5000,
            "probe": "HH",
            "confidence": 0.6,
            "session_id": session_id,
            "user_id": user,
        }
        made = Prediction(**(plain | more))  # type: ignore[arg-type]
        await self.outbox.append(made)
        return made


@dataclass
class World:
    """What a test may change about the surroundings."""

    sensors: list[SensorView] = field(default_factory=lambda: [sensor("left"), sensor("right")])
    free_bytes: int = 10 << 30
    model_problem: str = ""


def sensor(name: str, *, state: str = "ok", quality: dict[str, ChannelQuality] | None = None) -> SensorView:
    """A sensor that delivers well."""
    return SensorView(id=name, source="simulated", state=state, quality=GOOD if quality is None else quality)


@asynccontextmanager
async def opened_desk(
    folder: Path,
    *,
    settings: SessionSettings | None = None,
    clock: FakeClock | None = None,
    world: World | None = None,
    participants: dict[str, str] | None = None,
    folders: FolderNeeds | None = None,
) -> AsyncIterator[SessionsRoom]:
    """A desk that is open; its service does not run."""
    clock, hub, world = clock or FakeClock(), Hub(), world or World()
    viewings = Viewings(participants or {})
    async with open_outbox(folder, clock=clock) as outbox:
        needs = needs_of(outbox, hub, viewings, clock, world, folders=folders)
        desk = SessionDesk(folder / "sessions", settings=settings or SessionSettings(), needs=needs)
        await desk.open()
        try:
            yield SessionsRoom(
                desk=desk, outbox=outbox, hub=hub, viewings=viewings, clock=clock, health=needs.health, world=world
            )
        finally:
            await desk.close()


def needs_of(
    outbox: Outbox, hub: Hub, viewings: Viewings, clock: Clock, world: World, *, folders: FolderNeeds | None = None
) -> DeskNeeds:
    """What a desk stands on."""
    return DeskNeeds(
        viewings=viewings,
        sink=outbox,
        records=outbox,
        hub=hub,
        clock=clock,
        health=Health(clock),
        sensors=lambda: world.sensors,
        model_problem=lambda: world.model_problem,
        free_bytes=lambda _folder: world.free_bytes,
        folders=folders,
    )


async def pieces(data: bytes, size: int = 100) -> AsyncIterator[bytes]:
    """Bytes as they come over the wire."""
    for first in range(0, len(data), size):
        yield data[first : first + size]
        await asyncio.sleep(0)
