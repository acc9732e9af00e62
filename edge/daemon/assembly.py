"""Puts the appliance together: every room is made here and nowhere else, and told only what it needs."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.messages import Event, Record
from edge.config import EdgeConfig
from edge.core.audit import AuditLog
from edge.core.clock import Clock, host_boot
from edge.core.errors import ModelError, StoreError
from edge.core.frame import Frame
from edge.core.health import Health, PartHealth, State
from edge.core.hub import Hub
from edge.core.service import Service
from edge.core.slot import Slot
from edge.daemon.afar import make_afar
from edge.daemon.camera import CameraUnit
from edge.daemon.cameras import make_camera
from edge.daemon.collecting import Collecting, make_collecting
from edge.daemon.ground import Ground
from edge.daemon.health_ledger import HealthLedger
from edge.daemon.password import auth_of, ensure_password
from edge.daemon.remote.begin import Beginning
from edge.daemon.remote.make import make_link
from edge.daemon.sensors import Sensors, make_sensors
from edge.daemon.storage import Storage, make_storage
from edge.daemon.sync import Carrier, make_carrier
from edge.daemon.totals import totals_of
from edge.daemon.vitals import VitalsService
from edge.daemon.watchdog import Watchdog
from edge.models.store import ModelStore
from edge.outbox.clock_keeper import ClockKeeper
from edge.outbox.store import Outbox
from edge.recording.service import RecordingService
from edge.recording.spool import Spool
from edge.vision.events.album import EventAlbum
from edge.vision.events.book import Kept
from edge.vision.events.left_open import close_left_open
from edge.vision.overlay import paint
from edge.vision.threads import hold_opencv_to_its_caller
from edge.web.app import create_app
from edge.web.deps import WebDeps
from edge.web.kept_metrics import Total, Totals
from edge.web.relay import Relays
from edge.web.server import WebServer
from edge.web.snapshots import Snapshots

TASKS: Final = ("motion", "anomaly", "emotion", "voices")
"""What there are models for."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the LAN side shows."""

    units: Mapping[str, CameraUnit]
    relays: Relays
    storage: Storage
    sensors: Sensors
    carrier: Carrier
    collecting: Collecting


@dataclass(frozen=True, kw_only=True)
class Appliance:
    """All services, and what has to be ended in order before they are cancelled. `again` is set when the daemon is to
    be started anew."""

    services: Sequence[Service]
    recorders: Sequence[RecordingService]
    leave: Callable[[], None]
    again: asyncio.Event

    async def close(self) -> None:
        """End what is being recorded; meanwhile the page lets its visitors go."""
        self.leave()
        await asyncio.gather(*(recorder.close() for recorder in self.recorders))


async def assemble(beginning: Beginning, clock: Clock, version: str, stack: AsyncExitStack) -> Appliance:
    """Make every room and tie them together; what has to be closed is pushed on `stack`.

    Raise `StoreError` if the store cannot be opened at all.
    """
    hold_opencv_to_its_caller()
    config = beginning.config
    hub, health = Hub(), Health(clock)
    outbox = await stack.enter_async_context(_store(config, clock, health))
    ground, models = _ground(config, clock, hub, health, outbox)
    stack.callback(ground.album.close)
    link = make_link(config.device)
    carrier = make_carrier(config, clock=clock, hub=hub, health=health, outbox=outbox, version=version, link=link)
    slots: dict[str, Slot[Frame]] = {settings.id: Slot() for settings in config.cameras}
    storage = make_storage(ground, carrier.uploader, slots)
    await _close_left_open(ground, storage.spool)
    relays = Relays(slots, clock=clock, lost_after_s=config.web.lost_after_s, max_viewers=config.web.max_viewers)
    built = [make_camera(ground, storage, relays, settings, slots[settings.id]) for settings in config.cameras]
    units = {unit.id: unit for unit, _ in built}
    recorders = {unit.id: unit.recorder for unit in units.values()}
    collecting = make_collecting(ground, storage)
    sensors = await make_sensors(ground, storage, recorders, elsewhere=collecting.service, version=version)
    collecting.ask(sensors.desk)
    if sensors.desk:
        stack.push_async_callback(sensors.desk.close)
    ledger = HealthLedger(sink=outbox, hub=hub, clock=clock)
    _announce(outbox, hub, health, ledger, units.values())
    vitals = _vitals(ground, carrier, units)
    keeper = ClockKeeper(outbox=outbox, clock=clock, health=health, rng=ground.rng)
    counted = [totals_of(units, storage=storage, carrier=carrier, collecting=collecting, outbox=outbox, keeper=keeper)]
    rooms = Rooms(units, relays, storage, sensors, carrier, collecting)
    deps = _web_deps(ground, rooms, vitals=vitals, version=version, totals=partial(_all_of, counted))
    web = _web_server(ground, deps)
    up = asyncio.Event()
    afar = make_afar(
        ground,
        beginning,
        link=link,
        carrier=carrier,
        units=units,
        sensors=sensors,
        models=models,
        deps=deps,
        up=up,
    )
    stack.callback(afar.remote.close)
    storage.on_uploaded.append(afar.remote.files.uploaded)
    counted.append(afar.totals)
    services: list[Service] = [
        outbox,
        keeper,
        ledger,
        *storage.services,
        *(service for _, services in built for service in services),
        *sensors.services,
        *collecting.services,
        *carrier.services,
        *afar.services,
        vitals,
        web,
    ]
    services.append(Watchdog(tuple(services), up=up, health=health, clock=clock))
    return Appliance(
        services=services, recorders=list(recorders.values()), leave=web.leave, again=afar.remote.restart.due
    )


