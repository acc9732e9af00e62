"""A desk whose sessions have folders, with cameras and uploads that a test steers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contract.messages import File
from contract.sessions import SessionView
from edge.affect.sessions.folder.layout import SessionNote, read_note
from edge.affect.sessions.folder.ports import FilePhase, FolderNeeds, SessionVideo
from edge.affect.sessions.folder.service import SessionFolders
from edge.affect.sessions.folder.settings import FolderSettings
from edge.affect.sessions.settings import SessionSettings
from edge.core.errors import StoreError
from edge.core.sample import Channel, Sample
from tests.support.clock import FakeClock
from tests.support.outboxes import DEVICE
from tests.support.sessions_room import SessionsRoom, opened_desk

WITHIN_S = 90.0


class StillClock(FakeClock):
    """Time passes only when the test says so; who sleeps looks again a moment later."""

    async def sleep(self, seconds: float) -> None:
        """A moment of the real clock, whatever was asked for."""
        await asyncio.sleep(min(seconds, 0.01))


class FakeCameras:
    """`SessionCameras` in a folder: a recording is a file of the bytes of its id."""

    def __init__(self, folder: Path, *cameras: str, clock: FakeClock) -> None:
        self.folder = folder
        self.clock = clock
        self.cameras = cameras
        self.running: dict[str, list[SessionVideo]] = {}
        self.made: dict[str, list[SessionVideo]] = {}
        self.calls: list[str] = []
        self.whole = True
        self.problem: Exception | None = None
        self.writing = 0
        """How often an erasure finds a recording that is still being written."""

    def known(self) -> Sequence[str]:
        """All of them."""
        return self.cameras

    async def start_session(self, session_id: str, participant: str, cameras: Sequence[str]) -> None:
        """Begin a recording of each."""
        del participant
        self.calls.append(f"start {session_id} {','.join(cameras)}")
        if self.problem:
            raise self.problem
        now = self.clock.now()
        self.folder.mkdir(exist_ok=True)
        for camera in cameras:
            path = self.folder / f"rec-{camera}-{len(self.calls)}.mp4"
            path.write_bytes(path.name.encode() * 100)
            self.made.setdefault(session_id, []).append(
                SessionVideo(
                    recording_id=path.stem,
                    camera=camera,
                    path=path,
                    key=f"recordings/{path.name}",
                    whole=self.whole,
                    start_ms=now.wall_ms,
                    end_ms=now.wall_ms + 10_000,
                    first_mono_ms=now.mono_ns / 1e6 + 40,
                    frames=300,
                )
            )

    async def stop_session(self, session_id: str) -> None:
        """Note it."""
        self.calls.append(f"stop {session_id}")

    def recordings(self, session_id: str) -> Sequence[SessionVideo]:
        """What there is."""
        return self.made.get(session_id, [])

    async def erase(self, participant: str, session_ids: Sequence[str]) -> int:
        """Delete them; not while one is being written."""
        del participant
        if self.writing:
            self.writing -= 1
            raise StoreError("still being written")
        gone = [video for one in session_ids for video in self.made.pop(one, [])]
        for video in gone:
            video.path.unlink(missing_ok=True)
        return len(gone)


@dataclass
class FakeUploads:
    """`FolderUploads` in memory."""

    offered: dict[str, tuple[File, Path]] = field(default_factory=dict)
    told: dict[str, set[FilePhase]] = field(default_factory=dict)
    problem: Exception | None = None

    async def offer(self, file: File, path: Path) -> object:
        """Once each."""
        if self.problem:
            raise self.problem
        self.offered.setdefault(file.file_id, (file, path))
        self.told.setdefault(file.file_id, set()).add("closed")
        return None

    async def phases(self, file_id: str) -> frozenset[FilePhase]:
        """As told."""
        return frozenset(self.told.get(file_id, ()))

    async def forget(self, file_id: str) -> None:
        """Offer it no more."""
        self.offered.pop(file_id, None)


@dataclass(kw_only=True)
class FoldersRoom:
    """The desk's room with its folders, whose service runs."""

    room: SessionsRoom
    folders: SessionFolders
    root: Path

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let it work until that is so."""
        async with asyncio.timeout(WITHIN_S):
            while not condition():  # noqa: ASYNC110 - whatever it is
                await asyncio.sleep(0.005)

    async def whole(self, session_id: str) -> SessionNote:
        """The note of a session's folder once that is whole."""
        await self.until(lambda: (note := self.note(session_id)) is not None and note.state == "whole")
        note = self.note(session_id)
        assert note
        await self.until(lambda: not self.folders.stats.waiting)
        return note

    def path(self, session_id: str) -> Path:
        """Its folder."""
        return self.root / (self.folders.folder_of(session_id) or "none")

    def note(self, session_id: str) -> SessionNote | None:
        """As it stands."""
        return read_note(self.path(session_id))

    def deliver(self, sensor: str, count: int = 100, *, every_s: float = 0.01, gap_at: int = -1) -> None:
        """A sensor delivers while time passes."""
        for at in range(count):
            self.room.clock.advance(every_s)
            values = {Channel.GSR_US: 2.0 + at / 100, Channel.PULSE_RAW: float(at)}
            self.folders.recorder.sample(
                Sample(sensor, self.room.clock.mono_ns(), values, node_ms=at * 10, gap_before=at == gap_at)
            )

    async def viewed(self, participant: str = "p1", *, sensor: str = "left", **start: object) -> SessionView:
        """A session that has begun, of somebody who agreed."""
        await self.room.agree(participant, sensor=sensor)
        return await self.room.desk.start(participant, overrule=True, **start)  # type: ignore[arg-type]


@asynccontextmanager
async def opened_folders(
    folder: Path,
    *,
    clock: FakeClock | None = None,
    cameras: FakeCameras | None = None,
    uploads: FakeUploads | None = None,
    settings: FolderSettings | None = None,
    filming: Sequence[str] = (),
    runs: bool = True,
) -> AsyncIterator[FoldersRoom]:
    """A desk with folders; only the service of these runs. Time stands still but for the test and that service."""
    clock = clock or StillClock()
    needs = FolderNeeds(device=DEVICE, software="1.2.3", uploads=uploads)
    if cameras:
        needs = FolderNeeds(device=DEVICE, software="1.2.3", uploads=uploads, cameras=cameras)
    wanted = SessionSettings(folder=settings or FolderSettings(late_s=0.0), cameras=tuple(filming))
    async with opened_desk(folder, clock=clock, settings=wanted, folders=needs) as room:
        folders = room.desk.folders
        assert folders
        running = asyncio.create_task(folders.run()) if runs else None
        try:
            yield FoldersRoom(room=room, folders=folders, root=folder / "sessions" / "folders")
        finally:
            if running:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
