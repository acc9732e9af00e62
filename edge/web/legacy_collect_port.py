"""What the routes of S2 need of the room that keeps videos from browsers: `edge.collecting.collector.Collector`."""

from collections.abc import Mapping
from typing import Any, Protocol

from edge.collecting.facts import ChunkFacts, ChunkTaken, SessionFacts


class ChunkDraft(Protocol):
    """A chunk that is coming in: its bytes go to the disk before anybody knows whether they are wanted."""

    async def write(self, data: bytes) -> None:
        """Take some more. Raise `StoreError` if there is no room, `OSError` if the disk fails."""
        ...

    async def keep(self, facts: ChunkFacts) -> ChunkTaken:
        """It is whole: keep it, and put the video together if it was the last that lacked."""
        ...

    async def discard(self) -> None:
        """Nobody wants it; does nothing to a chunk that was kept. Has to be the end of every draft."""
        ...


class CollectPort(Protocol):
    """Takes videos chunk by chunk. What a method returned is durable.

    All, those of a draft too, raise `UnknownError` for a session that is not there, `InvalidIdError` and
    `InvalidMessageError` for what cannot be taken as it is said, `NotAgreedError` for who does not agree (any more),
    `RefusedError` for what contradicts what is held, `StoreError` where there is no room, and `OSError` where the disk
    fails.
    """

    @property
    def max_chunk_bytes(self) -> int:
        """Of one chunk."""
        ...

    @property
    def chunk_within_s(self) -> float:
        """Seconds in which a chunk has to arrive."""
        ...

    async def create(self, participant_id: str | None) -> SessionFacts:
        """A new session. A `participant_id` that is no id is kept as a pseudonym made from it."""
        ...

    async def draft(self) -> ChunkDraft:
        """Begin to take a chunk; waits while too many are coming in, and raises `StoreError` if that takes too long."""
        ...

    async def save_metadata(self, session_id: str, video_id: str, metadata: Mapping[str, Any]) -> None:
        """Replace what is known of a video, which may come later."""
        ...

    async def session(self, session_id: str) -> SessionFacts:
        """What is held of a session."""
        ...
