"""Remote hands put together: the daemon gives what they reach, and gets the services that have to run."""

import asyncio
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from contract.remote import Command, Desired, Reported
from contract.times import to_wire
from edge.core.service import Service
from edge.core.standing import find_standing
from edge.daemon.ground import Ground
from edge.daemon.remote.begin import FOLDER, Beginning
from edge.daemon.remote.desired import DesiredService, PlanPort
from edge.daemon.remote.diagnostics import LogRing, Part, as_json, disk_text, host_text, journal_text, store_text
from edge.daemon.remote.diagnostics_handler import DiagnosticsHandler
from edge.daemon.remote.files import RemoteFiles
from edge.daemon.remote.log_level import LogLevel, LogLevelHandler
from edge.daemon.remote.models import KEYS, ModelTaker
from edge.daemon.remote.overlay import plain_of
from edge.daemon.remote.redaction import redacted
from edge.daemon.remote.renewal import Renew, RenewalHandler
from edge.daemon.remote.restart import RestartDesk, RestartHandler
from edge.daemon.remote.settings_patch import settable_of
from edge.daemon.remote.snapshot import Keeper, Newest, SnapshotHandler
from edge.daemon.remote.update import UpdateHandler
from edge.sync.board import Board
from edge.sync.remote.door import Door
from edge.sync.remote.handler import Handler
from edge.sync.remote.link import RemoteLink
from edge.sync.remote.runner import CommandRunner
from edge.sync.remote.service import RemoteService
from edge.sync.settings import OffSettings
from edge.web.kept_metrics import Total

CONFIG_FOLDER: Final = Path("/etc/afferent")
Note = Callable[[str, str, str, str, str], object]
"""`AuditLog.note`: actor, address, action, target, outcome."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What remote hands reach of the appliance.

    `newest` gives a camera's newest fresh picture; `ready` whether this run has come up; `busy` why it must not be
    restarted now; `models` the version of each model in use; `metrics` what a scrape would get; `note` writes into the
    audit log, in a thread; `renew` and `expires` are of the device's certificate.
    """

    plans: Mapping[str, PlanPort]
    newest: Mapping[str, Newest]
    snapshots: Keeper
    ready: Callable[[], bool]
    busy: Callable[[], Sequence[str]]
    models: Callable[[], dict[str, str]]
    metrics: Callable[[], bytes]
    note: Note
    version: str
    release: str = ""
    renew: Renew | None = None
    expires: Callable[[], str] = str
    config_folder: Path = CONFIG_FOLDER


@dataclass(frozen=True, kw_only=True)
class Remote:
    """`restart.due` is to end the daemon with `EXIT_AGAIN`; `files.uploaded` wants to hear of each uploaded file."""

    service: RemoteService
    runner: CommandRunner
    desired: DesiredService
    restart: RestartDesk
    files: RemoteFiles
    ring: LogRing

    def close(self) -> None:
        """Keep the log's lines no more."""
        logging.getLogger().removeHandler(self.ring)

    @property
    def services(self) -> list[Service]:
        """What has to run."""
        return [self.service, self.desired, self.files]

    def totals(self) -> Sequence[Total]:
        """What was counted since the start."""
        about = "Commands from afar that ended, by how"
        ends = [
            Total(name="remote_commands", about=about, value=count, labels={"end": end})
            for end, count in self.runner.ended.items()
        ]
        return [
            *ends,
            Total(
                name="remote_commands_refused",
                about="Commands that were not taken because too many came",
                value=self.service.refused_total,
            ),
            Total(
                name="remote_unreadable",
                about="Messages from afar that could not be read",
                value=self.service.garbage_total,
            ),
        ]


def make_link(device: str) -> RemoteLink:
    """What the publisher carries; make it before the publisher."""
    return RemoteLink(Door(device), Board())


