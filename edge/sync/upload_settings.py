"""How files are carried to object storage: how many at once, how fast and when, and how often one is tried again."""

from collections.abc import Sequence
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_Time = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="Local time of day, `HH:MM`.")]


class UploadWindow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours of the week with a rule of their own; of several that hold, the first does."""

    days: Annotated[
        Sequence[Day], Meta(max_length=7, description="Days on which the window begins; none means every day.")
    ] = ()
    begin: Annotated[_Time, Meta(description="Local time at which it begins, `HH:MM`.")] = "00:00"
    end: Annotated[
        _Time, Meta(description="Local time at which it ends, `HH:MM`; at or before `begin` it is the next day's.")
    ] = "00:00"
    upload: Annotated[bool, Meta(description="Whether anything is uploaded at all meanwhile.")] = True
    max_bits_per_s: Annotated[
        int, Meta(ge=0, le=100_000_000_000, description="Bits per second of all uploads together; 0 for no limit.")
    ] = 0


class UploadSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The way of files to object storage."""

    parallel: Annotated[int, Meta(ge=1, le=16, description="Files on their way at the same time at most.")] = 2
    max_bits_per_s: Annotated[
        int,
        Meta(ge=0, le=100_000_000_000, description="Bits per second of all uploads outside windows; 0 for no limit."),
    ] = 0
    windows: Annotated[
        Sequence[UploadWindow], Meta(max_length=50, description="Hours of the week with a rule of their own.")
    ] = ()
    timezone: Annotated[
        str, Meta(max_length=64, description="IANA name of the windows' time zone; empty takes the system's.")
    ] = ""
    attempts: Annotated[
        int, Meta(ge=1, le=1000, description="How often a file is tried while others get through, until it has failed.")
    ] = 10
    retry_limit_s: Annotated[
        float, Meta(ge=1, le=86_400, description="Seconds at most between two attempts at one file.")
    ] = 600.0
    failed_retry_s: Annotated[
        float, Meta(ge=60, le=2_592_000, description="Seconds after which a file that has failed gets another attempt.")
    ] = 86_400.0
    abandoned_after_s: Annotated[
        float,
        Meta(
            ge=3600, le=31_536_000, description="Age in seconds at which uploads of ours that nobody knows are aborted."
        ),
    ] = 172_800.0

    def __post_init__(self) -> None:
        """A time zone that nobody knows would only be noticed at night."""
        try:
            if self.timezone:
                ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"timezone {self.timezone!r} is not known: use a name such as Europe/Berlin") from error
