"""How full the disk is, what may give way and how long it lasts, as the page, the metrics and the cloud are told."""

from msgspec import Struct


class StashView(Struct, frozen=True, kw_only=True):
    """One room that keeps things. `used_bytes` counts also what is still being made."""

    name: str
    used_bytes: int
    holdings: int


class ClassView(Struct, frozen=True, kw_only=True):
    """Things of one class that may give way, over all stashes. A budget of 0 is none."""

    kind: str
    size_bytes: int
    count: int
    unsent_bytes: int
    """Of them, bytes that are nowhere else."""
    max_bytes: int
    max_days: float
    oldest_ms: int | None
    bytes_per_hour: float
    """How fast it grows, of late."""
    kept_s: float | None
    """How long something of this class is kept at this rate; None while nothing comes."""


class EvictionView(Struct, frozen=True, kw_only=True):
    """What one rule has taken since the start. `lost` of them were nowhere else."""

    reason: str
    count: int
    lost: int
    size_bytes: int


class WearView(Struct, frozen=True, kw_only=True):
    """What is written to the disk, and what is held back to spare it. A budget of 0 is none."""

    bytes_per_day: float
    """The pace of the last hours."""
    syncs_per_minute: float
    max_bytes_per_day: int
    max_syncs_per_minute: int
    held: bool
    """Whether the budgets are enforced on this disk."""
    left: float
    """Share of the allowance that is left, 1 to 0; below 0.3 things are held back."""
    linger_ms: float
    fragment_s: float
    plain_recording: bool
    """Whether recording without an event is allowed."""
    payload_bytes: int
    """Bytes that were meant to be written since the start."""
    device_bytes: int
    """Bytes that the kernel sent to the disk for this process since the start."""
    syncs: int
    amplification: float | None
    """`device_bytes` per `payload_bytes`."""


class StorageView(Struct, frozen=True, kw_only=True):
    """The disk now: `GET /v1/storage` and the hub's topic `storage`."""

    t_ms: int
    used_bytes: int
    max_bytes: int
    max_days: float
    free_bytes: int
    reserve_bytes: int
    ballast_bytes: int
    """What is held ready for alarms; 0 while it is given up to them."""
    room: bool
    """Whether recordings may grow."""
    short_bytes: int
    """What is missing although all that may go is gone."""
    bytes_per_hour: float
    horizon_s: float | None
    """At this rate: seconds until the next thing has to go; None while nothing is recorded."""
    kept_s: float | None
    """At this rate: how many seconds of it the disk keeps."""
    stashes: list[StashView]
    classes: list[ClassView]
    evictions: list[EvictionView]
    lost: int
    wear: WearView | None = None
