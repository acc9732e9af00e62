"""Viewings that name their sensor, as the service of each sensor reads them."""

from edge.affect.runs import Runs
from edge.affect.session import Viewings
from tests.support.clock import FakeClock


def test_a_viewing_takes_the_sensor_that_it_names_and_no_other() -> None:
    clock, viewings = FakeClock(), Viewings({"left": "p1"})
    one = viewings.start("p1", 1, clock.now(), sensor="right")
    two = viewings.start("p2", 1, clock.now(), sensor="left")
    assert viewings.at("right", clock.mono_ns()) == one
    assert viewings.at("left", clock.mono_ns()) == two
    assert viewings.changes("spare", 0, None) == []


def test_of_two_on_one_sensor_the_newer_has_it_until_it_stops_and_its_segments_begin_anew() -> None:
    clock, viewings = FakeClock(), Viewings({})
    runs = Runs("left", viewings, clock.now())
    first = viewings.start("p1", 1, clock.now(), sensor="left")
    clock.advance(7)
    second = viewings.start("p2", 1, clock.now(), sensor="left")
    clock.advance(6)
    viewings.stop(second.session_id, clock.now())
    clock.advance(5)
    closed = runs.closed_by(clock.mono_ns(), clock.now())
    found = [(one.viewing.user_id if one.viewing else None, one.segment.index, one.segment.partial) for one in closed]
    assert found == [("p1", 0, False), ("p1", 1, True), ("p2", 0, False), ("p2", 1, True), ("p1", 0, False)]
    assert viewings.find(first.session_id)


def test_one_that_runs_is_remembered_however_many_came_after_it() -> None:
    clock, viewings = FakeClock(), Viewings({})
    long = viewings.start("p1", 1, clock.now(), sensor="left")
    for _ in range(100):
        clock.advance(1)
        short = viewings.start("p2", 1, clock.now(), sensor="right")
        viewings.stop(short.session_id, clock.now())
    assert viewings.running() == [long]
    assert viewings.find("p2_1_0") is None
