"""How a recorder is doing, as whoever shows it wants it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordingStats:
    """How recording is doing since the service began.

    `frames_dropped` reached no clip because the encoder was too slow, `frames_unrecorded` because the disk had no room.
    `copying`: what is recorded is what the camera compressed. `encoder` makes H.264 otherwise; `encoder_refused` says
    why not one that was preferred.
    """

    recording: bool
    clips: int
    salvaged: int
    frames_written: int
    frames_dropped: int
    frames_unrecorded: int
    bytes_written: int
    ring_bytes: int
    copying: bool
    encoder: str
    encoder_refused: str
