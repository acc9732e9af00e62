"""The line in front of the store: bounded, in order, and what gives way is counted."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Literal
from unittest.mock import patch

import hypothesis.strategies as st
from hypothesis import given
from msgspec.structs import replace

from contract.messages import AnyBody, Event, Record, Severity
from edge.core.backoff import Backoff
from edge.core.clock import Stamp
from edge.core.errors import StoreDelayedError, StoreError
from edge.vision.events import journal as journal_module
from edge.vision.events.journal import LIMIT, EventJournal
from tests.support.clock import START_MS, FakeClock
from tests.support.record_sink import MemorySink

Phase = Literal["open", "update", "close"]


def _event(number: int, phase: Phase, severity: Severity = "LOW") -> Event:
    return Event(
        event_id=f"evt-{number}",
        phase=phase,
        camera="front",
        type="motion",
        severity=severity,
        start_ms=START_MS + number,
    )


async def _until(holds: Callable[[], bool]) -> None:
    """Let others run until `holds`, for 20 seconds at most."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0)


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


async def test_what_comes_together_is_handed_over_together_each_event_in_its_order() -> None:
    clock = FakeClock()
    sink = MemorySink(clock)
    sink.held.clear()
    journal = EventJournal(sink, clock, Backoff(Random(0)))
    running = asyncio.create_task(journal.run())
    for number in range(5):
        journal.put(_event(number, "open"), clock.now())
    journal.put(_event(0, "close"), clock.now())
    await _until(lambda: sink.asked == 5)
    sink.held.set()
    await _until(lambda: len(sink.events) == 6)
    assert [event.phase for event in sink.events if event.event_id == "evt-0"] == ["open", "close"]
    running.cancel()
    await asyncio.wait([running])


class _PickySink(MemorySink):
    """Refuses one event, once."""

    refuses = "evt-1"

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Keep `body`; raise `StoreError` at the first of the event."""
        await asyncio.sleep(0)
        if isinstance(body, Event) and body.event_id == self.refuses:
            self.refuses = ""
            raise StoreError("gave way")
        return await super().append(body, at)


async def test_what_is_refused_among_others_is_tried_again_before_what_follows_of_its_event() -> None:
    clock = FakeClock()
    sink = _PickySink(clock)
    journal = EventJournal(sink, clock, Backoff(Random(0)))
    for number in (0, 1, 2):
        journal.put(_event(number, "open"), clock.now())
    for number in (0, 1, 2):
        journal.put(_event(number, "close"), clock.now())
    running = asyncio.create_task(journal.run())
    await _until(lambda: len(sink.events) == 6)
    for number in range(3):
        assert [one.phase for one in sink.events if one.event_id == f"evt-{number}"] == ["open", "close"]
    running.cancel()
    await asyncio.wait([running])


async def test_without_updates_to_spare_the_least_grave_event_goes_whole_and_stays_gone() -> None:
    """No event is open for ever: what is not told to begin is not told to end."""
    clock = FakeClock()
    sink = MemorySink(clock)
    journal = EventJournal(sink, clock, Backoff(Random(0)))
    for number in range(LIMIT):
        journal.put(_event(number, "open", "LOW" if number in (100, 200) else "HIGH"), clock.now())
    journal.put(_event(100, "close", "LOW"), clock.now())
    assert journal.dropped == 2, "the opening gave way for its own close, which then has nothing to close"
    journal.put(_event(LIMIT, "open", "HIGH"), clock.now())
    journal.put(_event(LIMIT + 1, "open", "HIGH"), clock.now())
    assert journal.dropped == 3
    journal.put(_event(200, "close", "LOW"), clock.now())
    assert journal.dropped == 4
    await journal.finish()
    assert len(sink.events) == LIMIT
    assert {event.severity for event in sink.events} == {"HIGH"}


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["LOW", "HIGH"]), st.booleans()), max_size=80),
    st.integers(4, 12),
)
async def test_however_full_the_line_what_the_store_gets_is_whole_or_only_lacks_its_end(
    said: list[tuple[int, Severity, bool]], limit: int
) -> None:
    clock = FakeClock()
    sink = MemorySink(clock)
    with patch.object(journal_module, "LIMIT", limit):
        journal = EventJournal(sink, clock, Backoff(Random(0)))
        open_now: dict[int, str] = {}
        put = 0
        for number, severity, update in said:
            phase: Phase = "open" if number not in open_now else "update" if update else "close"
            name = open_now.pop(number, f"{number}-{put}")
            if phase != "close":
                open_now[number] = name
            journal.put(replace(_event(number, phase, severity), event_id=name), clock.now())
            put += 1
            assert len(journal._line) <= limit
        await journal.finish()
    assert len(sink.events) + journal.dropped == put
    for name in {event.event_id for event in sink.events}:
        phases = [event.phase for event in sink.events if event.event_id == name]
        assert phases[0] == "open"
        assert "close" not in phases[:-1]
