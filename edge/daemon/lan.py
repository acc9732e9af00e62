"""What the LAN side shows of the rooms, and the server that shows it."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from contract.messages import Event
from edge.config import EdgeConfig
from edge.daemon.camera import CameraUnit
from edge.daemon.ground import Ground
from edge.daemon.password import auth_of, ensure_password
from edge.daemon.rooms import Rooms
from edge.recording.spool import Spool
from edge.vision.overlay import paint
from edge.web.app import create_app
from edge.web.deps import WebDeps
from edge.web.server import WebServer


def make_deps(ground: Ground, rooms: Rooms, version: str) -> WebDeps:
    """Everything that the pages and routes are told; a first password is made where there is none."""
    config = ground.config
    auth = auth_of(config)
    ensure_password(config, auth)
    desk = rooms.sensors.desk
    return WebDeps(
        cameras=rooms.units,
        relays=rooms.relays,
        history=ground.outbox,
        hub=ground.hub,
        health=ground.health,
        clock=ground.clock,
        settings=config.web,
        auth=auth,
        audit=rooms.audit,
        snapshots=rooms.snapshots,
        telemetry=rooms.vitals.latest,
        config=lambda: _plain(config),
        version=version,
        device=config.device,
        event_pictures=ground.album,
        clip_of=partial(_clip_of, rooms.storage.spool, rooms.units),
        paint=paint,
        sessions=desk,
        sensors=rooms.sensors,
        recordings=rooms.storage.shelf,
        storage=rooms.storage.retention,
        uploads=rooms.carrier.desk,
        collect=rooms.collecting.collector,
        folders=desk.folders if desk else None,
        totals=rooms.totals,
    )


def make_web(ground: Ground, deps: WebDeps) -> WebServer:
    """The server of these."""
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
