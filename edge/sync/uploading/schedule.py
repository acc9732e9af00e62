"""How many bits a second may be sent now: the first window of the week that holds decides."""

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from edge.core.clock import Clock
from edge.sync.upload_settings import Day, UploadSettings, UploadWindow

NOTHING: Final = 0
_DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES: Final = 24 * 60


class Schedule:
    """The settings' windows by local time. While nobody knows what time it is, no window holds."""

    def __init__(self, settings: UploadSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._zone = ZoneInfo(settings.timezone) if settings.timezone else None

    def limit_bps(self) -> int | None:
        """Bits per second now; `NOTHING` where nothing may be sent, None without a limit."""
        now = self._clock.now()
        if not self._settings.windows or not now.trusted:
            return self._settings.max_bits_per_s or None
        moment = _local(now.wall_ms, self._zone)
        for window in self._settings.windows:
            if holds(window, moment):
                return (window.max_bits_per_s or None) if window.upload else NOTHING
        return self._settings.max_bits_per_s or None


def holds(window: UploadWindow, moment: datetime) -> bool:
    """Whether a local moment lies within a window. One that begins before midnight may end after it."""
    minute, day = moment.hour * 60 + moment.minute, moment.weekday()
    begin, end = _minute_of(window.begin), _minute_of(window.end)
    if end <= begin:
        end += _DAY_MINUTES
    today = begin <= minute < end and _begins_on(window, day)
    return today or (begin <= minute + _DAY_MINUTES < end and _begins_on(window, day - 1))


def _begins_on(window: UploadWindow, day: int) -> bool:
    return not window.days or _DAYS[day % 7] in window.days


def _minute_of(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _local(wall_ms: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(zone)
