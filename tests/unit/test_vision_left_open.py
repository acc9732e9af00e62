"""What a former run left open is closed once, however much was said since and whatever the store refuses."""

from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.ids import record_id
from contract.messages import AnyBody, Event, Record
from contract.times import to_wire
from edge.core.clock import Stamp
from edge.core.errors import StoreDelayedError, StoreError
from edge.vision.events import left_open
from edge.vision.events.book import Kept
from edge.vision.events.left_open import REASON, close_left_open
from tests.support.clock import START_MS, FakeClock

Phase = Literal["open", "update", "close"]
BOOTS = ("00000001-000000aa", "00000002-000000bb")


class _Store:
    """A history in a list that takes records at its end; `refusing` says what it raises instead."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.reads = 0
        self.refusing: Exception | None = None

    def tell(self, event_id: str, phase: Phase, *, at_s: float = 0.0, boot: str = BOOTS[0], **more: str) -> None:
        body = Event(event_id=event_id, phase=phase, camera="front", type="motion", start_ms=START_MS, **more)  # type: ignore[arg-type]
        self._add(body, Stamp(round(at_s * 1e9), START_MS + round(at_s * 1000), trusted=True), boot)

    async def history(
        self, kind: str | None = None, *, after: int | None = None, before: int | None = None, limit: int = 100
    ) -> Sequence[tuple[int, Record]]:
        assert (kind, after) == ("event", None)
        self.reads += 1
        rows = list(enumerate(self.records, 1))[: None if before is None else before - 1]
        return rows[::-1][:limit]

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        if isinstance(self.refusing, StoreDelayedError):
            assert at
            self._add(body, at, BOOTS[1])
        if self.refusing:
            raise self.refusing
        assert at
        return self._add(body, at, BOOTS[1])

    def _add(self, body: AnyBody, at: Stamp, boot: str) -> Record:
        seq = len(self.records) + 1
        mono_ms = at.mono_ns // 1_000_000
        wire = to_wire(at.wall_ms)
        record = Record(
            id=record_id(boot, seq), seq=seq, boot=boot, t=wire, mono_ms=mono_ms, clock="trusted", body=body
        )
        self.records.append(record)
        return record


async def test_what_is_open_is_closed_with_what_was_last_known_of_it() -> None:
    store = _Store()
    store.tell("evt-a", "open", at_s=1)
    store.tell("evt-b", "open", at_s=2)
    store.tell("evt-a", "update", at_s=16, severity="HIGH", recording_id="rec-a")
    store.tell("evt-b", "close", at_s=17)
    store.tell("evt-c", "open", at_s=18, boot=BOOTS[1])
    kept = Kept(picture=lambda event_id: event_id == "evt-a", recording=lambda event_id: f"rec-of-{event_id}")
    closed = await close_left_open(store, store, FakeClock(), kept=kept)
    assert [(event.event_id, event.phase, event.severity) for event in closed] == [
        ("evt-a", "close", "HIGH"),
        ("evt-c", "close", "LOW"),
    ]
    first, second = closed
    assert (first.end_ms, first.reasoning, first.recording_id) == (START_MS + 16_000, [REASON], "rec-a")
    assert (first.picture, second.picture, second.recording_id) == (True, False, "rec-of-evt-c")
    assert await close_left_open(store, store, FakeClock()) == []


async def test_a_wall_clock_that_went_back_ends_nothing_before_it_began() -> None:
    store = _Store()
    store.tell("evt-a", "open", at_s=-5)
    (event,) = await close_left_open(store, store, FakeClock())
    assert event.end_ms == event.start_ms


async def test_it_looks_no_further_back_than_an_event_can_last() -> None:
    store = _Store()
    store.tell("evt-lost", "open", at_s=0)
    for at in range(30):
        store.tell(f"evt-{at}", "open", at_s=at * 600)
        store.tell(f"evt-{at}", "close", at_s=at * 600 + 1)
    assert await close_left_open(store, store, FakeClock()) == []


async def test_it_looks_through_many_short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_open, "_PAGE", 10)
    store = _Store()
    for run in range(40):
        store.tell(f"evt-{run}", "open", boot=f"{run:08d}-000000aa")
    assert len(await close_left_open(store, store, FakeClock())) == 40
    assert store.reads == 5


async def test_a_store_that_is_too_long_to_look_through_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(left_open, "_PAGE", 10)
    monkeypatch.setattr(left_open, "_MOST", 20)
    store = _Store()
    for number in range(40):
        store.tell(f"evt-{number}", "open")
    assert len(await close_left_open(store, store, FakeClock())) == 20
    assert "the last 20 records only" in caplog.text


async def test_what_the_store_refuses_is_left_to_the_next_start(caplog: pytest.LogCaptureFixture) -> None:
    store = _Store()
    store.tell("evt-a", "open")
    store.refusing = StoreError("closed")
    assert await close_left_open(store, store, FakeClock()) == []
    assert "1 events of a former run stay open" in caplog.text
    store.refusing = StoreDelayedError("the disk is full")
    assert len(await close_left_open(store, store, FakeClock())) == 1
    store.refusing = None
    assert await close_left_open(store, store, FakeClock()) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["open", "update", "close"])), max_size=40))
async def test_afterwards_nothing_is_open(said: list[tuple[int, Phase]]) -> None:
    """Whatever the store holds, torn lives included."""
    store = _Store()
    for at, (number, phase) in enumerate(said):
        store.tell(f"evt-{number}", phase, at_s=at)
    last = {f"evt-{number}": phase for number, phase in said}
    closed = await close_left_open(store, store, FakeClock())
    assert {event.event_id for event in closed} == {event_id for event_id, phase in last.items() if phase != "close"}
    assert await close_left_open(store, store, FakeClock()) == []