def make_remote(ground: Ground, beginning: Beginning, link: RemoteLink, reach: Reach) -> Remote:
    """Everything that listens to the cloud, over the connection that carries `link`."""
    config, clock, outbox = ground.config, ground.clock, ground.outbox
    ring = LogRing()
    logging.getLogger().addHandler(ring)
    level = LogLevel(config.log_level, clock)
    restart = RestartDesk(reach.busy, clock)
    files = RemoteFiles(
        config.state / FOLDER / "files",
        device=config.device,
        clock=clock,
        uploads=None if isinstance(config.objects, OffSettings) else outbox.uploads,
        repaired=outbox.repaired,
    )
    desired = DesiredService(
        beginning,
        plans=reach.plans,
        models=ModelTaker(config.models, config.state, reach.config_folder / KEYS),
        restart=restart,
        level=level,
        ready=reach.ready,
        clock=clock,
        health=ground.health,
    )
    parts = partial(_parts, ground, reach, ring, desired)
    make_update = partial(
        UpdateHandler, state=config.state, clock=clock, turn=asyncio.Lock(), restart=restart, health=ground.health
    )
    handlers: dict[str, Handler] = {
        "snapshot": SnapshotHandler(reach.newest, reach.snapshots, files),
        "restart": RestartHandler(restart),
        "diagnostics": DiagnosticsHandler(parts, files, clock),
        "log_level": LogLevelHandler(level),
        "update": make_update("update"),
        "rollback": make_update("rollback"),
        "renew_certificate": RenewalHandler(reach.renew),
    }
    noter = _Noter(reach.note)
    runner = CommandRunner(
        outbox.commands, handlers, clock=clock, host_boot=ground.host_boot, on_end=noter.command_ended
    )
    service = RemoteService(
        link,
        book=outbox.commands,
        runner=runner,
        on_desired=desired.wanted,
        report=_Reporter(ground, reach, desired).report,
        clock=clock,
        health=ground.health,
    )
    desired.changed = service.nudge
    desired.on_settled = noter.settled
    if beginning.put_aside:
        noter.settled(beginning.put_aside, "refused: put aside at the start")
    return Remote(service=service, runner=runner, desired=desired, restart=restart, files=files, ring=ring)


class _Noter:
    """Who did what from afar, into the audit log."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._notes: set[asyncio.Future[object]] = set()

    def command_ended(self, command: Command, end: str, reason: str) -> None:
        """A command ended."""
        outcome = "done" if end == "succeeded" else f"{end}: {reason}"
        self._later(command.by, f"command {command.name}", command.command_id, outcome)

    def settled(self, desired: Desired, outcome: str) -> None:
        """A desired state is in force, or refused."""
        self._later(desired.by, "desired", f"version {desired.version}", outcome)

    def _later(self, by: str, action: str, target: str, outcome: str) -> None:
        loop = asyncio.get_running_loop()
        noted = loop.run_in_executor(None, self._note, f"cloud:{by}", "", action, target, outcome)
        self._notes.add(noted)
        noted.add_done_callback(self._notes.discard)


class _Reporter:
    """What the device is; what is dear to find out is found out again only where it changed."""

    def __init__(self, ground: Ground, reach: Reach, desired: DesiredService) -> None:
        self._ground = ground
        self._reach = reach
        self._desired = desired
        self._settings: dict[str, Any] = {}
        self._settled: object = None

    def report(self) -> Reported:
        """As of now."""
        ground, reach, folder = self._ground, self._reach, self._desired.folder
        if self._settled is not self._desired.settled:
            self._settled = self._desired.settled
            self._settings = redacted(settable_of(self._desired.settled))
        return Reported(
            device=ground.config.device,
            boot=ground.outbox.boot,
            t=to_wire(ground.clock.now().wall_ms),
            version=folder.version,
            seen=folder.seen,
            state="taking" if folder.taking else "refused" if folder.refused else "in_force",
            refused=list(folder.refused),
            software=reach.version,
            release=reach.release,
            machine=platform.machine(),
            settings=self._settings,
            plans={camera: port.plan().version for camera, port in reach.plans.items()},
            models=reach.models(),
            certificate_expires=reach.expires(),
        )


def _parts(ground: Ground, reach: Reach, ring: LogRing, desired: DesiredService) -> dict[str, Part]:
    """What goes into a bundle. What belongs to the event loop is taken now, the rest in the thread that makes it."""
    config = ground.config
    versions = {
        "software": reach.version,
        "release": reach.release,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    health = [{"part": one.part, "state": one.state.value, "detail": one.detail} for one in ground.health.parts()]
    states = {"version": desired.folder.version, "seen": desired.folder.seen, "refused": desired.folder.refused}
    try:
        metrics = reach.metrics()
    except Exception as error:  # noqa: BLE001 - the rest of the bundle tells why
        metrics = str(error).encode()
    return {
        "versions.json": lambda: as_json(versions),
        "config.json": lambda: as_json(redacted(plain_of(desired.settled))),
        "health.json": lambda: as_json(health),
        "desired.json": lambda: as_json(states),
        "metrics.txt": lambda: metrics,
        "standing.json": lambda: find_standing(config.state).read_bytes(),
        "store.json": lambda: store_text(config.state / "store.db"),
        "disk.json": lambda: disk_text(config.state),
        "host.txt": host_text,
        "log.txt": ring.text,
        "journal.txt": journal_text,
    }
