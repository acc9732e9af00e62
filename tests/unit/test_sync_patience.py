"""How long the publisher waits for broker and cloud, by a clock of the test's, and waiting for what comes first."""

import asyncio

import pytest

from edge.core.first_of import first_of
from edge.outbox.rows import Pending
from edge.sync.patience import Patience
from edge.sync.window import Window
from tests.support.clock import FakeClock

_RESEND_S = 30.0


class Bench:
    """A window of ten, and who waits for it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.window = Window(10)
        self.patience = Patience(self.window, self.clock, _RESEND_S)
        self.patience.begin()

    def send(self, row: int, size: int = 10) -> None:
        """Record and packet have the same number."""
        self.patience.sending()
        record = Pending(row, "b", row, "events", "event", 0, b"x" * size)
        self.window.add(record, row, self.clock.mono_ns())


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_without_records_under_way_nothing_is_ever_over(bench: Bench) -> None:
    bench.clock.advance(1e6)
    assert not bench.patience.is_dead
    assert not bench.patience.is_over
    assert bench.patience.until_s(5.0) == 5.0


def test_a_broker_that_confirms_nothing_is_dead_after_twelve_seconds_and_what_a_slow_line_needs(bench: Bench) -> None:
    bench.clock.advance(100)
    bench.send(1, size=4096 * 8)
    assert bench.patience.until_s(5.0) == pytest.approx(20)
    bench.clock.advance(19)
    assert not bench.patience.is_dead
    bench.clock.advance(1)
    assert bench.patience.is_dead
    bench.patience.heard()
    assert not bench.patience.is_dead


def test_what_the_cloud_does_not_acknowledge_goes_again_ever_more_seldom(bench: Bench) -> None:
    waits = []
    for _ in range(7):
        bench.send(1)
        bench.window.taken(1)
        waits.append(bench.patience.until_s(5.0) / _RESEND_S)
        bench.clock.advance(waits[-1] * _RESEND_S)
        assert bench.patience.is_over
        bench.patience.begin_again()
    assert waits == [1, 2, 4, 8, 16, 16, 16]
    bench.patience.got_on()
    assert bench.patience.until_s(5.0) == _RESEND_S


def test_what_the_broker_has_not_confirmed_is_not_sent_again_but_its_silence_counts(bench: Bench) -> None:
    bench.send(1)
    bench.clock.advance(_RESEND_S)
    assert bench.patience.is_dead
    assert not bench.patience.is_over


def test_where_nobody_listens_one_record_asks_every_ten_seconds(bench: Bench) -> None:
    bench.send(1)
    bench.window.taken(1)
    bench.patience.nobody = True
    for _ in range(3):
        assert bench.patience.until_s(5.0) == 10
        bench.clock.advance(10)
        assert bench.patience.is_over
        bench.patience.begin_again()


def test_a_broker_that_refuses_is_not_dead_and_is_tried_again(bench: Bench) -> None:
    bench.send(1)
    bench.patience.held = "the broker refuses records"
    bench.clock.advance(_RESEND_S)
    assert not bench.patience.is_dead
    assert bench.patience.is_over
    bench.patience.begin_again()
    assert bench.patience.held == ""


async def test_of_several_waits_the_first_ends_all() -> None:
    ended = asyncio.Event()
    ended.set()
    await asyncio.wait_for(first_of(ended.wait(), asyncio.Event().wait(), name="waits"), 10)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "waits"]
