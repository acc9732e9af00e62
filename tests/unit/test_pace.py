"""How long a request may take: what moved buys time, and never more than the patience."""

import pytest

from edge.core.pace import SLOWEST_BYTES_PER_S, Pace, TooSlowError
from tests.support.clock import FakeClock

_PATIENCE_S = 30.0


def _drip(pace: Pace, clock: FakeClock, n_bytes: int, every_s: float, drops: int) -> None:
    for _ in range(drops):
        with pace.waiting():
            clock.advance(every_s)
        pace.received(n_bytes)


def test_what_is_slow_but_gets_on_is_waited_for_without_end() -> None:
    clock = FakeClock()
    _drip(Pace(clock.mono_ns, _PATIENCE_S), clock, SLOWEST_BYTES_PER_S, 1.0, 10_000)


def test_what_came_fast_buys_no_time_for_what_drips() -> None:
    """After 16 MiB in a second, drops were waited for for nine hours."""
    clock = FakeClock()
    pace = Pace(clock.mono_ns, _PATIENCE_S)
    _drip(pace, clock, 1 << 20, 1.0, 15)
    with pytest.raises(TooSlowError, match="is too slow"):
        _drip(pace, clock, 1, 1.0, 32)


def test_what_was_sent_buys_no_time_for_the_answer() -> None:
    clock = FakeClock()
    pace = Pace(clock.mono_ns, _PATIENCE_S)
    with pace.waiting():
        clock.advance(_PATIENCE_S - 1)
    pace.sent(1)
    _drip(pace, clock, 1, 1.0, 29)
    with pytest.raises(TooSlowError, match="is too slow"):
        _drip(pace, clock, 1, 1.0, 4)
