"""When a rule holds: spans of the days by the clock of the place, over midnight and over the change of summer time.

Hours are what a wall clock at the place shows. In the hour that summer time skips nothing is lost, and the hour that
comes twice counts twice. While nobody can say what time it is, a rule holds: rather one alarm too many than none.
"""

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from contract.messages import Severity
from contract.plan import DAYS, Hours, Plan
from edge.core.clock import Stamp
from edge.vision.findings import SEVERITIES, severity_of

UNTRUSTED: Final = "the clock is not trusted, so the rule holds whatever the hour"
_SCORES: Final = (1.25, 2.75, 4.25, 5.75)
"""The middle of each severity on the scale of U1.2: a bonus of 1.5 (U1.1) makes each one the next."""
_DAY: Final = 24 * 60


class PlanClock:
    """What a wall clock at the place shows. `timezone` is an IANA name; empty for the device's own."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone) if timezone else None

    def local(self, stamp: Stamp) -> dt.datetime | None:
        """The local time of `stamp`, with its offset; None while the clock is not trusted."""
        if not stamp.trusted:
            return None
        return dt.datetime.fromtimestamp(stamp.wall_ms / 1000, dt.UTC).astimezone(self._zone)


def is_within(hours: Hours | None, local: dt.datetime | None) -> bool:
    """Whether `hours` hold at `local`, the start included, the end not. None is always and an unknown time: True.

    A span over midnight belongs to the day on which it starts; a whole day is one of the calendar.
    """
    if hours is None or local is None:
        return True
    start, end, now = _minutes(hours.start), _minutes(hours.end), local.hour * 60 + local.minute
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if start == end:
        return today in hours.days
    length = (end - start) % _DAY
    begun_today = today in hours.days and 0 <= now - start < length
    begun_yesterday = yesterday in hours.days and now + _DAY - start < length
    return begun_today or begun_yesterday


def after_hours_bonus(plan: Plan, local: dt.datetime | None) -> float:
    """By how many sigma what happens now is graver (U1.1); 0 in working hours, and while the time is not known:
    nothing is made graver by a guess."""
    span = plan.after_hours
    return span.score_bonus if span and local is not None and is_within(span.hours, local) else 0.0


def lifted(severity: Severity, bonus: float) -> Severity:
    """A severity made graver by `bonus` sigma; 1.5 lifts each by one step."""
    if not bonus:
        return severity
    return severity_of(_SCORES[SEVERITIES.index(severity)] + bonus)


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])
