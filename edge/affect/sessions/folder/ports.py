"""What the folders of sessions stand on, as the composition root hands it over: `DeskNeeds(folders=FolderNeeds(...))`.

Everything has a stand-in that does nothing, so that an appliance without cameras or uploads needs no special case.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from contract.messages import File

FilePhase = Literal["closed", "uploaded", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVideo:
    """A recording that was made for a session. Times are milliseconds since the epoch."""

    recording_id: str
    camera: str
    path: Path
    """The whole video; meaningless until `whole`."""
    key: str
    whole: bool
    start_ms: int
    end_ms: int
    first_mono_ms: float | None = None
    """CLOCK_MONOTONIC at the first frame, where it is known: what aligns video and signals to the millisecond."""
    frames: int = 0
    size_bytes: int = 0
    sha256: str = ""
    codec: str = ""
    width_px: int = 0
    height_px: int = 0


class SessionCameras(Protocol):
    """The recorders, as sessions use them. `start_session` and `stop_session` may be called again for the same id."""

    def known(self) -> Sequence[str]:
        """The ids of the cameras that can record."""
        ...

    async def start_session(self, session_id: str, participant: str, cameras: Sequence[str]) -> None:
        """Record what these cameras see, for this session. Raise `RefusedError` or `StoreError` where that fails."""
        ...

    async def stop_session(self, session_id: str) -> None:
        """End what was recorded for it; a session for which nothing is recorded is ignored."""
        ...

    def recordings(self, session_id: str) -> Sequence[SessionVideo]:
        """What was recorded for it and is on the disk, whole or not yet. Blocks; called in a thread."""
        ...

    async def erase(self, participant: str, session_ids: Sequence[str]) -> int:
        """Delete every recording of these sessions, or that names the participant, also those being made or sent.

        Return how many; raise `StoreError` or `OSError` if some are left, then it is called again.
        """
        ...


class FolderUploads(Protocol):
    """`edge.outbox.store.Outbox.uploads`, as far as files of sessions need it. All raise `StoreError`."""

    async def offer(self, file: File, path: Path) -> object:
        """Announce a whole file and queue it for upload, in one commit; a second offer of an id does nothing."""
        ...

    async def phases(self, file_id: str) -> frozenset[FilePhase]:
        """What the store has told of a file."""
        ...

    async def forget(self, file_id: str) -> None:
        """Send it no more; unknown ids are ignored."""
        ...


class NoCameras:
    """`SessionCameras` of an appliance that records none."""

    def known(self) -> Sequence[str]:
        """None."""
        return ()

    async def start_session(self, session_id: str, participant: str, cameras: Sequence[str]) -> None:
        """Nothing to do."""

    async def stop_session(self, session_id: str) -> None:
        """Nothing to do."""

    def recordings(self, session_id: str) -> Sequence[SessionVideo]:
        """None."""
        del session_id
        return ()

    async def erase(self, participant: str, session_ids: Sequence[str]) -> int:
        """None."""
        del participant, session_ids
        return 0


def unmetered(n_bytes: int) -> None:
    """Nobody counts what is written."""
    del n_bytes


@dataclass(frozen=True, kw_only=True)
class FolderNeeds:
    """What the folders are given."""

    device: str
    software: str = ""
    cameras: SessionCameras = field(default_factory=NoCameras)
    uploads: FolderUploads | None = None
    """None where nothing is sent to object storage."""
    pace_s: Callable[[], float] | None = None
    """Seconds between two syncs of the journals, by the write budget; None takes the setting."""
    wrote: Callable[[int], None] = unmetered
    """Told, in a thread, of bytes that were written and synced once."""