def _store(config: EdgeConfig, clock: Clock, health: Health) -> AbstractAsyncContextManager[Outbox]:
    return Outbox.open(
        config.state / "store.db",
        device=config.device,
        clock=clock,
        health=health,
        limits=config.outbox,
        host_boot=host_boot(),
    )


def _ground(
    config: EdgeConfig, clock: Clock, hub: Hub, health: Health, outbox: Outbox
) -> tuple[Ground, Mapping[str, str]]:
    """It, and what is wrong with each model; empty if nothing is."""
    album = EventAlbum(config.state / "events", config.vision.events, clock, health)
    models, problems = _models(config, health)
    ground = Ground(
        config=config,
        clock=clock,
        hub=hub,
        health=health,
        outbox=outbox,
        models=models,
        album=album,
        host_boot=host_boot(),
        turns=asyncio.Semaphore(os.cpu_count() or 1),
    )
    return ground, problems


async def _close_left_open(ground: Ground, spool: Spool) -> None:
    """What a killed run left open is over."""
    kept = Kept(picture=ground.album.has, recording=spool.recording_of)
    try:
        await close_left_open(ground.outbox, ground.outbox, ground.clock, kept=kept)
    except StoreError as error:
        _log.error("events of a former run stay open: %s", error)


def _models(config: EdgeConfig, health: Health) -> tuple[ModelStore, Mapping[str, str]]:
    """The models, each tried once before anybody needs it, so that a broken one is known from the start."""
    store = ModelStore.of(config.models, config.state)
    problems = {task: _problem_with(store, task) for task in TASKS}
    if wrong := "; ".join(filter(None, problems.values())):
        health.set("models", State.FAILED, wrong)
    else:
        health.set("models", State.DEGRADED if store.problems else State.OK, "; ".join(store.problems))
    return store, problems


def _problem_with(store: ModelStore, task: str) -> str:
    try:
        store.load(task)
    except ModelError as error:
        return str(error)
    return ""


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


def _all_of(counted: Iterable[Totals]) -> Sequence[Total]:
    return [total for totals in counted for total in totals()]


def _web_deps(ground: Ground, rooms: Rooms, *, vitals: VitalsService, version: str, totals: Totals) -> WebDeps:
    config, clock = ground.config, ground.clock
    auth = auth_of(config)
    ensure_password(config, auth)
    return WebDeps(
        cameras=rooms.units,
        relays=rooms.relays,
        history=ground.outbox,
        hub=ground.hub,
        health=ground.health,
        clock=clock,
        settings=config.web,
        auth=auth,
        audit=AuditLog(config.state / "audit", clock=clock),
        snapshots=Snapshots(config.state / "snapshots", clock=clock, keep=config.web.keep_snapshots),
        telemetry=vitals.latest,
        config=lambda: _plain(config),
        version=version,
        device=config.device,
        event_pictures=ground.album,
        clip_of=partial(_clip_of, rooms.storage.spool, rooms.units),
        paint=paint,
        sessions=rooms.sensors.desk,
        sensors=rooms.sensors,
        recordings=rooms.storage.shelf,
        storage=rooms.storage.retention,
        uploads=rooms.carrier.desk,
        collect=rooms.collecting.collector,
        folders=rooms.sensors.desk.folders if rooms.sensors.desk else None,
        totals=totals,
    )


def _web_server(ground: Ground, deps: WebDeps) -> WebServer:
    config = ground.config
    return WebServer(
        create_app(deps),
        settings=config.web,
        health=ground.health,
        clock=ground.clock,
        rng=ground.rng,
        closing=deps.closing,
        certificates=config.state / "tls",
    )


def _clip_of(spool: Spool, units: Mapping[str, CameraUnit], event: Event) -> Path | None:
    """The video that shows `event`; one that has only just opened may not name its recording yet."""
    unit = units.get(event.camera)
    recording_id = event.recording_id or (unit.recording_of(event.event_id) if unit else None)
    return spool.clip_of(recording_id) if recording_id else None


def _plain(config: EdgeConfig) -> Mapping[str, Any]:
    """The configuration as JSON-ready data; it never holds a secret, only names of secrets."""
    plain: Mapping[str, Any] = msgspec.to_builtins(config)
    return plain
