"""A process that records one session until it is killed: prints how many samples it has delivered and knows durable."""

import asyncio
import sys
from pathlib import Path

from contract.ids import new_token
from edge.affect.session import Viewings
from edge.affect.sessions.desk import SessionDesk
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.affect.sessions.folder.settings import FolderSettings
from edge.affect.sessions.needs import DeskNeeds
from edge.affect.sessions.settings import SessionSettings
from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.core.hub import Hub
from edge.core.sample import Channel, Sample
from tests.support.outboxes import DEVICE, open_outbox
from tests.support.sessions_room import sensor

EVERY_S = 0.002
SETTINGS = SessionSettings(folder=FolderSettings(sync_s=0.2, late_s=0.0, format="csv"))


class Delivery:
    """Counts what was delivered, and what of it the journal surely has."""

    def __init__(self) -> None:
        self.delivered = 0
        self._before = [0, 0]

    def wrote(self, _n_bytes: int) -> None:
        """A sync is over: what had been delivered two before is in it, or was in those, also if one was of tables."""
        sys.stdout.write(f"durable {self._before.pop(0)}\n")
        sys.stdout.flush()
        self._before.append(self.delivered)


async def main(folder: Path) -> None:
    """Record for ever."""
    clock, delivery = SystemClock(), Delivery()
    async with open_outbox(folder, clock=clock) as outbox:
        needs = DeskNeeds(
            viewings=Viewings({}),
            sink=outbox,
            records=outbox,
            hub=Hub(),
            clock=clock,
            health=Health(clock),
            sensors=lambda: [sensor("left")],
            folders=FolderNeeds(device=DEVICE, wrote=delivery.wrote),
        )
        desk = SessionDesk(folder / "sessions", settings=SETTINGS, needs=needs)
        await desk.open()
        assert desk.folders
        running = asyncio.create_task(desk.folders.run())
        session_id, text = new_token("s"), desk.consent_text()
        await desk.put_participant("p1", sensor="left", note="")
        await desk.consent("p1", given=True, text_sha256=text.sha256, witness="test")
        await desk.start("p1", session_id=session_id, overrule=True)
        sys.stdout.write(f"session {session_id}\n")
        sys.stdout.flush()
        while not running.done():
            values = {Channel.GSR_US: float(delivery.delivered)}
            desk.folders.recorder.sample(Sample("left", clock.mono_ns(), values))
            delivery.delivered += 1
            await asyncio.sleep(EVERY_S)
        running.result()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
