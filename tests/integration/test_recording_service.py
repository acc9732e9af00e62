"""Recording from frames to a told, playable file; a real disk and a real encoder."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from edge.core.clock import SystemClock
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.service import RecordingService
from edge.recording.settings import RecordingSettings
from edge.recording.spool import Spool
from tests.support.pictures import frames
from tests.support.sinks import MemorySink


@dataclass
class _Rig:
    """A recording service with everything around it."""

    folder: Path
    settings: RecordingSettings
    sink: MemorySink = field(default_factory=MemorySink)
    closed: list[ClosedRecording] = field(default_factory=list)
    room: bool = True

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.health = Health(self.clock)
        self.spool = Spool(self.folder)
        self.service = RecordingService(
            "front",
            settings=self.settings,
            spool=self.spool,
            teller=RecordingTeller("gate-1", self.sink, self.sink.known, self._on_closed),
            has_room=lambda: self.room,
            clock=self.clock,
            health=self.health,
        )

    async def _on_closed(self, recording: ClosedRecording) -> None:
        self.closed.append(recording)

    def offer(self, given: list[Frame]) -> None:
        for frame in given:
            self.service.offer(frame)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110 - what is waited for lies in another thread
                await asyncio.sleep(0.02)


@asynccontextmanager
async def _running(rig: _Rig) -> AsyncIterator[None]:
    task = asyncio.create_task(rig.service.run())
    try:
        await rig.until(lambda: rig.health.of("recording.front") is State.OK)
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _times_s(path: Path) -> list[float]:
    with av.open(str(path)) as box:
        stream = box.streams.video[0]
        return [float((frame.pts or 0) * (stream.time_base or Fraction(1))) for frame in box.decode(stream)]


def _settings(**more: Any) -> RecordingSettings:
    return RecordingSettings(**({"pre_roll_s": 1.0, "post_roll_s": 1.0, "fragment_s": 0.5} | more))


@pytest.mark.parametrize("codec", ["h264", "copy"])
async def test_an_event_is_recorded_from_before_it_began_until_after_it_ended(tmp_path: Path, codec: str) -> None:
    rig = _Rig(tmp_path, _settings(codec=codec))
    async with _running(rig):
        start = rig.clock.mono_ns() - 5_000_000_000
        given = list(frames(80, start_ns=start, fps=10))
        rig.offer(given[:30])
        assert not rig.service.recording
        rig.service.event_opened("ev-1")
        rig.offer(given[30:50])
        assert rig.service.recording
        rig.service.event_closed("ev-1")
        after = list(frames(30, start_ns=rig.clock.mono_ns() + 1, fps=10))
        rig.offer(after)
        await rig.until(lambda: bool(rig.closed))
    expected = given[19:50] + after[:10]
    told, file = rig.sink.recordings()[0], rig.closed[0]
    assert (told.reason, told.event_id, told.phase) == ("event", "ev-1", "closed")
    assert told.frames == len(expected)
    zero = expected[0].mono_ns
    assert _times_s(file.path) == pytest.approx([(one.mono_ns - zero) / 1e9 for one in expected], abs=2e-6)
    assert file.sha256 == told.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
    assert told.size_bytes == file.size_bytes == file.path.stat().st_size
    assert told.codec == ("h264" if codec == "h264" else "mjpeg")
    assert file.key == told.key


async def test_a_clean_close_ends_tells_and_ignores_what_comes_later(tmp_path: Path) -> None:
    rig = _Rig(tmp_path, _settings(mode="continuous"))
    async with _running(rig):
        rig.offer(list(frames(20, start_ns=rig.clock.mono_ns())))
        await rig.service.close()
        assert [told.frames for told in rig.sink.recordings()] == [20]
        rig.offer(list(frames(5, start_ns=rig.clock.mono_ns())))
        assert not rig.service.recording
