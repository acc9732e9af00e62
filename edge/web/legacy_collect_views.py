"""The exact shapes of S2, as types: what is there comes in the order of the fields; what we add comes after them."""

from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from edge.collecting.facts import ChunkTaken, SessionFacts, UploadFacts, VideoFacts


class Refusal(Struct, frozen=True, kw_only=True):
    """S2.8: what went wrong; `field` names what it is about."""

    error: str
    field: str | UnsetType = UNSET


class Healthy(Struct, frozen=True, kw_only=True):
    """S2.7."""

    status: str = "healthy"
    service: str = "facial-data-collection-backend"
    version: str = "1.0.0"


class Created(Struct, frozen=True, kw_only=True):
    """S2.1. `participant` is the pseudonym under which they are kept."""

    session_id: str
    created_at: str
    status: str = "created"
    participant: str | UnsetType = UNSET


class ChunkReceived(Struct, frozen=True, kw_only=True, tag_field="status", tag="chunk_received"):
    """S2.3. `received` counts distinct chunks (X.13)."""

    chunk_index: int
    total_chunks: int
    received: int


class VideoComplete(Struct, frozen=True, kw_only=True, tag_field="status", tag="video_complete"):
    """S2.4. With the size and the digest of what was put together, for who wants to compare."""

    video_id: str
    file_path: str
    size_bytes: int
    sha256: str


class MetadataSaved(Struct, frozen=True, kw_only=True):
    """S2.5."""

    status: str = "metadata_saved"
    video_id: str


class CollectedVideo(Struct, frozen=True, kw_only=True):
    """A whole video (S2.6). `prompt_id` is null until its metadata come; `state` is `kept`, `uploaded` or `lost`."""

    video_id: str
    prompt_id: Any
    uploaded_at: str
    size_bytes: int
    sha256: str
    state: str


class HeldChunks(Struct, frozen=True, kw_only=True):
    """A video of which chunks lack (S2.21): `held` are closed ranges of chunk indices, ascending."""

    video_id: str
    total_chunks: int
    received: int
    held: list[tuple[int, int]]


class CollectedSession(Struct, frozen=True, kw_only=True):
    """S2.6, and what is on its way."""

    session_id: str
    created_at: str
    status: str
    videos: list[CollectedVideo]
    uploads: list[HeldChunks]
    participant: str | None


def created_view(facts: SessionFacts) -> Created:
    """S2.1."""
    name = facts.participant or UNSET
    return Created(session_id=facts.session_id, created_at=_naive(facts.made_ms), participant=name)


def taken_view(taken: ChunkTaken) -> ChunkReceived | VideoComplete:
    """S2.3 or S2.4."""
    if taken.file_path is None:
        return ChunkReceived(chunk_index=taken.index, total_chunks=taken.total, received=taken.received)
    return VideoComplete(
        video_id=taken.video_id, file_path=taken.file_path, size_bytes=taken.size_bytes, sha256=taken.sha256
    )


def session_view(facts: SessionFacts) -> CollectedSession:
    """S2.6."""
    return CollectedSession(
        session_id=facts.session_id,
        created_at=_naive(facts.made_ms),
        status="created",
        videos=[_video(video) for video in facts.videos],
        uploads=[_upload(upload) for upload in facts.uploads],
        participant=facts.participant,
    )


def _video(facts: VideoFacts) -> CollectedVideo:
    return CollectedVideo(
        video_id=facts.video_id,
        prompt_id=facts.metadata.get("prompt_id"),
        uploaded_at=_naive(facts.done_ms),
        size_bytes=facts.size_bytes,
        sha256=facts.sha256,
        state=facts.state,
    )


def _upload(facts: UploadFacts) -> HeldChunks:
    return HeldChunks(video_id=facts.video_id, total_chunks=facts.total, received=facts.received, held=list(facts.held))


def _naive(ms: int) -> str:
    """ISO 8601 without a zone, to the second, as S2.1 shows it; it is UTC (X.3)."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(tzinfo=None).isoformat()
