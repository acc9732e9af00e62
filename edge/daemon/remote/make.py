"""Remote hands put together: the daemon gives what they reach, and gets the services that have to run."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from edge.core.service import Service
from edge.daemon.ground import Ground
from edge.daemon.remote.begin import FOLDER, Beginning
from edge.daemon.remote.contents import contents_of
from edge.daemon.remote.desired import DesiredService
from edge.daemon.remote.diagnostics import LogRing
from edge.daemon.remote.diagnostics_handler import DiagnosticsHandler
from edge.daemon.remote.files import RemoteFiles
from edge.daemon.remote.log_level import LogLevel, LogLevelHandler
from edge.daemon.remote.models import KEYS, ModelTaker
from edge.daemon.remote.noting import Noter
from edge.daemon.remote.reach import Reach
from edge.daemon.remote.renewal import RenewalHandler
from edge.daemon.remote.reporting import Reporter
from edge.daemon.remote.restart import RestartDesk, RestartHandler
from edge.daemon.remote.snapshot import SnapshotHandler
from edge.daemon.remote.update import UpdateHandler
from edge.sync.board import Board
from edge.sync.remote.door import Door
from edge.sync.remote.handler import Handler
from edge.sync.remote.link import RemoteLink
from edge.sync.remote.runner import CommandRunner
from edge.sync.remote.service import RemoteService
from edge.sync.settings import OffSettings
from edge.web.kept_metrics import Total


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What commands and desired states work with. `restart.due` is to end the daemon with `EXIT_AGAIN`."""

    desired: DesiredService
    restart: RestartDesk
    level: LogLevel
    files: RemoteFiles
    """Wants to hear of each uploaded file."""
    ring: LogRing


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Who listens to the cloud, and the hands."""

    service: RemoteService
    runner: CommandRunner
    hands: Hands

    def close(self) -> None:
        """Keep the log's lines no more."""
        logging.getLogger().removeHandler(self.hands.ring)

    @property
    def services(self) -> list[Service]:
        """What has to run."""
        return [self.service, self.hands.desired, self.hands.files]

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
    hands, commands = _hands(ground, beginning, reach), ground.outbox.commands
    noter = Noter(reach.note)
    runner = CommandRunner(
        commands,
        _handlers(ground, reach, hands),
        clock=ground.clock,
        host_boot=ground.host_boot,
        on_end=noter.command_ended,
    )
    service = RemoteService(
        link,
        book=commands,
        runner=runner,
        on_desired=hands.desired.wanted,
        report=Reporter(ground, reach, hands.desired).report,
        clock=ground.clock,
        health=ground.health,
    )
    hands.desired.changed = service.nudge
    hands.desired.on_settled = noter.settled
    if beginning.put_aside:
        noter.settled(beginning.put_aside, "refused: put aside at the start")
    return Remote(service=service, runner=runner, hands=hands)


def _hands(ground: Ground, beginning: Beginning, reach: Reach) -> Hands:
    config, clock, outbox = ground.config, ground.clock, ground.outbox
    ring = LogRing()
    logging.getLogger().addHandler(ring)
    level, restart = LogLevel(config.log_level, clock), RestartDesk(reach.busy, clock)
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
    return Hands(desired=desired, restart=restart, level=level, files=files, ring=ring)


def _handlers(ground: Ground, reach: Reach, hands: Hands) -> dict[str, Handler]:
    """Who does each command."""
    clock, parts = ground.clock, partial(contents_of, ground, reach, hands.ring, hands.desired)
    asking = partial(
        UpdateHandler,
        state=ground.config.state,
        clock=clock,
        turn=asyncio.Lock(),
        restart=hands.restart,
        health=ground.health,
    )
    return {
        "snapshot": SnapshotHandler(reach.newest, reach.snapshots, hands.files),
        "restart": RestartHandler(hands.restart),
        "diagnostics": DiagnosticsHandler(parts, hands.files, clock),
        "log_level": LogLevelHandler(hands.level),
        "update": asking("update"),
        "rollback": asking("rollback"),
        "renew_certificate": RenewalHandler(reach.renew),
    }
