"""How much the local store keeps, and how it groups its commits."""

from typing import Annotated

from msgspec import Meta, Struct


class OutboxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the local store. What the cloud has not acknowledged yet outlives every bound but `max_records` and
    `max_bytes`, and alarms outlive those too."""

    linger_ms: Annotated[
        int,
        Meta(
            ge=0, le=1000, description="Milliseconds between two commits at least; a lone record is committed at once."
        ),
    ] = 10
    batch_records: Annotated[int, Meta(ge=1, le=5000, description="Records that one commit takes at most.")] = 500
    waiting_records: Annotated[
        int, Meta(ge=10, le=100_000, description="Records kept in memory at most while the disk takes none.")
    ] = 2000
    wait_s: Annotated[
        float,
        Meta(ge=0.1, le=20, description="Seconds that whoever makes a record is held up by a disk that takes none."),
    ] = 5.0
    max_records: Annotated[
        int,
        Meta(ge=2000, le=50_000_000, description="Unacknowledged records kept at most; bulk gives way, alarms never."),
    ] = 500_000
    max_bytes: Annotated[
        int,
        Meta(
            ge=4_194_304, le=1 << 40, description="Bytes of the store at most; history gives way first, alarms never."
        ),
    ] = 1 << 30
    history_records: Annotated[
        int, Meta(ge=1000, le=50_000_000, description="Records kept at most to be looked at after the cloud has them.")
    ] = 1_000_000
    history_days: Annotated[
        float,
        Meta(ge=0.01, le=3650, description="Days that records are kept to be looked at after the cloud has them."),
    ] = 30.0
    tidy_every_s: Annotated[
        float, Meta(ge=0.05, le=3600, description="Seconds between looks at whether a bound is reached.")
    ] = 20.0
