"""When continuous recording is on: by weekday and time of day, over midnight, in the time of the place."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.recording.schedule import Day, Schedule, Timetable, Window
from edge.recording.settings import RecordingSettings
from tests.support.clock import FakeClock

_BERLIN = ZoneInfo("Europe/Berlin")


def _ms(text: str, zone: ZoneInfo = _BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "on"),
    [
        ("2026-06-01T08:59:59", False),
        ("2026-06-01T09:00:00", True),
        ("2026-06-01T16:59:59", True),
        ("2026-06-01T17:00:00", False),
        ("2026-06-06T12:00:00", False),
    ],
)
def test_office_hours_are_those_of_the_place(moment: str, on: bool) -> None:
    """2026-06-01 is a Monday."""
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")
    schedule = Schedule(zone="Europe/Berlin", windows=(Window(days=days, start="09:00", end="17:00"),))
    assert schedule.covers(_ms(moment)) is on
    assert not schedule.covers(_ms(moment, ZoneInfo("Pacific/Auckland")))


@pytest.mark.parametrize(
    ("moment", "on"),
    [
        ("2026-06-05T21:59:00", False),
        ("2026-06-05T22:00:00", True),
        ("2026-06-06T05:59:00", True),
        ("2026-06-06T06:00:00", False),
        ("2026-06-06T23:00:00", False),
        ("2026-06-05T03:00:00", False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: str, on: bool) -> None:
    """2026-06-05 is a Friday."""
    schedule = Schedule(zone="Europe/Berlin", windows=(Window(days=("fri",), start="22:00", end="06:00"),))
    assert schedule.covers(_ms(moment)) is on


def test_the_same_start_and_end_is_the_whole_day_and_no_window_is_always() -> None:
    whole = Schedule(zone="UTC", windows=(Window(days=("mon",)),))
    assert whole.covers(_ms("2026-06-01T00:00:00", ZoneInfo("UTC")))
    assert whole.covers(_ms("2026-06-01T23:59:00", ZoneInfo("UTC")))
    assert not whole.covers(_ms("2026-06-02T00:00:00", ZoneInfo("UTC")))
    assert Schedule().covers(0)


@given(st.integers(0, 4_000_000_000_000), st.times(), st.times())
def test_a_window_and_the_rest_of_the_day_are_never_on_together(moment: int, one: object, other: object) -> None:
    start, end = f"{one:%H:%M}", f"{other:%H:%M}"
    window, rest = Window(start=start, end=end), Window(start=end, end=start)
    both = [Schedule(zone="Europe/Berlin", windows=(part,)).covers(moment) for part in (window, rest)]
    assert both == [True, True] if start == end else sorted(both) == [False, True]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('{"zone": "Mars/Olympus"}', r"no time zone 'Mars/Olympus'.*\$\.schedule"),
        ('{"windows": [{"start": "24:00"}]}', r"\$\.schedule\.windows\[0\]\.start"),
        ('{"windows": [{"days": []}]}', r"\$\.schedule\.windows\[0\]\.days"),
        ('{"windows": [{"days": ["funday"]}]}', r"funday"),
        ('{"windows": [{"from": "10:00"}]}', r"from"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(table: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.json.decode(f'{{"schedule": {table}}}', type=RecordingSettings)


def test_the_schedule_is_asked_once_a_second() -> None:
    clock = FakeClock()
    windows = (Window(start="00:00", end="12:00"), Window(start="12:00", end="12:01"))
    table = Timetable(Schedule(zone="UTC", windows=windows), clock)
    before = table.on()
    clock.jump_wall(12 * 3600)
    assert table.on() is before
    clock.advance(1)
    assert table.on() is not before


def test_while_nobody_knows_the_time_it_is_on() -> None:
    clock = FakeClock(trusted=False)
    clock.jump_wall(-clock.now().wall_ms / 1000)
    table = Timetable(Schedule(zone="UTC", windows=(Window(start="12:00", end="12:01"),)), clock)
    assert table.on()
