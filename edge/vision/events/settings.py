"""What is kept of events, and how many there may be."""

from typing import Annotated

from msgspec import Meta, Struct


class EventSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `vision.events` table: rate limits, best pictures and the room that they may take."""

    opens_per_minute: Annotated[
        int,
        Meta(
            ge=1,
            le=60,
            description="Events of one type in one zone that may begin within a minute; the last of them then stays "
            "open, and what comes more is merged into it.",
        ),
    ] = 10
    camera_opens_per_minute: Annotated[
        int,
        Meta(
            ge=1,
            le=600,
            description="Events of one camera that may begin within a minute; what a limit holds back is counted. "
            "HIGH and CRITICAL ones begin all the same.",
        ),
    ] = 40
    tampered_per_ten_minutes: Annotated[
        int,
        Meta(
            ge=1,
            le=600,
            description="Events of a camera that is covered, turned or blurred that may begin within ten minutes; the "
            "last of them then stays open until nothing came for a minute, and what comes more is merged into it.",
        ),
    ] = 3
    keep_pictures: Annotated[
        int,
        Meta(ge=0, le=20_000, description="Events whose best picture is kept, on all cameras together; 0 for none."),
    ] = 2000
    picture_bytes: Annotated[
        int,
        Meta(ge=2**20, le=2**40, description="Most disk that pictures and thumbnails of events may take, in bytes."),
    ] = 256 * 2**20
    better_picture_s: Annotated[
        float,
        Meta(ge=0.2, le=600, description="Seconds at least before a better picture of the same event replaces one."),
    ] = 2.0
    thumbnail_px: Annotated[
        int, Meta(ge=80, le=320, description="Width of a thumbnail in pixels; a smaller crop is not enlarged.")
    ] = 320
