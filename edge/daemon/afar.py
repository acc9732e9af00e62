"""What ties the appliance to those who look after it from afar: who it is, how it stands, what is asked of it."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client import generate_latest

from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.service import Service
from edge.core.standing import Link, running_release, standing_path
from edge.daemon.camera import CameraUnit
from edge.daemon.ground import Ground
from edge.daemon.remote.begin import Beginning
from edge.daemon.remote.home import names_of, readings_of
from edge.daemon.remote.make import Reach, Remote, make_remote
from edge.daemon.sensors import Sensors
from edge.daemon.sync import Carrier
from edge.daemon.totals import totals_of_identity
from edge.identity.folder import IdentityFolder
from edge.identity.renewal import IdentityRenewal
from edge.outbox.store import Outbox
from edge.releases.standing_service import StandingService, Told
from edge.sync import publisher
from edge.sync.home_assistant import HomeAssistantService
from edge.sync.remote.link import RemoteLink
from edge.web.control import fresh_frame
from edge.web.deps import WebDeps
from edge.web.kept_metrics import Total
from edge.web.metrics import registry_of

RELEASE = running_release(Path(sys.prefix))
"""The release that this process is of; empty where it was not installed as one."""


@dataclass(frozen=True, kw_only=True)
class Afar:
    """Remote hands, and everything that has to run."""

    remote: Remote
    identity: IdentityRenewal
    services: Sequence[Service]

    def totals(self) -> Sequence[Total]:
        """What was counted since the start."""
        return [*self.remote.totals(), *totals_of_identity(self.identity)]


def make_afar(  # noqa: PLR0913 - it looks after everything
    ground: Ground,
    beginning: Beginning,
    *,
    link: RemoteLink,
    carrier: Carrier,
    units: Mapping[str, CameraUnit],
    sensors: Sensors,
    models: Mapping[str, str],
    deps: WebDeps,
    up: asyncio.Event,
) -> Afar:
    """All of it. `models`: what is wrong with each, empty if nothing is; `up` is set once this run has come up."""
    identity = _identity(ground, carrier)
    busy = partial(_busy, sensors)
    reach = Reach(
        plans=units,
        newest={name: partial(_newest, unit, deps) for name, unit in units.items()},
        snapshots=deps.snapshots,
        ready=up.is_set,
        busy=busy,
        models=_Versions(ground),
        metrics=partial(generate_latest, registry_of(deps)),
        note=deps.audit.note if deps.audit else _nowhere,
        version=deps.version,
        release=RELEASE,
        renew=identity.renew,
        expires=lambda: identity.expires,
    )
    remote = make_remote(ground, beginning, link, reach)
    standing = StandingService(
        path=standing_path(ground.config.state),
        boot=ground.outbox.boot,
        release=RELEASE,
        software=deps.version,
        health=ground.health,
        told=Told(
            ready=up.is_set,
            frames=lambda: {name: unit.stats.frames for name, unit in units.items() if unit.running},
            models=lambda: models,
            records=partial(_records, ground.outbox),
            link=partial(_link, ground.health, enabled=ground.config.broker.enabled),
            busy=busy,
        ),
        clock=ground.clock,
    )
    home = _home(ground, link, units=units, sensors=sensors, deps=deps)
    return Afar(remote=remote, identity=identity, services=[identity, *remote.services, home, standing])


def _identity(ground: Ground, carrier: Carrier) -> IdentityRenewal:
    return IdentityRenewal(
        ground.config.identity,
        folder=IdentityFolder(ground.config.identity_dir),
        clock=ground.clock,
        health=ground.health,
        rng=ground.rng,
        on_change=carrier.publisher.reconnect,
    )


def _home(
    ground: Ground, link: RemoteLink, *, units: Mapping[str, CameraUnit], sensors: Sensors, deps: WebDeps
) -> HomeAssistantService:
    assert deps.storage is not None  # noqa: S101 - the composition root gives one
    return HomeAssistantService(
        ground.config.home_assistant,
        device=ground.config.device,
        software=deps.version,
        names=names_of(units, sensors.sensors()),
        readings=readings_of(units, sensors.signals, deps.storage.view, deps.telemetry),
        board=link.board,
        hub=ground.hub,
        kept=ground.config.state / "remote" / "home-assistant.json",
        clock=ground.clock,
        health=ground.health,
    )


def _newest(unit: CameraUnit, deps: WebDeps) -> Frame | None:
    return fresh_frame(unit, deps.clock, deps.settings.lost_after_s)


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


def _nowhere(*_words: str) -> None:
    return None


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
