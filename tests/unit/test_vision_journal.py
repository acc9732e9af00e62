"""The line in front of the store: bounded, in order, and what gives way is counted."""

from random import Random
from typing import Literal

from contract.messages import Event
from edge.core.backoff import Backoff
from edge.vision.journal import LIMIT, EventJournal
from tests.support.clock import START_MS, FakeClock
from tests.support.record_sink import MemorySink


def _event(number: int, phase: Literal["open", "update", "close"]) -> Event:
    return Event(event_id=f"evt-{number}", phase=phase, camera="front", type="motion", start_ms=START_MS + number)


async def test_in_a_full_line_updates_give_way_first() -> None:
    clock = FakeClock()
    sink = MemorySink(clock)
    journal = EventJournal(sink, clock, Backoff(Random(0)))
    for number in range(LIMIT):
        journal.put(_event(number, "update" if number % 2 else "open"), clock.now())
    for number in range(LIMIT, LIMIT + 10):
        journal.put(_event(number, "close"), clock.now())
    assert journal.dropped == 10
    await journal.finish()
    kept = sink.events
    assert len(kept) == LIMIT
    assert [event.start_ms for event in kept] == sorted(event.start_ms for event in kept)
    assert sum(event.phase == "open" for event in kept) == LIMIT // 2
    assert sum(event.phase == "close" for event in kept) == 10


async def test_what_a_full_store_does_not_take_in_the_end_is_counted() -> None:
    clock = FakeClock()
    sink = MemorySink(clock)
    sink.full = True
    journal = EventJournal(sink, clock, Backoff(Random(0)))
    for number in range(3):
        journal.put(_event(number, "open"), clock.now())
    await journal.finish()
    assert (journal.dropped, sink.events) == (3, [])
