"""Settings of the videos that browsers hand in, section `[collect]`."""

from typing import Annotated

from msgspec import Meta, Struct


class CollectSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is taken from browsers, and how long what they left unfinished is kept."""

    max_chunk_mib: Annotated[
        int,
        Meta(
            ge=1,
            le=1024,
            description="Largest chunk of a video that is taken, in MiB; it goes to the disk as it comes and costs no "
            "memory. 100 is what existing clients are used to.",
        ),
    ] = 100
    max_chunks: Annotated[
        int, Meta(ge=1, le=9999, description="Most chunks of one video; browsers send about 1 MiB in each.")
    ] = 4096
    max_video_mib: Annotated[
        int, Meta(ge=1, le=1_048_576, description="Largest video that is taken, in MiB over all its chunks.")
    ] = 4096
    max_session_mib: Annotated[
        int, Meta(ge=1, le=1_048_576, description="Most that one session may take of the disk, in MiB.")
    ] = 16_384
    max_waiting_mib: Annotated[
        int,
        Meta(
            ge=1,
            le=16_777_216,
            description="Most that may wait on the device in all, in MiB: videos that are in no object storage, and "
            "chunks. Beyond it chunks are refused until some are uploaded or evicted.",
        ),
    ] = 32_768
    max_sessions: Annotated[int, Meta(ge=1, le=100_000, description="Sessions kept at once; one more is refused.")] = (
        5000
    )
    max_videos: Annotated[int, Meta(ge=1, le=10_000, description="Videos of one session.")] = 500
    max_at_once: Annotated[
        int, Meta(ge=1, le=64, description="Chunks taken at the same time; further clients wait for their turn.")
    ] = 16
    chunk_within_s: Annotated[
        int,
        Meta(
            ge=5,
            le=3600,
            description="Seconds in which a chunk's turn has to come, and then in which it has to arrive.",
        ),
    ] = 300
    reserve_mib: Annotated[
        int, Meta(ge=1, le=1_048_576, description="Free disk, in MiB, below which no chunk is taken.")
    ] = 256
    metadata_wait_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="Seconds that a whole video waits for its metadata, which clients send after it, before it is "
            "sent on to object storage without.",
        ),
    ] = 60.0
    abandoned_hours: Annotated[
        int,
        Meta(
            ge=1,
            le=8760,
            description="Hours, counted while the appliance runs, after which an unfinished upload or an empty session "
            "is deleted, if nothing of its session was sent meanwhile.",
        ),
    ] = 168
