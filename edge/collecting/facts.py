"""What is said of videos that browsers hand in, between the room that keeps them and the routes that speak of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

VideoType = Literal["recording", "encoder_test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkFacts:
    """What a client says of one chunk (S2.2, U2.1). Ids are not checked yet; numbers are."""

    session_id: str
    video_id: str
    index: int
    """From 0 to `total` - 1."""
    total: int
    extension: str = ""
    """As the client named it, `webm` or `mp4`; empty for what it does not know."""
    video_type: VideoType = "recording"
    sha256: str = ""
    """Hex, of the chunk; empty where the client does not send it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkTaken:
    """The chunk is durable. `file_path` is that of the whole video, relative to the folder; None while chunks lack."""

    video_id: str
    index: int
    total: int
    received: int
    """Distinct chunks that are held."""
    file_path: str | None = None
    size_bytes: int = 0
    sha256: str = ""
    """Hex, of the whole video."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """A whole video. `state`: `kept`, `uploaded` (in object storage too) or `lost` (evicted before that)."""

    video_id: str
    done_ms: int
    size_bytes: int
    sha256: str
    state: Literal["kept", "uploaded", "lost"]
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFacts:
    """A video of which chunks lack. `held` are closed ranges of chunk indices, ascending."""

    video_id: str
    total: int
    received: int
    held: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """One collecting session."""

    session_id: str
    made_ms: int
    participant: str | None = None
    videos: tuple[VideoFacts, ...] = ()
    uploads: tuple[UploadFacts, ...] = ()
