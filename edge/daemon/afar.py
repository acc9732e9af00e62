"""What ties the appliance to those who look after it from afar: who it is, how it stands, what is asked of it."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.service import Service
from edge.core.standing import Link, running_release, standing_path
from edge.daemon.camera import CameraUnit
from edge.daemon.ground import Ground
from edge.daemon.remote.begin import Beginning
from edge.daemon.remote.home import names_of, readings_of
from edge.daemon.remote.make import Remote, make_remote
from edge.daemon.remote.reach import Reach
from edge.daemon.rooms import Rooms
from edge.daemon.sensors import Sensors
from edge.daemon.totals import totals_of_identity
from edge.identity.folder import IdentityFolder
from edge.identity.renewal import IdentityRenewal
from edge.outbox.store import Outbox
from edge.releases.standing_service import StandingService, Told
from edge.sync import publisher
from edge.sync.home_assistant import HomeAssistantService
from edge.sync.remote.link import RemoteLink
from edge.web.control import fresh_frame
from edge.web.kept_metrics import Total

RELEASE: Final = running_release(Path(sys.prefix))
"""The release that this process is of; empty where it was not installed as one."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """This run of the daemon: with which settings it began, what it is, and whether it has come up."""

    beginning: Beginning
    version: str
    models: Mapping[str, str]
    """What is wrong with each; empty if nothing is."""
    link: RemoteLink
    """What the publisher carries."""
    up: asyncio.Event


@dataclass(frozen=True, kw_only=True)
class Afar:
    """Remote hands, and everything that has to run."""

    remote: Remote
    identity: IdentityRenewal
    services: Sequence[Service]

    def totals(self) -> Sequence[Total]:
        """What was counted since the start."""
        return [*self.remote.totals(), *totals_of_identity(self.identity)]


def make_afar(ground: Ground, run: Run, rooms: Rooms, metrics: Callable[[], bytes]) -> Afar:
    """All of it. `metrics`: what a scrape would get."""
    identity = _identity(ground, rooms)
    remote = make_remote(ground, run.beginning, run.link, _reach(ground, run, rooms, identity, metrics))
    rooms.storage.on_uploaded.append(remote.hands.files.uploaded)
    services = [identity, *remote.services, _home(ground, run, rooms), _standing(ground, run, rooms)]
    return Afar(remote=remote, identity=identity, services=services)


def _identity(ground: Ground, rooms: Rooms) -> IdentityRenewal:
    return IdentityRenewal(
        ground.config.identity,
        folder=IdentityFolder(ground.config.identity_dir),
        clock=ground.clock,
        health=ground.health,
        rng=ground.rng,
        on_change=rooms.carrier.publisher.reconnect,
    )


def _reach(ground: Ground, run: Run, rooms: Rooms, identity: IdentityRenewal, metrics: Callable[[], bytes]) -> Reach:
    return Reach(
        plans=rooms.units,
        newest={name: partial(_newest, ground, unit) for name, unit in rooms.units.items()},
        snapshots=rooms.snapshots,
        ready=run.up.is_set,
        busy=partial(_busy, rooms.sensors),
        models=_Versions(ground),
        metrics=metrics,
        note=rooms.audit.note,
        version=run.version,
        release=RELEASE,
        renew=identity.renew,
        expires=lambda: identity.expires,
    )


def _standing(ground: Ground, run: Run, rooms: Rooms) -> StandingService:
    told = Told(
        ready=run.up.is_set,
        frames=lambda: {name: unit.stats.frames for name, unit in rooms.units.items() if unit.running},
        models=lambda: run.models,
        records=partial(_records, ground.outbox),
        link=partial(_link, ground.health, enabled=ground.config.broker.enabled),
        busy=partial(_busy, rooms.sensors),
    )
    return StandingService(
        path=standing_path(ground.config.state),
        boot=ground.outbox.boot,
        release=RELEASE,
        software=run.version,
        health=ground.health,
        told=told,
        clock=ground.clock,
    )


def _home(ground: Ground, run: Run, rooms: Rooms) -> HomeAssistantService:
    sensors = rooms.sensors
    return HomeAssistantService(
        ground.config.home_assistant,
        device=ground.config.device,
        software=run.version,
        names=names_of(rooms.units, sensors.sensors()),
        readings=readings_of(rooms.units, sensors.signals, rooms.storage.retention.view, rooms.vitals.latest),
        board=run.link.board,
        hub=ground.hub,
        kept=ground.config.state / "remote" / "home-assistant.json",
        clock=ground.clock,
        health=ground.health,
    )


def _newest(ground: Ground, unit: CameraUnit) -> Frame | None:
    return fresh_frame(unit, ground.clock, ground.config.web.lost_after_s)


def _busy(sensors: Sensors) -> list[str]:
    """Nobody is cut off in the middle of a session."""
    running = sensors.desk.running() if sensors.desk else ()
    return [f"session {view.session_id} is being recorded" for view in running]


def _records(outbox: Outbox) -> tuple[int, int]:
    return outbox.outbox_records, outbox.acknowledged_total


def _link(health: Health, *, enabled: bool) -> Link:
    if not enabled:
        return "none"
    return "up" if health.of(publisher.PART) is State.OK else "away"


class _Versions:
    """The version of each model in use; the folders are read anew only when they have changed."""

    def __init__(self, ground: Ground) -> None:
        self._models = ground.models
        self._at_ns = -1
        self._known: dict[str, str] = {}

    def __call__(self) -> dict[str, str]:
        changed_ns = self._models.changed_ns
        if changed_ns != self._at_ns:
            self._at_ns = changed_ns
            self._known = {one.manifest.name: one.manifest.version for one in self._models.installed() if one.used}
        return self._known
