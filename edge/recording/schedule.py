"""When continuous recording is on, by weekday and time of day, as people say it: in the local time of the place."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from edge.core.clock import Clock

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_Time = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="Local time of day, `HH:MM` from 00:00 to 23:59.")
]
_LOOK_NS: Final = 1_000_000_000
_EARLIEST_MS: Final = 1_735_689_600_000
"""2025-01-01: a wall clock before this has not been set."""


class Window(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time of day on some days. One that ends no later than it starts goes on into the next day."""

    days: Annotated[
        tuple[Day, ...],
        Meta(min_length=1, max_length=7, description="The days on which it starts: `mon` to `sun`."),
    ] = _DAYS
    start: _Time = "00:00"
    end: _Time = "00:00"

    def covers(self, local: datetime) -> bool:
        """Whether a moment of local time lies in it."""
        minute, start, end = local.hour * 60 + local.minute, _minutes(self.start), _minutes(self.end)
        if start < end:
            return start <= minute < end and self._has(local)
        return (minute >= start and self._has(local)) or (minute < end and self._has(local - timedelta(days=1)))

    def _has(self, local: datetime) -> bool:
        return _DAYS[local.weekday()] in self.days


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[recording.schedule]` table: when continuous recording is on. Without windows: always."""

    zone: Annotated[
        str,
        Meta(
            max_length=64,
            description="The place whose local time is meant, e.g. `Europe/Berlin`; empty for that of this machine.",
        ),
    ] = ""
    windows: Annotated[
        tuple[Window, ...],
        Meta(max_length=32, description="Times of the week at which to record; none for always."),
    ] = ()

    def __post_init__(self) -> None:
        _zone(self.zone)

    def covers(self, wall_ms: int) -> bool:
        """Whether to record at this moment, in milliseconds since the epoch."""
        if not self.windows:
            return True
        moment = datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(_zone(self.zone))
        return any(window.covers(moment) for window in self.windows)


class Timetable:
    """Asks a schedule once a second, however often it is asked itself."""

    def __init__(self, schedule: Schedule, clock: Clock) -> None:
        self._schedule = schedule
        self._clock = clock
        self._asked_ns: int | None = None
        self._on = True

    @property
    def always(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._schedule.windows

    def on(self) -> bool:
        """Whether it is a time at which to record; it is while nobody knows the time."""
        if self.always:
            return True
        now = self._clock.now()
        if self._asked_ns is None or now.mono_ns - self._asked_ns >= _LOOK_NS:
            self._on = now.wall_ms < _EARLIEST_MS or self._schedule.covers(now.wall_ms)
            self._asked_ns = now.mono_ns
        return self._on


def _minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


def _zone(name: str) -> ZoneInfo | None:
    """None for the zone of this machine; raise `ValueError` if there is none of this name."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"no time zone {name!r}: name one like `Europe/Berlin` or `UTC`") from error
