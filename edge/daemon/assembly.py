"""Puts the appliance together: every room is made here and nowhere else, and told only what it needs."""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from contract.messages import Event, Record
from edge.affect.service import AffectService
from edge.affect.session import Viewings
from edge.capture.service import CaptureService
from edge.capture.settings import CameraSettings
from edge.config import EdgeConfig
from edge.core.clock import Clock
from edge.core.frame import Frame
from edge.core.health import Health, PartHealth, State
from edge.core.hub import Hub
from edge.core.sample import Sample
from edge.core.service import Service
from edge.core.slot import Slot
from edge.daemon.camera import CameraParts, CameraUnit
from edge.daemon.drivers import camera_opener, sensor_opener
from edge.daemon.health_ledger import HealthLedger
from edge.daemon.password import auth_of, ensure_password
from edge.daemon.sync import Carrier, make_carrier
from edge.daemon.vitals import VitalsService
from edge.daemon.watchdog import Watchdog
from edge.models.store import ModelStore
from edge.outbox.store import Outbox
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.retention import RetentionService
from edge.recording.service import RecordingService
from edge.recording.spool import Spool
from edge.sensing.batch import SampleBatcher
from edge.sensing.service import SensingService
from edge.sensing.settings import SensorSettings
from edge.vision.service import VisionOutlets, VisionService
from edge.web.app import create_app
from edge.web.deps import WebDeps
from edge.web.relay import Relays
from edge.web.server import WebServer


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What every room stands on."""

    config: EdgeConfig
    clock: Clock
    hub: Hub
    health: Health
    outbox: Outbox
    models: ModelStore

    @property
    def rng(self) -> random.Random:
        """Randomness for jitter; a fresh generator for each room."""
        return random.Random()  # noqa: S311 (spreads retries, guards nothing)


@dataclass(frozen=True, kw_only=True)
class Recorders:
    """What the recorders of all cameras share."""

    spool: Spool
    teller: RecordingTeller
    retention: RetentionService


@dataclass(frozen=True, kw_only=True)
class Appliance:
    """All services, and what has to be ended in order before they are cancelled."""

    services: Sequence[Service]
    recorders: Sequence[RecordingService]

    async def close(self) -> None:
        """End what is being recorded."""
        await asyncio.gather(*(recorder.close() for recorder in self.recorders))


async def assemble(config: EdgeConfig, clock: Clock, version: str, stack: AsyncExitStack) -> Appliance:
    """Make every room and tie them together; what has to be closed is pushed on `stack`.

    Raise `StoreError` if the store cannot be opened at all.
    """
    hub, health = Hub(), Health(clock)
    outbox = await stack.enter_async_context(
        Outbox.open(config.state / "store.db", device=config.device, clock=clock, health=health, limits=config.outbox)
    )
    ground = Ground(config=config, clock=clock, hub=hub, health=health, outbox=outbox, models=_models(config, health))
    carrier = make_carrier(config, clock=clock, hub=hub, health=health, outbox=outbox, version=version)
    recorders = _recorders(ground, carrier)
    slots: dict[str, Slot[Frame]] = {settings.id: Slot() for settings in config.cameras}
    relays = Relays(slots, clock=clock, lost_after_s=config.web.lost_after_s, max_viewers=config.web.max_viewers)
    built = [_camera(ground, recorders, relays, settings, slots[settings.id]) for settings in config.cameras]
    units = {unit.id: unit for unit, _ in built}
    ledger = HealthLedger(sink=outbox, hub=hub, clock=clock)
    _announce(outbox, hub, health, ledger, units.values())
    vitals = _vitals(ground, carrier, units)
    web = _web(ground, units, relays, vitals, version)
    services: list[Service] = [
        outbox,
        ledger,
        recorders.retention,
        *(service for _, services in built for service in services),
        *_sensors(ground),
        *carrier.services,
        vitals,
        web,
    ]
    services.append(Watchdog(tuple(services), health=health, clock=clock))
    return Appliance(services=services, recorders=[s for s in services if isinstance(s, RecordingService)])


def _models(config: EdgeConfig, health: Health) -> ModelStore:
    store = ModelStore(Path(config.models.folder) if config.models.folder else None, providers=config.models.providers)
    store.available()
    health.set("models", State.DEGRADED if store.problems else State.OK, "; ".join(store.problems))
    return store


def _recorders(ground: Ground, carrier: Carrier) -> Recorders:
    spool = Spool(ground.config.state / "recordings")
    known = ground.outbox.uploads.phases
    retention = RetentionService(
        spool,
        settings=ground.config.recording,
        sink=ground.outbox,
        known=known,
        on_evicted=ground.outbox.uploads.forget,
        clock=ground.clock,
        health=ground.health,
    )
    carrier.uploader.on_uploaded = retention.mark_uploaded

    async def queue(recording: ClosedRecording) -> None:
        await ground.outbox.uploads.add(recording.recording_id, recording.path)

    teller = RecordingTeller(device=ground.config.device, sink=ground.outbox, known=known, on_closed=queue)
    return Recorders(spool=spool, teller=teller, retention=retention)


def _camera(
    ground: Ground, recorders: Recorders, relays: Relays, settings: CameraSettings, slot: Slot[Frame]
) -> tuple[CameraUnit, list[Service]]:
    """One camera's capture, recorder and analysis, with the unit that the LAN side sees."""
    config, clock, health = ground.config, ground.clock, ground.health
    recorder = RecordingService(
        settings.id,
        settings=config.recording,
        spool=recorders.spool,
        teller=recorders.teller,
        has_room=recorders.retention.has_room,
        clock=clock,
        health=health,
    )

    def deliver(frame: Frame) -> None:
        slot.put(frame)
        recorder.offer(frame)

    capture = CaptureService(
        settings.id,
        open_camera=camera_opener(settings, config.secrets, clock),
        deliver=deliver,
        health=health,
        clock=clock,
        rng=ground.rng,
    )
    vision = _vision(ground, settings.id, slot, recorder) if config.vision.enabled else None
    unit = CameraUnit(
        settings.id,
        CameraParts(slot=slot, capture=capture, recorder=recorder, vision=vision),
        name=settings.name,
        hub=ground.hub,
        health=health,
        clock=clock,
        viewers=relays.viewers,
        start_wait_s=config.web.start_wait_s,
    )
    return unit, [recorder, capture, *([vision] if vision else []), unit]


