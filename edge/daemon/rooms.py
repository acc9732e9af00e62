"""The rooms that work whether or not anybody looks at them, made in the order in which they need each other."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edge.core.audit import AuditLog
from edge.core.errors import StoreError
from edge.core.frame import Frame
from edge.core.service import Service
from edge.core.slot import Slot
from edge.daemon.camera import CameraUnit
from edge.daemon.cameras import make_camera
from edge.daemon.collecting import Collecting, make_collecting
from edge.daemon.ground import Ground
from edge.daemon.sensors import Sensors, make_sensors
from edge.daemon.storage import Storage, make_storage
from edge.daemon.sync import Carrier
from edge.daemon.vitals import VitalsService
from edge.outbox.clock_keeper import ClockKeeper
from edge.recording.service import RecordingService
from edge.recording.spool import Spool
from edge.vision.events.book import Kept
from edge.vision.events.left_open import close_left_open
from edge.web.kept_metrics import Total
from edge.web.relay import Relays
from edge.web.snapshots import Snapshots

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """All of them. `counted`: who tells what was counted since the start."""

    carrier: Carrier
    storage: Storage
    relays: Relays
    units: Mapping[str, CameraUnit]
    seeing: Sequence[Service]
    """What has to run for the cameras."""
    collecting: Collecting
    sensors: Sensors
    keeper: ClockKeeper
    vitals: VitalsService
    audit: AuditLog
    snapshots: Snapshots
    counted: list[Callable[[], Sequence[Total]]] = field(default_factory=list)

    @property
    def services(self) -> list[Service]:
        """What has to run."""
        return [
            self.keeper,
            *self.storage.services,
            *self.seeing,
            *self.sensors.services,
            *self.collecting.services,
            *self.carrier.services,
            self.vitals,
        ]

    @property
    def recorders(self) -> list[RecordingService]:
        """That of each camera."""
        return [unit.recorder for unit in self.units.values()]

    def totals(self) -> Sequence[Total]:
        """What everybody has counted."""
        return [total for totals in self.counted for total in totals()]

    async def close(self) -> None:
        """Close the desk of sessions, which was opened here."""
        if self.sensors.desk:
            await self.sensors.desk.close()


async def make_rooms(ground: Ground, carrier: Carrier, version: str) -> Rooms:
    """Make them; the store is open, and nothing runs yet."""
    config, clock = ground.config, ground.clock
    slots: dict[str, Slot[Frame]] = {settings.id: Slot() for settings in config.cameras}
    storage = make_storage(ground, carrier.uploader, slots)
    await storage.orphanage.rebuild_all()
    await _close_left_open(ground, storage.spool)
    relays = Relays(slots, clock=clock, lost_after_s=config.web.lost_after_s, max_viewers=config.web.max_viewers)
    built = [make_camera(ground, storage, relays, settings, slots[settings.id]) for settings in config.cameras]
    units = {unit.id: unit for unit, _ in built}
    collecting = make_collecting(ground, storage)
    recorders = {unit.id: unit.recorder for unit in units.values()}
    sensors = await make_sensors(ground, storage, recorders, elsewhere=collecting.service, version=version)
    collecting.ask(sensors.desk)
    return Rooms(
        carrier=carrier,
        storage=storage,
        relays=relays,
        units=units,
        seeing=[service for _, services in built for service in services],
        collecting=collecting,
        sensors=sensors,
        keeper=ClockKeeper(outbox=ground.outbox, clock=clock, health=ground.health, rng=ground.rng),
        vitals=_vitals(ground, carrier, units),
        audit=AuditLog(config.state / "audit", clock=clock),
        snapshots=Snapshots(config.state / "snapshots", clock=clock, keep=config.web.keep_snapshots),
    )


async def _close_left_open(ground: Ground, spool: Spool) -> None:
    """What a killed run left open is over."""
    kept = Kept(picture=ground.album.has, recording=spool.recording_of)
    try:
        await close_left_open(ground.outbox, ground.outbox, ground.clock, kept=kept)
    except StoreError as error:
        _log.error("events of a former run stay open: %s", error)


def _vitals(ground: Ground, carrier: Carrier, units: Mapping[str, CameraUnit]) -> VitalsService:
    return VitalsService(
        state_dir=ground.config.state,
        hub=ground.hub,
        sink=ground.outbox,
        clock=ground.clock,
        backlog=lambda: (ground.outbox.outbox_records, carrier.status.counts.uploads_pending),
        fps=lambda: {camera: round(unit.stats.fps, 1) for camera, unit in units.items()},
        record_every_s=ground.config.telemetry_every_s,
    )
