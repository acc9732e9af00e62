"""Which devices somebody should look at, as a condition of the database: of thousands only these leave it.

What it is about each is said by the console, `needs` in `words.js`, in the same terms.
"""

from typing import Final

from sqlalchemy import ColumnElement, exists, func, or_, select

from cloud.store import fleet_tables, tables

GRAVE: Final = ("HIGH", "CRITICAL")
"""Severities of events that wait for somebody while they are open."""
_CERTIFICATE_MS: Final = 7 * 86_400_000
"""How long before its end a certificate is told of."""


def wants_somebody(now_ms: int) -> ColumnElement[bool]:
    """Of rows of `devices`: its desired state is refused or not in force, an alarm is open, records are missing, its
    clock is not set, or its certificate ends within a week."""
    device, gaps, events = tables.devices.c.device, tables.gaps.c, tables.events.c
    return or_(
        tables.devices.c.clock != "trusted",
        exists().where(gaps.device == device),
        exists().where(events.device == device, events.phase != "close", events.severity.in_(GRAVE)),
        _is_not_as_desired(device),
        _certificate_ends(device) < now_ms + _CERTIFICATE_MS,
    )


def _is_not_as_desired(device: ColumnElement[str]) -> ColumnElement[bool]:
    heads, reported = fleet_tables.desired_heads.c, fleet_tables.reported.c
    in_force = select(reported.version).where(reported.device == heads.device).scalar_subquery()
    return or_(
        exists().where(reported.device == device, reported.state == "refused"),
        exists().where(heads.device == device, heads.version > func.coalesce(in_force, 0)),
    )


def _certificate_ends(device: ColumnElement[str]) -> ColumnElement[int]:
    """When the last one that was not revoked does; NULL without one."""
    held = tables.certificates.c
    mine = (held.name == device, held.kind == "device", held.revoked_ms.is_(None))
    return select(func.max(held.expires_ms)).where(*mine).scalar_subquery()