def _vision(ground: Ground, camera_id: str, slot: Slot[Frame], recorder: RecordingService) -> VisionService:
    def opened(event: Event) -> None:
        recorder.event_opened(event.event_id)

    def closed(event: Event) -> None:
        recorder.event_closed(event.event_id)

    outlets = VisionOutlets(
        sink=ground.outbox,
        hub=ground.hub,
        health=ground.health,
        on_event_opened=opened,
        on_event_closed=closed,
    )
    return VisionService(
        camera_id,
        slot=slot,
        models=ground.models,
        settings=ground.config.vision,
        outlets=outlets,
        clock=ground.clock,
        rng=np.random.default_rng(),
        state_dir=ground.config.state / "vision",
    )


def _sensors(ground: Ground) -> list[Service]:
    """Every sensor with the service that reads emotion from it; they share the viewings."""
    viewings = Viewings(ground.config.affect.participants)
    sensors = ground.config.sensors
    return [
        service
        for settings in sensors
        for service in _sensor(ground, settings, viewings, "affect" if len(sensors) == 1 else f"affect.{settings.id}")
    ]


def _sensor(ground: Ground, settings: SensorSettings, viewings: Viewings, part: str) -> list[Service]:
    batcher = SampleBatcher(settings.id, ground.hub, ground.clock)
    affect = _affect(ground, settings.id, viewings, part) if ground.config.affect.enabled else None

    def deliver(sample: Sample) -> None:
        batcher.add(sample)
        if affect:
            affect.offer(sample)

    sensing = SensingService(
        settings.id,
        open_sensor=sensor_opener(settings, ground.clock),
        deliver=deliver,
        health=ground.health,
        clock=ground.clock,
        rng=ground.rng,
    )
    return [sensing, *([affect] if affect else [])]


def _affect(ground: Ground, sensor_id: str, viewings: Viewings, part: str) -> AffectService:
    service = AffectService(
        sensor_id,
        model_store=ground.models,
        settings=ground.config.affect,
        viewings=viewings,
        sink=ground.outbox,
        health=ground.health,
        clock=ground.clock,
        part=part,
    )
    service.load_model()
    return service


def _announce(outbox: Outbox, hub: Hub, health: Health, ledger: HealthLedger, units: Iterable[CameraUnit]) -> None:
    """Tie what happens to those who watch: commits to the page, changes of health to page, ledger and cameras."""
    listeners = [ledger.changed, *(unit.health_changed for unit in units)]

    def changed(part: PartHealth) -> None:
        for listener in listeners:
            listener(part)

    def committed(rows: Sequence[tuple[int, Record]]) -> None:
        for row, record in rows:
            hub.publish_record(row, record)

    outbox.on_commit = committed
    for part in health.parts():
        ledger.changed(part)
    health.on_change = changed


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


def _web(
    ground: Ground, units: Mapping[str, CameraUnit], relays: Relays, vitals: VitalsService, version: str
) -> WebServer:
    config, clock = ground.config, ground.clock
    auth = auth_of(config)
    ensure_password(config, auth)
    deps = WebDeps(
        cameras=units,
        relays=relays,
        history=ground.outbox,
        hub=ground.hub,
        health=ground.health,
        clock=clock,
        settings=config.web,
        auth=auth,
        snapshots_dir=config.state / "snapshots",
        telemetry=vitals.latest,
        config=lambda: _plain(config),
        version=version,
        device=config.device,
    )
    return WebServer(
        create_app(deps),
        settings=config.web,
        health=ground.health,
        clock=clock,
        rng=ground.rng,
        closing=deps.closing,
    )


def _plain(config: EdgeConfig) -> Mapping[str, Any]:
    """The configuration as JSON-ready data; it never holds a secret, only names of secrets."""
    plain: Mapping[str, Any] = msgspec.to_builtins(config)
    return plain
