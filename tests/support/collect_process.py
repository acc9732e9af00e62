"""A process that takes videos, to be killed: `python -m tests.support.collect_process FOLDER PORT`; it says `ready`."""

import asyncio
import dataclasses
import sys
from pathlib import Path

from contract.messages import AnyBody, File, Record
from edge.collecting.outward import Phase
from edge.core.clock import Stamp, SystemClock
from edge.core.health import Health
from edge.outbox.store import Outbox
from tests.support.collecting import Ledger, Room
from tests.support.web import make_web, serving


class Durable(Ledger):
    """The real store in place of the one in memory."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__()
        self._outbox = outbox

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Keep a body."""
        return await self._outbox.append(body, at)

    async def offer(self, file: File, path: Path) -> Record:
        """Queue a file."""
        return await self._outbox.uploads.offer(file, path)

    async def known(self, file_id: str) -> frozenset[Phase]:
        """What was told of a file."""
        return await self._outbox.uploads.phases(file_id)

    async def forget(self, file_id: str) -> None:
        """Send it no more."""
        await self._outbox.uploads.forget(file_id)


async def main(folder: Path, port: int) -> None:
    """Take videos until killed."""
    clock = SystemClock()
    store = folder / "store.db"
    async with Outbox.open(store, device="gate-1", clock=clock, health=Health(clock)) as outbox:
        room = Room(folder / "state", ledger=Durable(outbox), clock=clock)
        web = make_web(folder)
        async with serving(dataclasses.replace(web, app=room.app(web)), port=port):
            print("ready", flush=True)  # noqa: T201 - the test waits for it
            await room.service.run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
