"""Desired states that come faster than a device takes them: the newest waits, and nothing is written for the others."""

from types import SimpleNamespace
from typing import Any, cast

from contract.codec import encode
from contract.remote import Desired, Reported
from edge.core.health import Health
from edge.sync.board import Board
from edge.sync.remote.door import Door
from edge.sync.remote.link import RemoteLink
from edge.sync.remote.reading import BadDesired
from edge.sync.remote.service import OnDesired, RemoteService
from edge.sync.remote.stock import Stock
from tests.support.clock import FakeClock

SET_AT = "2026-11-21T08:00:00.000Z"


def _service(door: Door, clock: FakeClock, on_desired: OnDesired) -> RemoteService:
    """One that is asked for desired states alone."""

    def report() -> Reported:
        raise AssertionError

    nothing = cast(Any, SimpleNamespace())
    return RemoteService(
        RemoteLink(door, Board()),
        book=nothing,
        runner=nothing,
        on_desired=on_desired,
        report=report,
        clock=clock,
        health=Health(clock),
    )


async def test_of_a_flood_of_desired_states_twenty_are_heard_and_then_the_newest() -> None:
    clock, door = FakeClock(), Door("d")
    heard: list[int] = []
    confirmed: list[int] = []

    async def on_desired(desired: Desired | BadDesired) -> None:
        heard.append(desired.version)

    service = _service(door, clock, on_desired)
    for version in range(1, 51):
        payload = encode(Desired(version=version, set_at=SET_AT))
        door.came(door.desired_topic, payload, lambda version=version: confirmed.append(version))  # type: ignore[misc]
        await service._hear(door.waiting())
    assert heard == list(range(1, 21))
    assert confirmed == list(range(1, 50)), "the last is not lost: the broker has it until it is heard"
    clock.advance(61)
    await service._hear(door.waiting())
    await service._hear(door.waiting())
    assert (heard[-1], len(heard), confirmed[-1]) == (50, 21, 50)


async def test_a_desired_state_that_we_cannot_bear_is_passed_over_and_ends_no_daemon() -> None:
    clock, door = FakeClock(), Door("d")
    confirmed: list[bool] = []

    async def on_desired(desired: Desired | BadDesired) -> None:
        raise ZeroDivisionError

    service = _service(door, clock, on_desired)
    payload = encode(Desired(version=1, set_at=SET_AT))
    door.came(door.desired_topic, payload, lambda: confirmed.append(True))
    await service._hear(door.waiting())
    assert confirmed == [True]
    assert service.garbage_total == 1


def test_a_stock_is_refilled_no_further_than_it_was_full() -> None:
    clock = FakeClock()
    stock = Stock(clock, most=2, per_s=0.5)
    clock.advance(3600)
    taken = 0
    while not stock.empty:
        stock.take()
        taken += 1
    assert taken == 2
    clock.advance(1)
    assert stock.empty
    clock.advance(1.1)
    assert not stock.empty
