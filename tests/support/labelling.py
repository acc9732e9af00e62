"""A process that labels as fast as it can, to be killed: `python -m tests.support.labelling FOLDER`.

It prints each label's id, with its session, only once the desk has taken it.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from contract.sessions import NewLabel
from edge.affect.session import Viewings
from edge.affect.sessions.desk import SessionDesk
from edge.affect.sessions.settings import SessionSettings
from edge.core.clock import SystemClock
from edge.core.hub import Hub
from tests.support.outboxes import open_outbox
from tests.support.sessions_room import World, needs_of


async def main(folder: Path) -> None:
    """Begin a session and label in it for ever, the desk's service at work beside."""
    clock = SystemClock()
    async with open_outbox(folder, clock=clock) as outbox:
        needs = needs_of(outbox, Hub(), Viewings({}), clock, World())
        desk = SessionDesk(folder / "sessions", settings=SessionSettings(), needs=needs)
        await desk.open()
        working = asyncio.create_task(desk.run())
        view = await desk.start("user1", video_id=1, external=True)
        for number in itertools.count():
            if working.done():
                await working
            await desk.label(view.session_id, [NewLabel(probe="HH", label_id=f"label-{number}")])
            sys.stdout.write(f"{view.session_id} label-{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
