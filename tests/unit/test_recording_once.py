"""Exactly once: killed before or after any step, a recording is neither lost nor told twice."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contract.messages import AnyBody, Loss, Record
from edge.core.clock import Stamp
from edge.core.errors import StoreDelayedError, StoreError
from edge.recording.ledger import ClosedRecording, RecordingTeller, tell
from edge.recording.salvage import Found, left_behind, salvage
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from edge.recording.writer import ClipWriter
from tests.support.encoded import encoded
from tests.support.sinks import MemorySink

_SIDECAR = Sidecar(
    recording_id="rec-1",
    camera="front",
    reason="event",
    codec="h264",
    start_ms=1_780_000_000_000,
    width_px=160,
    height_px=120,
    event_id="ev-1",
)


class _KilledError(BaseException):
    """SIGKILL, as far as the code under test can tell: nothing after it happens."""


class _Fuse:
    """Kills at the n-th crossing; each durable step is crossed before and after."""

    def __init__(self, blows_at: int | None) -> None:
        self._left = blows_at

    def cross(self) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            raise _KilledError

    @property
    def blown(self) -> bool:
        return self._left is not None and self._left < 0


def _fused(fuse: _Fuse, step: Callable[..., Any]) -> Callable[..., Any]:
    def crossing(*args: Any, **kwargs: Any) -> Any:
        fuse.cross()
        result = step(*args, **kwargs)
        fuse.cross()
        return result

    return crossing


class _FusedSink(MemorySink):
    fuse = _Fuse(None)

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        self.fuse.cross()
        record = await super().append(body, at)
        self.fuse.cross()
        return record


class _Device:
    """What survives a kill: the disk and the store, and what the uploader was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sink = _FusedSink()
        self.uploads: set[str] = set()
        self.offered: list[ClosedRecording] = []
        self.safe = False

    def teller(self, fuse: _Fuse) -> RecordingTeller:
        async def on_closed(recording: ClosedRecording) -> None:
            fuse.cross()
            assert recording.path.is_file()
            self.uploads.add(recording.recording_id)
            self.offered.append(recording)
            fuse.cross()

        self.sink.fuse = fuse
        return RecordingTeller("gate-1", self.sink, self.sink.known, on_closed)

    async def start(self, fuse: _Fuse) -> None:
        """What the daemon does at its start."""
        spool, teller = Spool(self.folder), self.teller(fuse)
        for sidecar in left_behind(spool, "front"):
            await tell(teller, spool, salvage(spool, sidecar))


@pytest.fixture
def blow(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], _Fuse]:
    """Put a fuse before and after every durable step on the disk."""
    originals = {
        "edge.recording.spool.write_sidecar": None,
        "edge.recording.spool.sync_folder": None,
        "edge.recording.salvage._truncate": None,
        "pathlib.Path.replace": Path.replace,
        "pathlib.Path.unlink": Path.unlink,
    }

    def arm(at: int | None) -> _Fuse:
        fuse = _Fuse(at)
        monkeypatch.undo()
        for name in originals:
            module, _, attribute = name.rpartition(".")
            owner = Path if module == "pathlib.Path" else __import__(module, fromlist=["x"])
            monkeypatch.setattr(owner, attribute, _fused(fuse, getattr(owner, attribute)))
        return fuse

    return arm


async def _life(device: _Device, fuse: _Fuse, *, frames: int) -> None:
    """One run: record, close, tell."""
    spool = Spool(device.folder)
    writer = ClipWriter(spool.begin(_SIDECAR), _SIDECAR, fragment_s=lambda: 0.2)
    try:
        for unit in encoded(frames, fps=10, key_every=2):
            writer.add(unit)
            device.safe = writer.fragments > 0
            fuse.cross()
        written = writer.finish()
    except _KilledError:
        writer.abandon()
        raise
    closed = spool.close(
        replace(_SIDECAR, end_ms=1, frames=written.frames, size_bytes=written.size_bytes, sha256=written.sha256)
    )
    await tell(device.teller(fuse), spool, Found(closed))


async def test_killed_before_or_after_any_step_it_is_told_exactly_once(
    tmp_path: Path, blow: Callable[[int | None], _Fuse]
) -> None:
    """Every step of a life is killed, and then every step of the start after it; the second start must heal all."""
    kills = 0
    for at in range(200):
        device = _Device(tmp_path / str(at))
        fuse = blow(at)
        try:
            await _life(device, fuse, frames=7)
        except _KilledError:
            kills += 1
        restart = blow(at % 7)
        try:
            await device.start(restart)
        except _KilledError:
            kills += 1
        await device.start(blow(None))
        _check(device)
        if not fuse.blown:
            break
    assert not fuse.blown, "more steps than were tried"
    assert kills > 30


def _check(device: _Device) -> None:
    told, losses = device.sink.recordings(), device.sink.losses()
    assert len(told) + len(losses) <= 1
    assert len(told) == 1 or not device.safe
    videos = list(device.folder.rglob("*.mp4"))
    assert len(videos) == len(told)
    for recording in told:
        assert hashlib.sha256(videos[0].read_bytes()).hexdigest() == recording.sha256
        assert device.uploads == {recording.recording_id}
    if not told:
        assert not list(device.folder.rglob("*.json"))


async def test_a_recording_without_a_whole_fragment_is_a_loss(tmp_path: Path) -> None:
    device, spool = _Device(tmp_path), Spool(tmp_path)
    spool.begin(_SIDECAR).write_bytes(b"\0\0\0\x1cftypiso5")
    await device.start(_Fuse(None))
    (loss,) = device.sink.bodies
    assert isinstance(loss, Loss)
    assert (loss.what, loss.recording_id) == ("recording", "rec-1")
    assert not list(spool.entries())


async def test_a_record_that_waits_in_the_stores_memory_is_not_made_again(tmp_path: Path) -> None:
    class Slow(MemorySink):
        async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
            waiting.append(body)
            raise StoreDelayedError("slow disk")

    waiting: list[AnyBody] = []
    sink, spool, device = Slow(), Spool(tmp_path), _Device(tmp_path)
    spool.begin(_SIDECAR).write_bytes(b"")
    closed = spool.close(replace(_SIDECAR, frames=3, frames_dropped=2, sha256="0" * 64))
    teller = RecordingTeller("gate-1", sink, sink.known, device.teller(_Fuse(None)).on_closed)
    for _ in range(3):
        with pytest.raises(StoreError):
            await tell(teller, spool, Found(closed))
    assert [type(body).__name__ for body in waiting] == ["Loss", "Recording"]
    sink.bodies = waiting
    await tell(teller, spool, Found(closed))
    assert len(waiting) == 2
    assert [one.recording_id for one in device.offered] == ["rec-1"]
