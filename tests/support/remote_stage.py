"""A device as far as remote hands need one: the real store, the real publisher, and handlers of a test's own."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from contract.remote import Desired, Reported
from edge.core.clock import Clock, Stamp, SystemClock, host_boot
from edge.core.health import Health
from edge.core.service import Service
from edge.outbox.store import Outbox
from edge.sync.board import Board
from edge.sync.publisher import Publisher
from edge.sync.remote.door import Door
from edge.sync.remote.handler import Call, Handler, Outcome
from edge.sync.remote.link import RemoteLink
from edge.sync.remote.reading import BadDesired
from edge.sync.remote.runner import CommandRunner
from edge.sync.remote.service import RemoteService
from edge.sync.settings import BrokerSettings
from tests.support.outboxes import QUICK

DEVICE = "bench-1"


class TrustedClock(SystemClock):
    """The host's clock, whatever the kernel of a test machine says of it."""

    def now(self) -> Stamp:
        """As the host's, and trusted."""
        return replace(super().now(), trusted=True)


class Scribe:
    """A handler that writes each doing into a file, so that it is known how often something was done."""

    def __init__(self, path: Path, say: Callable[[str], None] = lambda _line: None) -> None:
        self._path = path
        self._say = say

    async def run(self, call: Call) -> Outcome:
        """Do it."""
        with self._path.open("a") as file:
            file.write(f"{call.command.command_id}\n")
        self._say("done")
        return {"by": call.boot}

    async def resume(self, call: Call) -> Outcome:
        """What is in the file is done."""
        if self._path.exists() and call.command.command_id in self._path.read_text().split():
            return {"by": "an earlier run"}
        return await self.run(call)


@dataclass
class Stage:
    """What a test looks at."""

    outbox: Outbox
    service: RemoteService
    runner: CommandRunner
    publisher: Publisher
    health: Health
    desired: list[Desired | BadDesired] = field(default_factory=list)


@asynccontextmanager
async def remote_device(
    folder: Path,
    port: int,
    handlers: Mapping[str, Handler],
    *,
    clock: Clock | None = None,
    report: Callable[[], dict[str, object]] = dict,
    say: Callable[[str], None] = lambda _line: None,
) -> AsyncIterator[Stage]:
    """A device at work."""
    clock = clock or TrustedClock()
    health = Health(clock)
    settings = BrokerSettings(port=port, resend_after_s=1.0, keepalive_s=5, connect_timeout_s=2)
    async with Outbox.open(
        folder / "store.db", device=DEVICE, clock=clock, health=health, limits=QUICK, host_boot=host_boot()
    ) as outbox:
        outbox.on_commit = lambda _rows: say("commit")
        link = RemoteLink(Door(DEVICE), Board())
        publisher = Publisher(
            settings, outbox=outbox, clock=clock, health=health, rng=random.Random(1), secrets_dir=folder, remote=link
        )
        runner = CommandRunner(
            outbox.commands, handlers, clock=clock, host_boot=host_boot(), on_end=lambda *_: say("ended")
        )
        heard: list[Desired | BadDesired] = []

        async def on_desired(one: Desired | BadDesired) -> None:
            heard.append(one)

        service = RemoteService(
            link,
            book=outbox.commands,
            runner=runner,
            on_desired=on_desired,
            report=lambda: Reported(device=DEVICE, boot=outbox.boot, t="2026-11-21T08:00:00.000Z", **report()),  # type: ignore[arg-type]
            clock=clock,
            health=health,
        )
        running: list[Service] = [publisher, service]
        tasks = [asyncio.create_task(one.run(), name=one.name) for one in running]
        try:
            yield Stage(outbox, service, runner, publisher, health, heard)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            assert task.cancelled(), task.exception()


async def _serve(folder: Path, port: int, mode: str) -> None:
    """`slow`: print a line at each step, slowly, until killed. `restart`: go on until told to restart."""

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        time.sleep(0.05)  # so that a kill can fall between two steps

    clock, due = TrustedClock(), asyncio.Event()
    handlers: dict[str, Handler] = {"snapshot": Scribe(folder / "done", say)}
    if mode == "restart":
        from edge.daemon.remote.restart import RestartDesk, RestartHandler

        desk = RestartDesk(list, clock)
        handlers["restart"], due = RestartHandler(desk), desk.due
    async with remote_device(folder, port, handlers, clock=clock, say=say):
        say("up")
        await due.wait()
    raise SystemExit(75)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
