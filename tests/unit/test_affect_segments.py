"""Segments, runs and viewings: time cut by the monotonic clock, told in wall time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.affect.runs import Closed, Runs
from edge.affect.segments import SEGMENT_MS, Segmenter
from edge.affect.session import Viewings, default_session_id
from edge.core.clock import Stamp
from tests.support.clock import FakeClock

START = Stamp(7_000_000_123, 1_780_000_000_000, trusted=True)
SECOND_NS = 1_000_000_000


def test_segments_start_exactly_5000_ms_apart() -> None:
    """S0.32."""
    segments = Segmenter(START).due(START.mono_ns + 17 * SECOND_NS)
    assert [segment.start_ms - START.wall_ms for segment in segments] == [0, 5000, 10_000]
    assert [segment.index for segment in segments] == [0, 1, 2]
    assert not any(segment.partial for segment in segments)


def test_a_film_of_151_s_has_30_whole_segments_and_a_partial_one() -> None:
    """X.7: neither floor nor ceiling; the last second is there and says how long it is."""
    segments = Segmenter(START).finish(START.mono_ns + 151 * SECOND_NS)
    assert len(segments) == 31
    assert [segment.partial for segment in segments] == [False] * 30 + [True]
    assert segments[-1].end_ms - segments[-1].start_ms == 1000


@given(st.lists(st.integers(0, 40_000), max_size=40), st.integers(0, 20_000))
def test_however_often_one_asks_the_segments_are_the_same(waits_ms: list[int], rest_ms: int) -> None:
    """No hole, no overlap, nothing twice: asked often or once."""
    often, once, now_ns, told = Segmenter(START), Segmenter(START), START.mono_ns, []
    for wait_ms in waits_ms:
        now_ns += wait_ms * 1_000_000
        told += often.due(now_ns)
        assert often.next_end_ns > now_ns
    end_ns = now_ns + rest_ms * 1_000_000
    told += often.finish(end_ns)
    assert told == once.finish(end_ns)
    assert sum(segment.end_ms - segment.start_ms for segment in told) == (end_ns - START.mono_ns) // 1_000_000
    assert all(one.end_ms == two.start_ms and one.end_ns == two.start_ns for one, two in pairwise(told))


def test_the_default_session_id_is_that_of_the_annotation_app() -> None:
    """S0.29, and X.4: a user id with an underscore is nobody's problem but the parser's."""
    assert default_session_id("user1", 2, 1732178316000) == "user1_2_1732178316000"
    viewings = Viewings({})
    assert viewings.start("a_b", 2, START).session_id == f"a_b_2_{START.wall_ms}"
    assert viewings.start("c", 2, START, session_id="mine").session_id == "mine"


def test_two_users_watch_one_video_each_with_their_own_sensor() -> None:
    """S0.36, X.5."""
    viewings = Viewings({"left": "user1", "right": "user2"})
    one, two = viewings.start("user1", 2, START), viewings.start("user2", 2, START)
    assert viewings.at("left", START.mono_ns) == one
    assert viewings.at("right", START.mono_ns) == two
    assert viewings.at("spare", START.mono_ns) is None


def test_a_sensor_of_nobody_takes_the_newest_viewing() -> None:
    viewings = Viewings({"left": "user1"})
    viewings.start("guest", 1, _later(0))
    newest = viewings.start("other", 1, _later(1))
    viewings.start("user1", 1, _later(2))
    assert viewings.at("spare", _later(3).mono_ns) == newest
    viewings.stop(newest.session_id, _later(4))
    back = viewings.at("spare", _later(5).mono_ns)
    assert back is not None and back.user_id == "guest"


def test_a_user_watches_one_film_at_a_time() -> None:
    """A second start ends the first at that moment; the same session id again changes nothing."""
    viewings = Viewings({})
    first = viewings.start("user1", 1, _later(0))
    assert viewings.start("user1", 1, _later(1), session_id=first.session_id) == first
    second = viewings.start("user1", 2, _later(3))
    ended = viewings.find(first.session_id)
    assert ended is not None and ended.stopped == _later(3)
    assert viewings.running() == [second]
    assert viewings.stop(first.session_id, _later(4)) is None
    assert viewings.stop("nobody", _later(4)) is None


def test_listeners_hear_of_start_and_stop_until_they_leave() -> None:
    heard: list[int] = []
    viewings = Viewings({})
    leave = viewings.on_change(lambda: heard.append(len(viewings.running())))
    viewing = viewings.start("user1", 1, START)
    viewings.stop(viewing.session_id, _later(1))
    leave()
    viewings.start("user1", 1, _later(2))
    assert heard == [1, 0]


def test_a_viewing_begins_and_ends_its_own_segments() -> None:
    """Boundaries are those of the stamps, although the loop asked only at the end."""
    viewings = Viewings({})
    runs = Runs("body", viewings, _later(0))
    viewing = viewings.start("user1", 2, _later(7))
    viewings.stop(viewing.session_id, _later(19))
    closed = runs.closed_by(_later(30).mono_ns, _later(30))
    told = [((one.viewing and one.viewing.user_id), one.segment.index, _seconds(one), one.onset) for one in closed]
    assert told == [
        (None, 0, (0, 5), True),
        (None, 1, (5, 7), False),
        ("user1", 0, (7, 12), True),
        ("user1", 1, (12, 17), False),
        ("user1", 2, (17, 19), False),
        (None, 0, (19, 24), True),
        (None, 1, (24, 29), False),
    ]


def test_a_viewing_that_began_at_the_very_start_is_seen() -> None:
    viewings = Viewings({})
    runs = Runs("body", viewings, _later(0))
    viewings.start("user1", 2, _later(0))
    closed = runs.closed_by(_later(5).mono_ns, _later(5))
    assert [(one.viewing is not None, _seconds(one)) for one in closed] == [(True, (0, 5))]


def test_what_is_due_next_is_the_segment_or_the_change() -> None:
    viewings = Viewings({})
    runs = Runs("body", viewings, _later(0))
    runs.closed_by(_later(6).mono_ns, _later(6))
    assert runs.next_due_ns() == _later(10).mono_ns
    viewings.start("user1", 2, _later(8))
    assert runs.next_due_ns() == _later(8).mono_ns


@pytest.mark.parametrize("jump_s", [-86_400.0, -3.0, 3.0, 86_400.0])
def test_segments_of_a_viewing_do_not_move_with_the_wall_clock(jump_s: float) -> None:
    clock, viewings = FakeClock(), Viewings({})
    runs = Runs("body", viewings, clock.now())
    viewings.start("user1", 2, clock.now())
    closed = _ask(runs, clock, 4)
    clock.jump_wall(jump_s)
    closed += _ask(runs, clock, 4)
    starts = [one.segment.start_ms for one in closed]
    assert {later - earlier for earlier, later in pairwise(starts)} == {SEGMENT_MS}
    assert [one.segment.index for one in closed] == list(range(8))


def test_the_devices_own_run_begins_anew_when_the_clock_is_set() -> None:
    """A box without a battery wakes in 1970: what it says after NTP came must stand in today's time."""
    clock, viewings = FakeClock(), Viewings({})
    runs = Runs("body", viewings, clock.now())
    before = _ask(runs, clock, 2)
    clock.jump_wall(86_400)
    after = _ask(runs, clock, 3)
    assert [one.segment.index for one in before + after] == [0, 1, 2, 0, 1]
    assert after[1].segment.end_ms == clock.now().wall_ms - 5000
    assert not after[1].onset
    assert before[-1].segment.end_ns == after[0].segment.start_ns


