"""What can be set about recording."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge.recording.schedule import Schedule

Mode = Literal["off", "event", "continuous", "both"]
Codec = Literal["auto", "h264", "copy"]


class RecordingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[recording]` table: when to record and how."""

    mode: Annotated[
        Mode,
        Meta(
            description="When to record: `off` only by hand and for sessions, `event` around events, `continuous` as "
            "the schedule says, `both` continuously and a clip of its own around events."
        ),
    ] = "event"
    schedule: Annotated[
        Schedule, Meta(description="When continuous recording is on; always if no windows are given.")
    ] = Schedule()
    codec: Annotated[
        Codec,
        Meta(
            description="`auto` keeps H.264 and H.265 as the camera sent it and makes H.264 of JPEG; `h264` makes it "
            "of everything; `copy` keeps JPEG too: no work for the processor, five to twenty times the space, and no "
            "browser plays it. What privacy hides is always painted over first, and then encoded."
        ),
    ] = "auto"
    encoder: Annotated[
        str,
        Meta(
            pattern="^[a-z0-9_]{1,32}$",
            description="What makes H.264: `auto` takes the first of the hardware that works, `software` libx264, or "
            "the name of an encoder of FFmpeg, e.g. `h264_v4l2m2m`; libx264 if that does not work.",
        ),
    ] = "auto"
    pre_roll_s: Annotated[float, Meta(ge=0, le=60, description="Seconds kept from before an event.")] = 5.0
    pre_roll_bytes: Annotated[
        int, Meta(ge=0, le=2**31, description="Most memory that the pre-roll of one camera may take, in bytes.")
    ] = 32 * 2**20
    post_roll_s: Annotated[float, Meta(ge=0, le=600, description="Seconds recorded after an event has closed.")] = 10.0
    max_clip_s: Annotated[
        float,
        Meta(
            ge=5,
            le=3600,
            description="Longest file of an event or by hand, in seconds; a longer one goes on in the next.",
        ),
    ] = 300.0
    segment_s: Annotated[
        float, Meta(ge=5, le=3600, description="Length of a file of continuous recording, in seconds.")
    ] = 300.0
    fragment_s: Annotated[
        float,
        Meta(ge=0.2, le=10, description="Seconds of video that a power cut may cost: a file is made safe this often."),
    ] = 2.0
    crf: Annotated[
        int, Meta(ge=0, le=51, description="Constant quality of H.264: 18 looks perfect, 28 is small, 51 is worst.")
    ] = 26
    max_bitrate_bps: Annotated[
        int, Meta(ge=0, le=100_000_000, description="Highest bit rate of H.264, in bits a second; 0 for no limit.")
    ] = 4_000_000
    encoder_threads: Annotated[int, Meta(ge=1, le=8, description="Threads of the H.264 encoder.")] = 1
    queue_bytes: Annotated[
        int,
        Meta(
            ge=2**20,
            le=2**31,
            description="Most memory of frames that wait to be written, in bytes; beyond it frames are dropped and "
            "counted.",
        ),
    ] = 48 * 2**20
