"""Recording from frames to a told, playable file; a real disk and a real encoder."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
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
from tests.support.small_disk import small_disk


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
        self.film_ns = self.clock.mono_ns()
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
        async with asyncio.timeout(40):
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


async def test_a_full_disk_stops_nothing_keeps_what_was_safe_and_recovers(tmp_path: Path) -> None:
    """Every frame is in a told recording or counted as lost; the record of each clip tells its true length."""
    with small_disk(tmp_path / "disk", 8 * 2**20) as disk:
        rig = _Rig(disk.folder, _settings(mode="continuous", codec="copy", segment_s=600))
        async with _running(rig):
            disk.fill(leave_bytes=400_000)
            offered = await _film_until(rig, lambda: rig.health.of("recording.front") is State.DEGRADED)
            assert "refuses" in rig.health.parts()[0].detail
            offered += await _film_until(rig, lambda: rig.service.stats.frames_unrecorded > 0)
            disk.free()
            offered += await _film_until(rig, lambda: rig.health.of("recording.front") is State.OK)
            await rig.until(lambda: any(loss.what == "frames" for loss in rig.sink.losses()))
            await rig.service.close()
        told = rig.sink.recordings()
        missing = sum(loss.count for loss in rig.sink.losses() if loss.what == "frames")
        assert sum(one.frames for one in told) + missing == offered
        assert any(one.salvaged for one in told)
        for one, file in zip(told, rig.closed, strict=True):
            assert len(_times_s(file.path)) == one.frames
            assert hashlib.sha256(file.path.read_bytes()).hexdigest() == one.sha256


async def _film_until(rig: _Rig, true: Callable[[], bool]) -> int:
    """Offer frames, five times as quick as their times say, until something is true; return how many."""
    offered = 0
    async with asyncio.timeout(30):
        while not true():
            rig.offer(list(frames(1, start_ns=rig.film_ns)))
            rig.film_ns += 50_000_000
            offered += 1
            await asyncio.sleep(0.01)
    return offered


async def test_without_room_nothing_begins_and_health_says_so(tmp_path: Path) -> None:
    rig = _Rig(tmp_path, _settings(mode="continuous"))
    async with _running(rig):
        rig.room = False
        await rig.until(lambda: rig.health.of("recording.front") is State.DEGRADED)
        rig.offer(list(frames(7, start_ns=rig.clock.mono_ns())))
        assert not rig.service.recording
        rig.room = True
        await rig.until(lambda: rig.health.of("recording.front") is State.OK)
        await rig.until(lambda: bool(rig.sink.losses()))
        assert [(loss.what, loss.count) for loss in rig.sink.losses()] == [("frames", 7)]


async def test_a_store_that_refuses_is_asked_again_and_the_recording_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.recording.service._RETRY_S", 0.05)
    rig = _Rig(tmp_path, _settings(mode="continuous", segment_s=5))
    async with _running(rig):
        rig.sink.refusing = True
        rig.offer(list(frames(60, start_ns=rig.clock.mono_ns())))
        await rig.until(lambda: rig.health.of("recording.front") is State.DEGRADED)
        rig.sink.refusing = False
        await rig.until(lambda: bool(rig.closed))
        await rig.until(lambda: rig.health.of("recording.front") is State.OK)
    assert len(rig.sink.recordings()) == 1


async def test_cancelled_without_a_close_the_clip_is_whole_and_told_at_the_next_start(tmp_path: Path) -> None:
    rig = _Rig(tmp_path, _settings(mode="continuous"))
    async with _running(rig):
        rig.offer(list(frames(20, start_ns=rig.clock.mono_ns())))
    assert rig.sink.recordings() == []
    again = _Rig(tmp_path, _settings(mode="continuous"))
    async with _running(again):
        await again.until(lambda: bool(again.closed))
    (told,) = again.sink.recordings()
    assert (told.frames, told.salvaged) == (20, False)


async def test_a_close_that_takes_too_long_leaves_pictures_out_and_says_how_many(tmp_path: Path) -> None:
    """A daemon that is stopped ends in time also where the encoder is far behind."""
    rig = _Rig(tmp_path, _settings(mode="continuous"))
    async with _running(rig):
        rig.offer(list(frames(900, start_ns=rig.clock.mono_ns())))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await rig.service.close()
    again = _Rig(tmp_path, _settings(mode="continuous"))
    async with _running(again):
        await again.until(lambda: bool(again.closed))
    (told,) = again.sink.recordings()
    assert (told.salvaged, told.frames < 900) == (False, True)
    assert told.frames + sum(loss.count for loss in again.sink.losses()) == 900


async def test_by_hand_in_mode_off(tmp_path: Path) -> None:
    rig = _Rig(tmp_path, _settings(mode="off"))
    async with _running(rig):
        rig.offer(list(frames(5, start_ns=rig.clock.mono_ns())))
        rig.service.start_manual()
        rig.offer(list(frames(8, start_ns=rig.clock.mono_ns())))
        assert rig.service.recording
        rig.service.stop_manual()
        assert not rig.service.recording
        await rig.until(lambda: bool(rig.closed))
    assert [(told.reason, told.frames) for told in rig.sink.recordings()] == [("manual", 8)]


async def test_unreadable_and_repeated_frames_are_left_out_and_counted(tmp_path: Path) -> None:
    rig = _Rig(tmp_path, _settings(mode="continuous"))
    async with _running(rig):
        good = list(frames(6, start_ns=rig.clock.mono_ns()))
        broken = replace(good[3], jpeg=b"\xff\xd8 not a picture")
        rig.offer([*good[:3], good[2], broken, *good[4:]])
        await rig.service.close()
    (told,) = rig.sink.recordings()
    assert told.frames == 5
    assert [loss.count for loss in rig.sink.losses()] == [2]


@pytest.mark.parametrize(("width", "height"), [(161, 121), (320, 240)])
async def test_4_2_2_and_odd_pictures_become_what_every_browser_plays(tmp_path: Path, width: int, height: int) -> None:
    rig = _Rig(tmp_path, _settings(mode="continuous"))
    async with _running(rig):
        jpeg = _jpeg_422(width, height)
        start = rig.clock.mono_ns()
        rig.offer([Frame("front", n, jpeg, width, height, start + n * 10**8) for n in range(3)])
        await rig.service.close()
    with av.open(str(rig.closed[0].path)) as box:
        stream = box.streams.video[0]
        assert (stream.width, stream.height) == (width - width % 2, height - height % 2)
        assert stream.codec_context.pix_fmt == "yuvj420p"
        assert sum(1 for _ in box.decode(stream)) == 3
    assert b"front" in rig.closed[0].path.read_bytes()[:2000]


def _jpeg_422(width: int, height: int) -> bytes:
    picture = np.full((height, width, 3), (40, 90, 200), np.uint8)
    ok, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422])
    assert ok
    return bytes(data)