def test_a_disciplined_clock_changes_nothing() -> None:
    clock, viewings = FakeClock(), Viewings({})
    runs = Runs("body", viewings, clock.now())
    closed = _ask(runs, clock, 1)
    clock.jump_wall(0.4)
    closed += _ask(runs, clock, 3)
    assert [one.segment.index for one in closed] == [0, 1, 2, 3]


@given(st.lists(st.tuples(st.integers(1, 30_000), st.sampled_from(["start", "stop", "ask"])), max_size=30))
def test_runs_never_overlap_and_leave_no_hole(steps: list[tuple[int, str]]) -> None:
    """Whatever starts and stops when, every millisecond from the beginning on belongs to one segment."""
    clock, viewings = FakeClock(), Viewings({})
    started = clock.now()
    runs, closed = Runs("body", viewings, started), []
    for number, (wait_ms, what) in enumerate(steps):
        clock.advance(wait_ms / 1000)
        if what == "start":
            viewings.start(f"user{number}", 1, clock.now())
        elif what == "stop" and viewings.running():
            viewings.stop(viewings.running()[0].session_id, clock.now())
        elif what == "ask":
            closed += runs.closed_by(clock.mono_ns(), clock.now())
    clock.advance(5)
    closed += runs.closed_by(clock.mono_ns(), clock.now())
    edges = [started.mono_ns, *(one.segment.end_ns for one in closed)]
    assert [one.segment.start_ns for one in closed] == edges[:-1]
    assert clock.mono_ns() - edges[-1] < 5 * SECOND_NS


def _ask(runs: Runs, clock: FakeClock, times: int) -> list[Closed]:
    closed = []
    for _ in range(times):
        clock.advance(5)
        closed += runs.closed_by(clock.mono_ns(), clock.now())
    return closed


def _later(seconds: float) -> Stamp:
    return Stamp(START.mono_ns + round(seconds * 1e9), START.wall_ms + round(seconds * 1000), trusted=True)


def _seconds(closed: Closed) -> tuple[int, int]:
    start, end = closed.segment.start_ns - START.mono_ns, closed.segment.end_ns - START.mono_ns
    assert closed.segment.start_ms - START.wall_ms == start // 1_000_000
    return start // SECOND_NS, end // SECOND_NS
