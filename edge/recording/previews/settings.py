"""What can be set about sheets and timelapses."""

from typing import Annotated

from msgspec import Meta, Struct


class PreviewSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[previews]` table: the small pictures to look through a recording by, and the timelapse of each day."""

    sheets: Annotated[
        bool, Meta(description="Whether each recording gets a sheet of small pictures to look through it by.")
    ] = True
    tile_px: Annotated[int, Meta(ge=64, le=480, description="Width of one small picture, in pixels.")] = 160
    most_tiles: Annotated[int, Meta(ge=1, le=400, description="Small pictures of one recording at most.")] = 60
    timelapse_every_s: Annotated[
        float,
        Meta(ge=0, le=3600, description="Seconds between two pictures of the day's timelapse; 0 makes no timelapse."),
    ] = 60.0
    timelapse_fps: Annotated[int, Meta(ge=1, le=60, description="Pictures a second at which a timelapse plays.")] = 24
    timelapse_px: Annotated[int, Meta(ge=160, le=3840, description="Width of a timelapse at most, in pixels.")] = 960

    def __post_init__(self) -> None:
        """A timelapse of more than one picture a second is a recording."""
        if 0 < self.timelapse_every_s < 1:
            raise ValueError("timelapse_every_s must be 0 (none) or 1 and more")
