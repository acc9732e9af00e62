"""Hours: over midnight, by days, over the change of summer time, and while nobody knows what time it is."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Severity
from contract.plan import DAYS, AfterHours, Hours, Plan
from edge.core.clock import Stamp
from edge.vision.places.hours import PlanClock, after_hours_bonus, is_within, lifted

BERLIN = ZoneInfo("Europe/Berlin")
WEDNESDAY = dt.date(2026, 6, 3)
TIMES = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
HOURS = st.builds(
    Hours, days=st.lists(st.sampled_from(DAYS), min_size=1, unique=True).map(tuple), start=TIMES, end=TIMES
)
MOMENTS = st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2035, 1, 1), timezones=st.just(BERLIN))  # noqa: DTZ001


def _at(text: str, days: int = 0) -> dt.datetime:
    return dt.datetime.combine(WEDNESDAY + dt.timedelta(days), dt.time.fromisoformat(text), BERLIN)


def _stamp(moment: dt.datetime, *, trusted: bool = True) -> Stamp:
    return Stamp(0, round(moment.timestamp() * 1000), trusted)


@pytest.mark.parametrize(
    ("start", "end", "when", "within"),
    [
        ("08:00", "17:00", "08:00", True),
        ("08:00", "17:00", "16:59:59", True),
        ("08:00", "17:00", "17:00", False),
        ("08:00", "17:00", "07:59:59", False),
        ("22:00", "06:00", "22:00", True),
        ("22:00", "06:00", "23:59", True),
        ("22:00", "06:00", "00:00", True),
        ("22:00", "06:00", "05:59", True),
        ("22:00", "06:00", "06:00", False),
        ("22:00", "06:00", "12:00", False),
        ("07:00", "07:00", "06:59", True),
        ("07:00", "07:00", "07:00", True),
    ],
)
def test_a_span_has_its_start_but_not_its_end_and_may_go_over_midnight(
    start: str, end: str, when: str, within: bool
) -> None:
    assert is_within(Hours(start=start, end=end), _at(when)) is within


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    nights = Hours(days=("wed",), start="22:00", end="06:00")
    assert is_within(nights, _at("23:00"))
    assert is_within(nights, _at("05:00", days=1))
    assert not is_within(nights, _at("05:00"))
    assert not is_within(nights, _at("23:00", days=1))
    sunday = Hours(days=("sun",), start="22:00", end="06:00")
    assert is_within(sunday, _at("03:00", days=5)), "from Sunday into Monday"
    whole = Hours(days=("wed",), start="09:00", end="09:00")
    assert [is_within(whole, _at("03:00", days=day)) for day in (-1, 0, 1)] == [False, True, False]


def test_no_hours_are_always_and_an_unknown_time_is_within_all() -> None:
    assert is_within(None, _at("12:00"))
    assert is_within(Hours(start="22:00", end="06:00"), None)


@given(HOURS, MOMENTS)
def test_a_span_and_its_complement_share_the_days(hours: Hours, moment: dt.datetime) -> None:
    daily = Hours(start=hours.start, end=hours.end)
    rest = Hours(start=hours.end, end=hours.start)
    if hours.start != hours.end:
        assert is_within(daily, moment) != is_within(rest, moment)
    assert is_within(daily, moment) or not is_within(hours, moment)


@given(HOURS)
def test_a_week_has_as_many_minutes_of_a_span_as_its_days_say(hours: Hours) -> None:
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (hours.start, hours.end))
    length = (end - start) % (24 * 60) or 24 * 60
    midnight = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    within = sum(is_within(hours, midnight + dt.timedelta(minutes=at)) for at in range(0, 7 * 24 * 60, 15))
    assert within == pytest.approx(len(hours.days) * length / 15, abs=len(hours.days))


def test_the_clock_of_the_place_follows_summer_time() -> None:
    """2026: on 29 March 02:00 becomes 03:00, on 25 October 03:00 becomes 02:00."""
    clock = PlanClock("Europe/Berlin")
    spring = dt.datetime(2026, 3, 29, 0, 59, tzinfo=dt.UTC)
    shown = [clock.local(_stamp(spring + dt.timedelta(minutes=at))) for at in (0, 1)]
    assert [f"{moment:%H:%M}" for moment in shown if moment] == ["01:59", "03:00"]
    night = Hours(start="02:30", end="03:30")
    assert shown[1] is not None
    assert is_within(night, shown[1])
    autumn = dt.datetime(2026, 10, 25, 0, 0, tzinfo=dt.UTC)
    twice = [clock.local(_stamp(autumn + dt.timedelta(minutes=15 * at))) for at in range(12)]
    hour = Hours(start="02:00", end="03:00")
    assert [is_within(hour, moment) for moment in twice] == [True] * 8 + [False] * 4
    assert None not in twice


def test_an_empty_zone_is_the_devices_own_and_an_untrusted_clock_shows_nothing() -> None:
    moment = dt.datetime(2026, 6, 3, 10, 0, tzinfo=dt.UTC)
    own = PlanClock("").local(_stamp(moment))
    assert own == moment
    assert own is not None
    assert own.utcoffset() == moment.astimezone().utcoffset()
    assert PlanClock("Asia/Tokyo").local(_stamp(moment)) == moment
    assert PlanClock("Asia/Tokyo").local(_stamp(moment, trusted=False)) is None


def test_after_hours_things_are_graver_and_a_guess_makes_nothing_graver() -> None:
    """U1.1: from 22 to 6 there are 1.5 sigma more."""
    plan = Plan(after_hours=AfterHours())
    assert after_hours_bonus(plan, _at("23:00")) == 1.5
    assert after_hours_bonus(plan, _at("12:00")) == 0.0
    assert after_hours_bonus(plan, None) == 0.0
    assert after_hours_bonus(Plan(), _at("23:00")) == 0.0


@pytest.mark.parametrize(
    ("severity", "bonus", "graver"),
    [
        ("LOW", 0, "LOW"),
        ("LOW", 1.5, "MEDIUM"),
        ("MEDIUM", 1.5, "HIGH"),
        ("HIGH", 1.5, "CRITICAL"),
        ("CRITICAL", 1.5, "CRITICAL"),
        ("MEDIUM", 0.5, "MEDIUM"),
        ("LOW", 5, "CRITICAL"),
        ("HIGH", 0, "HIGH"),
    ],
)
def test_a_bonus_lifts_severity(severity: Severity, bonus: float, graver: Severity) -> None:
    """U1.1, U1.2"""
    assert lifted(severity, bonus) == graver
