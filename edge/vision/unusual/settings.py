"""How the unusual is learned and what is kept of it."""

from typing import Annotated

from msgspec import Meta, Struct


class UnusualSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `vision.unusual` table of one camera."""

    by_hour: Annotated[
        bool,
        Meta(description="Whether each hour of the day learns a normal of its own besides that of the whole day."),
    ] = True
    alarms_kept: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="Of how many of the last alarms it is kept what they saw, so that somebody can still say "
            "that it was normal.",
        ),
    ] = 64
