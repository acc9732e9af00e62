"""What an operator may say about the folders of sessions."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class FolderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[affect.sessions.folder]` table."""

    enabled: Annotated[
        bool, Meta(description="Whether the raw signals of each session are recorded into a folder of its own.")
    ] = True
    format: Annotated[
        Literal["auto", "parquet", "csv"],
        Meta(description="Form of the tables: `auto` takes Parquet where pyarrow is installed, CSV elsewhere."),
    ] = "auto"
    sync_s: Annotated[
        float,
        Meta(
            ge=0.2,
            le=60.0,
            description="Seconds between two syncs of what a running session delivered; a power cut loses at most so "
            "much. The write budget may stretch it.",
        ),
    ] = 5.0
    late_s: Annotated[
        float,
        Meta(ge=0.0, le=120.0, description="Seconds for which late samples and predictions of an ended session come."),
    ] = 10.0
    video_wait_s: Annotated[
        float,
        Meta(ge=0.0, le=3600.0, description="Seconds for which the folder waits for the session's videos to be whole."),
    ] = 120.0
    max_waiting: Annotated[
        int,
        Meta(
            ge=1000,
            le=10_000_000,
            description="Samples of one session held in memory while the disk takes none, in number; then the oldest "
            "are dropped and counted.",
        ),
    ] = 60_000
