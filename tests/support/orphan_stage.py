"""What a run of an appliance with the camera `front` does with its spool, but recording: for notes that are spoilt."""

from functools import cache
from pathlib import Path

from msgspec.structs import replace

from edge.core.access_unit import AccessUnit
from edge.core.errors import StoreDelayedError
from edge.core.health import Health
from edge.recording.aside import FOLDER, SetAside
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.orphanage import Orphanage
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from edge.recording.stranded import StrandedService
from edge.recording.writer import ClipWriter
from tests.support.clock import START_MS, FakeClock
from tests.support.encoded import encoded
from tests.support.sinks import MemorySink

FRAMES = 20
"""Of each recording."""


@cache
def _units() -> list[AccessUnit]:
    return list(encoded(FRAMES, fps=10, key_every=5))


def session_note(name: str) -> Sidecar:
    """The note of a recording that begins."""
    return Sidecar(
        recording_id=name,
        camera="front",
        reason="session",
        codec="h264",
        start_ms=START_MS,
        width_px=160,
        height_px=120,
        order=7,
        session_id="söß/\u2028 s-1",
        participant="p1",
    )


class OrphanStage:
    """One run; another one of the same folder is the next."""

    def __init__(self, folder: Path, sink: MemorySink | None = None) -> None:
        self.spool, self.sink, self.clock = Spool(folder / "spool"), sink or MemorySink(), FakeClock()
        self.home = self.spool.folder / "front"
        self.home.mkdir(parents=True, exist_ok=True)
        self.health = Health(self.clock)
        self.offered: list[str] = []
        self.forgotten: list[str] = []
        self.refuse_uploads = False
        self.teller = RecordingTeller("box", self.sink, self.sink.known, self._closed)
        self.aside = SetAside(self.spool.folder / FOLDER, self.sink)
        self.orphanage = Orphanage(self.spool, self.aside, teller=self.teller, forget=self.forget)
        self.service = StrandedService(
            self.spool,
            configured=["front"],
            teller=self.teller,
            on_nothing=lambda _: None,
            clock=self.clock,
            health=self.health,
            orphanage=self.orphanage,
        )

    async def _closed(self, recording: ClosedRecording) -> None:
        if self.refuse_uploads:
            raise StoreDelayedError("it waits for the disk")
        assert recording.path.exists()
        self.offered.append(recording.recording_id)

    async def forget(self, recording_id: str) -> None:
        """It is taken from the list of uploads."""
        self.forgotten.append(recording_id)

    def recorded(self, name: str, *, torn: bool = False, start_ms: int = START_MS) -> Path:
        """A recording of `FRAMES` pictures, whole unless `torn`, and where its note is."""
        sidecar = replace(session_note(name), start_ms=start_ms)
        writer = ClipWriter(Spool(self.spool.folder).begin(sidecar), sidecar, fragment_s=lambda: 0.5)
        for unit in _units():
            writer.add(unit)
        if torn:
            writer.abandon()
        else:
            made = writer.finish()
            self.spool.close(replace(sidecar, frames=FRAMES, size_bytes=made.size_bytes, sha256=made.sha256))
        return self.home / f"{name}.json"
