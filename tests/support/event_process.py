"""A process that makes events for ever, to be killed: `python -m tests.support.event_process FOLDER`.

Three zones of one camera: one event opens and closes again and again, one goes on, one begins a little later. When
the store has both it says `ready`. Its records are in a real outbox, its pictures in a real album.
"""

import asyncio
import sys
from pathlib import Path
from random import Random

from contract.messages import Box
from edge.core.backoff import Backoff
from edge.core.clock import SystemClock
from edge.core.frame import Frame
from edge.core.health import Health
from edge.outbox.store import Outbox
from edge.vision.events.album import EventAlbum
from edge.vision.events.book import EventBook, Kept
from edge.vision.events.journal import EventJournal
from edge.vision.events.left_open import close_left_open
from edge.vision.events.settings import EventSettings
from edge.vision.findings import Finding
from edge.vision.settings import VisionSettings
from tests.support.findings import finding
from tests.support.jpegs import jpeg

SETTINGS = EventSettings(opens_per_minute=60, camera_opens_per_minute=600, better_picture_s=0.2)
_VISION = VisionSettings(cooldown_s=0)
_FRAME_NS = 200_000_000
_LATE = 8


async def main(folder: Path) -> None:
    """Close what is open from before, then make events until killed, twenty times as quick as they say."""
    clock = SystemClock()
    health = Health(clock)
    album = EventAlbum(folder / "events", SETTINGS, clock, health)
    async with Outbox.open(folder / "store.db", device="gate-1", clock=clock, health=health) as outbox:
        await close_left_open(outbox, outbox, clock, kept=Kept(picture=album.has))
        journal = EventJournal(outbox, clock, Backoff(Random(1)))
        book = EventBook("front", _VISION, SETTINGS, kept=Kept(picture=album.promised))
        writing = asyncio.create_task(journal.run())
        at_ns, number, said, before = clock.mono_ns(), 0, False, outbox.last_row
        while not writing.done():
            number, at_ns = number + 1, at_ns + _FRAME_NS
            for event in book.step(_found(number), clock.now(), at_ns):
                journal.put(event, clock.now())
                if event.phase == "close":
                    album.finish(event.event_id)
            album.consider(book.clearest, Frame("front", number, jpeg(number % 200), 64, 48, at_ns))
            await asyncio.sleep(0.01)
            if not said and outbox.last_row >= before + 2:
                said = True
                print("ready", flush=True)  # noqa: T201 - the test waits for it


def _found(number: int) -> list[Finding]:
    side = min(0.1 + number / 1000, 0.5)
    found = [finding("loitering", "HIGH", zone="always", box=Box(x=0.3, y=0.3, w=side, h=side))]
    if number % 20 == 0:
        found.append(finding("line_crossed", zone="often", track=number))
    if number > _LATE:
        found.append(finding("crowding", "MEDIUM", zone="late"))
    return found


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
