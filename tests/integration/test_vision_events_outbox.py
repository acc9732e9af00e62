"""From a frame's findings to those who watch, through the real store: together, in order, without waiting in line."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random

from contract.messages import Event, Record
from edge.core.backoff import Backoff
from edge.core.clock import SystemClock
from edge.core.hub import Hub
from edge.outbox.settings import OutboxSettings
from edge.vision.events.book import EventBook
from edge.vision.events.journal import EventJournal
from edge.vision.settings import VisionSettings
from tests.support.findings import finding
from tests.support.outboxes import open_outbox

_ZONES = 20
_LINGER_MS = 10


async def test_all_events_of_a_frame_are_told_by_one_commit(tmp_path: Path) -> None:
    """Issue 3, item 6: within 100 ms. Twenty at once cost what one costs: the store's linger and one commit."""
    clock, hub = SystemClock(), Hub()
    book = EventBook("front", VisionSettings())
    findings = [finding("loitering", "HIGH", zone=f"zone-{number}") for number in range(_ZONES)]

    def committed(rows: Sequence[tuple[int, Record]]) -> None:
        for row, record in rows:
            hub.publish_record(row, record)

    async with open_outbox(tmp_path, limits=OutboxSettings(linger_ms=_LINGER_MS), clock=clock) as outbox:
        outbox.on_commit = committed
        journal = EventJournal(outbox, clock, Backoff(Random(0)))
        writing = asyncio.create_task(journal.run())
        seen: asyncio.Queue[Event] = asyncio.Queue()
        watching = asyncio.create_task(_watch(hub, seen))
        await asyncio.sleep(0)
        commits = outbox.commits_total
        for event in book.step(findings, clock.now(), clock.mono_ns()):
            journal.put(event, clock.now())
        async with asyncio.timeout(40):
            told = [await seen.get() for _ in range(_ZONES)]
        for task in (writing, watching):
            task.cancel()
        await asyncio.wait([writing, watching])
        assert [event.zone for event in told] == [one.zone for one in findings]
        assert outbox.commits_total - commits == 1


async def _watch(hub: Hub, seen: asyncio.Queue[Event]) -> None:
    async for message in hub.watch():
        assert isinstance(message.data.body, Event)
        seen.put_nowait(message.data.body)
