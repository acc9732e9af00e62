"""Pictures come when they are due, live ones are never late for ever, and a close is noticed while waiting."""

import threading
from fractions import Fraction

import pytest

from edge.capture.lag import Lag
from edge.capture.lifetime import Lifetime
from edge.capture.pace import Pace
from edge.core.errors import SourceUnavailableError
from tests.support.clock import FakeClock


class _Waits(Lifetime):
    """A lifetime whose waits move the clock."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(lambda: None)
        self._clock = clock
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(round(seconds, 6))
        self._clock.advance(seconds)
        return False


def test_pictures_keep_their_rate_without_adding_up_what_the_work_takes() -> None:
    clock = FakeClock()
    lifetime = _Waits(clock)
    pace = Pace(clock, lifetime)
    for work_s in (0.01, 0.03, 0.0):
        pace.wait(0.04)
        clock.advance(work_s)
    pace.wait(0.04)
    assert lifetime.waits == [0.03, 0.01, 0.04]


def test_one_that_falls_behind_does_not_catch_up_in_a_burst() -> None:
    clock = FakeClock()
    lifetime = _Waits(clock)
    pace = Pace(clock, lifetime)
    pace.wait(0.04)
    clock.advance(5)
    pace.wait(0.04)
    pace.wait(0.04)
    assert lifetime.waits == [0.04]


def test_a_small_delay_is_caught_up_with() -> None:
    clock = FakeClock()
    lifetime = _Waits(clock)
    pace = Pace(clock, lifetime)
    pace.wait(0.04)
    clock.advance(0.07)
    pace.wait(0.04)
    pace.wait(0.04)
    assert lifetime.waits == [0.01]


def test_waiting_ends_with_the_camera() -> None:
    lifetime = Lifetime(lambda: None)
    pace = Pace(FakeClock(), lifetime)
    pace.wait(60)
    threading.Timer(0.05, lifetime.close).start()
    with pytest.raises(SourceUnavailableError, match="closed"):
        pace.wait(60)


class TestLag:
    """The camera's own clock against ours, in ticks of a millisecond."""

    base = Fraction(1, 1000)

    def test_a_steady_source_is_never_late(self) -> None:
        clock, pts = FakeClock(), 0
        lag = Lag(clock)
        for _ in range(5000):
            assert not lag.late(pts, self.base)
            clock.advance(0.04)
            pts += 40

    def test_late_from_400_ms_until_less_than_100(self) -> None:
        clock = FakeClock()
        lag = Lag(clock)
        assert not lag.late(0, self.base)
        clock.advance(0.5)
        assert lag.late(40, self.base)
        assert lag.late(300, self.base)
        assert not lag.late(450, self.base)
        clock.advance(0.3)
        assert not lag.late(500, self.base)

    def test_a_slow_clock_of_the_camera_is_no_lag(self) -> None:
        clock, lag = FakeClock(), None
        lag = Lag(clock)
        for second in range(3 * 3600):
            assert not lag.late(round(second * 1000 * 0.9998), self.base)
            clock.advance(1)

    def test_a_leap_of_the_camera_begins_anew(self) -> None:
        clock = FakeClock()
        lag = Lag(clock)
        assert not lag.late(1_000_000, self.base)
        clock.advance(0.04)
        assert not lag.late(0, self.base)
        assert not lag.late(40, self.base)

    def test_a_source_without_times_is_not_judged(self) -> None:
        assert not Lag(FakeClock()).late(None, None)


class TestLifetime:
    def test_nobody_inside_the_closer_releases(self) -> None:
        released: list[str] = []
        lifetime = Lifetime(lambda: released.append(threading.current_thread().name))
        lifetime.close()
        assert released == [threading.current_thread().name]
        with pytest.raises(SourceUnavailableError), lifetime.inside():
            pass

    def test_somebody_inside_releases_on_the_way_out(self) -> None:
        released: list[str] = []
        lifetime = Lifetime(lambda: released.append(threading.current_thread().name))
        with lifetime.inside():
            other = threading.Thread(target=lifetime.close, name="other")
            other.start()
            other.join()
            assert released == []
            assert lifetime.closed
        assert released == [threading.current_thread().name]
