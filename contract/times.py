"""Time on the wire: UTC, RFC 3339, milliseconds; a naive legacy timestamp means UTC (X.3)."""

from datetime import UTC, datetime

from contract.errors import InvalidMessageError


def to_wire(ms: int) -> str:
    """Milliseconds since the epoch as `2026-11-21T08:00:00.123Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_wire(text: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 or naive ISO 8601 time; raise `InvalidMessageError` otherwise."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidMessageError(f"{text!r:.60} is not an RFC 3339 time such as 2026-11-21T08:00:00.000Z") from error
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return round(parsed.timestamp() * 1000)
