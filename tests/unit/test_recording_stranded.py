"""A camera that was renamed or taken away while it recorded: what it left is told, kept and uploaded like all else."""

from pathlib import Path

from msgspec.structs import replace

from edge.core.health import Health, State
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from edge.recording.stranded import StrandedService
from edge.recording.writer import ClipWriter
from tests.support.clock import FakeClock
from tests.support.encoded import encoded
from tests.support.sinks import MemorySink


def _sidecar(name: str, camera: str) -> Sidecar:
    return Sidecar(
        recording_id=name,
        camera=camera,
        reason="event",
        codec="h264",
        start_ms=1_780_000_000_000,
        width_px=160,
        height_px=120,
    )


class _Box:
    """An appliance with the camera `front`."""

    def __init__(self, folder: Path) -> None:
        self.spool, self.sink, self.health = Spool(folder), MemorySink(), Health(FakeClock())
        self.closed: list[str] = []
        self.nothing: list[str] = []
        self.service = StrandedService(
            self.spool,
            configured=["front"],
            teller=RecordingTeller("box", self.sink, self.sink.known, self._closed),
            on_nothing=self.nothing.append,
            clock=FakeClock(),
            health=self.health,
        )

    async def _closed(self, recording: ClosedRecording) -> None:
        assert recording.path.exists()
        self.closed.append(recording.recording_id)

    def left(self, name: str, camera: str, *, frames: int = 20) -> None:
        """A recording that a kill tore."""
        sidecar = _sidecar(name, camera)
        writer = ClipWriter(self.spool.begin(sidecar), sidecar, fragment_s=lambda: 0.5)
        for unit in encoded(frames, fps=10, key_every=5):
            writer.add(unit)
        writer.abandon()


async def test_what_a_former_camera_left_is_told_once_and_may_give_way(tmp_path: Path) -> None:
    box = _Box(tmp_path)
    box.left("rec-torn", "attic")
    box.left("rec-empty", "attic", frames=1)
    box.left("rec-front", "front")
    whole = replace(_sidecar("rec-whole", "cellar"), step="closed", size_bytes=3, sha256="0" * 64)
    box.spool.begin(whole).write_bytes(b"mp4")
    (tmp_path / "Not a camera").mkdir()
    await box.service.run_once()
    await box.service.run_once()
    assert sorted(box.closed) == ["rec-torn", "rec-whole"]
    assert sorted(one.recording_id for one in box.sink.recordings()) == ["rec-torn", "rec-whole"]
    assert [loss.recording_id for loss in box.sink.losses() if loss.what == "recording"] == ["rec-empty"]
    assert box.nothing == ["rec-empty"]
    steps = {entry.sidecar.recording_id: entry.sidecar.step for entry in box.spool.entries()}
    assert steps == {"rec-torn": "recorded", "rec-whole": "recorded", "rec-front": "writing"}


async def test_a_store_that_refuses_is_asked_again(tmp_path: Path) -> None:
    box = _Box(tmp_path)
    box.left("rec-torn", "attic")
    box.sink.refusing = True
    assert not await box.service._try(box.service.run_once)
    assert box.health.of("stranded") is State.DEGRADED
    box.sink.refusing = False
    assert await box.service._try(box.service.run_once)
    assert box.health.of("stranded") is State.OK
    assert box.closed == ["rec-torn"]
