"""What a recorder tells of a file that still grows, so that the safe part of it can already be carried away."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Growth:
    """A file of which `safe_bytes` are durable and will never change. `urgent`: it shows an event that is an alarm."""

    recording_id: str
    camera: str
    path: Path
    key: str
    safe_bytes: int
    reason: str
    urgent: bool = False
