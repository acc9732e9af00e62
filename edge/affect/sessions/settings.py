"""What an operator may say about sessions."""

from typing import Annotated

from msgspec import Meta, Struct

from contract.ids import Id
from edge.affect.sessions.folder.settings import FolderSettings

Duration = Annotated[int, Meta(ge=1, le=86_400_000)]


class SessionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[affect.sessions]` table."""

    consent_file: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Path of a text file (UTF-8, at most 64 KiB) that participants agree to; empty takes a short "
            "general text that comes with the appliance.",
        ),
    ] = ""
    consent_version: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            description="Version of the text in `consent_file`, as kept with each consent; change it with the text.",
        ),
    ] = "1"
    external_consent: Annotated[
        bool,
        Meta(
            description="Whether a start by an existing client counts as consent that this client asked for; if not, "
            "such a start is refused until the participant's consent was recorded here."
        ),
    ] = True
    cameras: Annotated[
        tuple[Id, ...],
        Meta(
            max_length=16,
            description="Ids of the cameras that record each session on video, unless its start names others; only of "
            "participants whose consent covers video.",
        ),
    ] = ()
    consent_covers_video: Annotated[
        bool,
        Meta(
            description="Whether the text in `consent_file` says that sessions are recorded on video; the general text "
            "says so where `cameras` names any, or this is set."
        ),
    ] = False
    folder: FolderSettings = FolderSettings()
    numbered_ms: Annotated[
        tuple[Duration, ...],
        Meta(
            max_length=1000,
            description="Durations in milliseconds of the videos 1, 2 and so on that existing clients play themselves. "
            "Each is made once as an external stimulus, which can be changed afterwards.",
        ),
    ] = (180_000, 151_000, 160_000, 117_000)
    max_video_bytes: Annotated[
        int, Meta(ge=1024, le=1 << 40, description="Bytes that the video file of a stimulus may have.")
    ] = 4 << 30
    keep_free_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=1 << 40,
            description="Bytes that uploads leave free on the disk; with less than this no session starts.",
        ),
    ] = 256 << 20
    max_participants: Annotated[int, Meta(ge=1, le=100_000, description="Participants kept, in number.")] = 2000
    max_stimuli: Annotated[int, Meta(ge=1, le=100_000, description="Stimuli kept, in number.")] = 1000
    max_sessions: Annotated[
        int,
        Meta(
            ge=10,
            le=1_000_000,
            description="Ended sessions kept on the device, in number; the oldest go with their labels.",
        ),
    ] = 5000
    max_bytes: Annotated[
        int,
        Meta(
            ge=1_048_576,
            le=1 << 40,
            description="Bytes of the file of sessions above which the oldest ended session goes with its labels.",
        ),
    ] = 1 << 30
    max_labels: Annotated[
        int,
        Meta(ge=100, le=1_000_000, description="Labels of one session, in number; each point of a trace is one."),
    ] = 150_000
    longest_s: Annotated[
        int,
        Meta(ge=60, le=604_800, description="Seconds after which a session that nobody stopped is ended."),
    ] = 21_600
    ask_expires_s: Annotated[
        float, Meta(ge=1.0, le=600.0, description="Seconds for which a question to a participant waits for its answer.")
    ] = 20.0
    consensus_reach_s: Annotated[
        float,
        Meta(
            ge=0.0,
            le=600.0,
            description="Seconds of the stimulus over which another participant's label speaks for moments beside its "
            "own.",
        ),
    ] = 15.0
    listed_segments: Annotated[
        int,
        Meta(ge=100, le=100_000, description="Segments that one question about a video or a session brings at most."),
    ] = 10_000
