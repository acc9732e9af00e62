"""The line in front of the store: bounded, in order, and what gives way is counted."""

from random import Random
from typing import Literal

from contract.messages import AnyBody, Event, Record
from edge.core.backoff import Backoff
from edge.core.clock import Stamp
from edge.core.errors import StoreDelayedError
from edge.vision.events.journal import LIMIT, EventJournal
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


class _SlowSink(MemorySink):
    """Keeps what it is given in its own line and says so, as the store does while its disk fails."""

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Keep `body`, then raise `StoreDelayedError`."""
        await super().append(body, at)
        raise StoreDelayedError("the disk is full")


async def test_what_stands_in_the_stores_own_line_is_not_handed_over_twice() -> None:
    clock = FakeClock()
    sink = _SlowSink(clock)
    journal = EventJournal(sink, clock, Backoff(Random(0)))
    for number in range(3):
        journal.put(_event(number, "open"), clock.now())
    await journal.finish()
    await journal.finish()
    assert [event.event_id for event in sink.events] == ["evt-0", "evt-1", "evt-2"]
    assert journal.dropped == 0
