"""Puts the appliance together: every room is made here and nowhere else, and told only what it needs."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from prometheus_client import generate_latest

from contract.messages import Record
from edge.config import EdgeConfig
from edge.core.clock import Clock, host_boot
from edge.core.errors import ModelError
from edge.core.health import Health, PartHealth, State
from edge.core.hub import Hub
from edge.core.service import Service
from edge.daemon.afar import Run, make_afar
from edge.daemon.camera import CameraUnit
from edge.daemon.ground import Ground
from edge.daemon.health_ledger import HealthLedger
from edge.daemon.lan import make_deps, make_web
from edge.daemon.remote.begin import Beginning
from edge.daemon.remote.make import make_link
from edge.daemon.rooms import make_rooms
from edge.daemon.sync import make_carrier
from edge.daemon.totals import totals_of
from edge.daemon.watchdog import Watchdog
from edge.models.store import ModelStore
from edge.outbox.store import Outbox
from edge.recording.service import RecordingService
from edge.vision.events.album import EventAlbum
from edge.vision.threads import hold_opencv_to_its_caller
from edge.web.metrics import registry_of

TASKS: Final = ("motion", "anomaly", "emotion", "voices")
"""What there are models for."""


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
    rooms = await make_rooms(ground, carrier, version)
    stack.push_async_callback(rooms.close)
    ledger = HealthLedger(sink=outbox, hub=hub, clock=clock)
    _announce(ground, ledger, rooms.units.values())
    deps = make_deps(ground, rooms, version)
    web = make_web(ground, deps)
    run = Run(beginning=beginning, version=version, models=models, link=link, up=asyncio.Event())
    afar = make_afar(ground, run, rooms, partial(generate_latest, registry_of(deps)))
    stack.callback(afar.remote.close)
    rooms.counted.extend([partial(totals_of, ground, rooms), afar.totals])
    services: list[Service] = [outbox, ledger, *rooms.services, *afar.services, web]
    services.append(Watchdog(tuple(services), up=run.up, health=health, clock=clock))
    return Appliance(services=services, recorders=rooms.recorders, leave=web.leave, again=afar.remote.hands.restart.due)


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


def _announce(ground: Ground, ledger: HealthLedger, units: Iterable[CameraUnit]) -> None:
    """Tie what happens to those who watch: commits to the page, changes of health to page, ledger and cameras."""
    listeners = [ledger.changed, *(unit.health_changed for unit in units)]

    def changed(part: PartHealth) -> None:
        for listener in listeners:
            listener(part)

    def committed(rows: Sequence[tuple[int, Record]]) -> None:
        for row, record in rows:
            ground.hub.publish_record(row, record)

    ground.outbox.on_commit = committed
    for part in ground.health.parts():
        ledger.changed(part)
    ground.health.on_change = changed
