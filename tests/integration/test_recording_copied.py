"""What a camera compressed is kept as it came: from real RTSP into files that grow, are told, and survive a cut."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from contract.plan import Plan, Zone
from edge.capture.privacy import PrivacyPainter, PrivateCamera
from edge.capture.rtsp import RtspCamera
from edge.capture.service import CaptureService
from edge.capture.settings import RtspSettings
from edge.core.access_unit import AccessUnit
from edge.core.frame import Frame
from edge.recording.salvage import left_behind, salvage
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import Sidecar
from edge.recording.writer import ClipWriter
from tests.support.encoded import encoded, with_units
from tests.support.recording_rig import RecordingRig
from tests.support.rtsp import RtspSource, rtsp_source

_HIDDEN = Plan(zones=(Zone(id="z", kind="privacy", points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))),))


@pytest.fixture(scope="module", params=["h264", "h265"])
def source(request: pytest.FixtureRequest) -> Iterator[tuple[str, RtspSource]]:
    with rtsp_source(request.param) as running:
        yield request.param, running


def _rig(folder: Path, **more: Any) -> RecordingRig:
    settings: dict[str, Any] = {"pre_roll_s": 1.0, "post_roll_s": 0.5, "fragment_s": 0.5, "encoder": "software"}
    return RecordingRig(folder, RecordingSettings(**(settings | more)))


class _Stage:
    """A camera over RTSP behind its painter, whose frames go to the recorder and are kept."""

    def __init__(self, rig: RecordingRig, source: RtspSource) -> None:
        self.rig = rig
        self.painter = PrivacyPainter(lambda: pytest.fail("no faces are asked for"))
        self.frames: list[Frame] = []
        settings = RtspSettings(url=source.url)
        self.capture = CaptureService(
            "front",
            open_camera=lambda: PrivateCamera(RtspCamera(settings, clock=rig.clock), self.painter),
            deliver=self._deliver,
            may_leave=self.painter.is_current,
            health=rig.health,
            clock=rig.clock,
            rng=random.Random(1),
        )

    def hide(self, plan: Plan) -> None:
        """As the daemon does it."""
        assert self.painter.adopt(plan)
        self.rig.service.forget_pre_roll()

    def _deliver(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.rig.service.offer(frame)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """For the time that it films."""
        task = asyncio.create_task(self.capture.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_an_event_is_kept_byte_by_byte_from_a_key_before_its_pre_roll_on(
    tmp_path: Path, source: tuple[str, RtspSource]
) -> None:
    codec, server = source
    rig = _rig(tmp_path)
    stage = _Stage(rig, server)
    async with rig.running(), stage.running():
        await rig.until(lambda: len(stage.frames) >= 40)
        rig.service.event_opened("ev-1", urgent=True)
        opened = len(stage.frames)
        await rig.until(lambda: len(stage.frames) >= opened + 25)
        rig.service.event_closed("ev-1")
        await rig.until(lambda: bool(rig.closed))
        assert rig.service.stats.copying
    (told,) = rig.sink.recordings()
    units = [unit for frame in stage.frames for unit in frame.units]
    kept = _packets(rig.closed[0].path)
    first = next(index for index, unit in enumerate(units) if _slice(unit) in kept[0][1])
    assert (told.codec, told.frames, told.event_id) == (codec, len(kept), "ev-1")
    assert units[first].key
    opening = stage.frames[opened].units[0]
    assert opening.mono_ns - units[first].mono_ns >= 0.99e9, "the whole pre-roll"
    assert all(_slice(unit) in data for unit, (_, data) in zip(units[first:], kept, strict=False))
    times = [(unit.mono_ns - units[first].mono_ns) / 1e9 for unit in units[first:]][: len(kept)]
    assert [at for at, _ in kept] == pytest.approx(times, abs=2e-6), "the camera's times, at whatever rate"
    assert told.end_ms - told.start_ms == pytest.approx(kept[-1][0] * 1000 + 40, abs=30)
    _check_growths(rig)


def _check_growths(rig: RecordingRig) -> None:
    """What was told while it grew is the beginning of the whole, under the same key."""
    (told,), (closed,) = rig.sink.recordings(), rig.closed
    assert [growth.safe_bytes for growth in rig.growths] == sorted({growth.safe_bytes for growth in rig.growths})
    assert len(rig.growths) >= 2
    assert {(growth.recording_id, growth.key) for growth in rig.growths} == {(told.recording_id, told.key)}
    assert {(growth.urgent, growth.reason) for growth in rig.growths} == {(True, "event")}
    assert closed.urgent
    assert rig.growths[-1].safe_bytes <= told.size_bytes
    assert hashlib.sha256(closed.path.read_bytes()).hexdigest() == told.sha256


async def test_what_is_hidden_reaches_no_file_and_ends_the_clip(tmp_path: Path) -> None:
    """A privacy zone over all: from that moment on there are no units, and the file is black."""
    with rtsp_source("h264") as server:
        rig = _rig(tmp_path, mode="continuous")
        stage = _Stage(rig, server)
        async with rig.running(), stage.running():
            await rig.until(lambda: len(stage.frames) >= 15)
            stage.hide(_HIDDEN)
            hidden = len(stage.frames)
            await rig.until(lambda: len(stage.frames) >= hidden + 15)
            stage.hide(Plan())
            shown = len(stage.frames)
            await rig.until(lambda: len(stage.frames) >= shown + 25 and rig.service.copying)
            await rig.service.close()
    assert not [unit for frame in stage.frames[hidden:shown] for unit in frame.units]
    black = [_brightest(closed.path) < 30 for closed in rig.closed]
    assert (black[0], black[1], black[-1]) == (False, True, False)


async def test_both_keeps_the_camera_once_in_each_file(tmp_path: Path) -> None:
    """The event's own clip and the continuous file hold the same bytes; two sessions beside them are told as theirs."""
    rig = _rig(tmp_path, mode="both")
    start_ns = rig.clock.mono_ns()
    given = list(with_units(100, fps=10, key_every=10, start_ns=start_ns - 10 * 10**9))
    async with rig.running():
        rig.offer(given[:40])
        rig.service.start_session("s-1", "anna")
        rig.service.event_opened("ev")
        rig.offer(given[40:60])
        rig.service.start_session("s-2", "ben")
        rig.offer(given[60:])
        rig.service.stop_session("s-1")
        await rig.service.close()
    told = {(one.reason, one.session_id, one.participant): one for one in rig.sink.recordings()}
    frames = {key[:2]: one.frames for key, one in told.items()}
    assert frames == {("continuous", None): 100, ("event", None): 70, ("session", "s-1"): 60, ("session", "s-2"): 40}
    assert told["session", "s-1", "anna"].event_id is None
    orders = [entry.sidecar.order for entry in rig.spool.entries()]
    assert len(set(orders)) == 4


async def test_both_encodes_jpeg_once_for_the_continuous_file_and_the_event(tmp_path: Path) -> None:
    rig = _rig(tmp_path, mode="both")
    given = [replace(frame, units=()) for frame in with_units(60, fps=10, key_every=10, start_ns=rig.clock.mono_ns())]
    async with rig.running():
        rig.offer(given[:40])
        rig.service.event_opened("ev")
        rig.offer(given[40:])
        await rig.service.close()
    files = {told.reason: _packets(closed.path) for told, closed in zip(rig.sink.recordings(), rig.closed, strict=True)}
    assert len(files["continuous"]) == 60
    event = [data for _, data in files["event"]]
    assert 30 <= len(event) <= 35, "a second before, from the last key on"
    assert event == [data for _, data in files["continuous"]][-len(event) :]


@pytest.mark.parametrize("share", [0.35, 0.6, 0.85, 1.0])
def test_a_torn_file_of_a_camera_is_cut_at_its_last_whole_fragment(tmp_path: Path, share: float) -> None:
    rig = _rig(tmp_path)
    units = list(encoded(100, fps=25, key_every=50))
    part, sidecar = _written(rig, units)
    data = part.read_bytes()
    part.write_bytes(data[: round(len(data) * share)])
    (torn,) = left_behind(rig.spool, "front")
    found = salvage(rig.spool, torn).sidecar
    kept = _packets(rig.spool.path(found))
    assert found.salvaged
    assert len(kept) == found.frames
    assert found.frames in ({100} if share == 1 else set(range(12, 100)))
    assert found.end_ms - sidecar.start_ms == pytest.approx(found.frames * 40, abs=1)
    assert all(_slice(unit) in data for unit, (_, data) in zip(units, kept, strict=False))


def _written(rig: RecordingRig, units: list[AccessUnit]) -> tuple[Path, Sidecar]:
    sidecar = Sidecar(
        recording_id="rec-1",
        camera="front",
        reason="event",
        codec="h264",
        start_ms=1_780_000_000_000,
        width_px=160,
        height_px=120,
    )
    part = rig.spool.begin(sidecar)
    writer = ClipWriter(part, sidecar, fragment_s=lambda: 0.5)
    for unit in units:
        writer.add(unit)
    writer.finish()
    return part, sidecar


def _packets(path: Path) -> list[tuple[float, bytes]]:
    """When each is shown, in seconds, and its bytes."""
    with av.open(str(path)) as box:
        stream = box.streams.video[0]
        tick = float(stream.time_base or 0)
        return [((packet.pts or 0) * tick, bytes(packet)) for packet in box.demux(stream) if packet.size]


def _slice(unit: AccessUnit) -> bytes:
    """The last part of a unit, which is of the picture itself."""
    return unit.data.rpartition(b"\0\0\1")[2]


def _brightest(path: Path) -> int:
    with av.open(str(path)) as box:
        return max(int(frame.to_ndarray(format="gray").max()) for frame in box.decode(video=0))


async def test_what_comes_to_nothing_after_a_power_cut_is_a_loss_and_its_upload_is_called_off(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    part, sidecar = _written(rig, list(encoded(20, fps=25, key_every=10)))
    part.write_bytes(part.read_bytes()[:100])
    async with rig.running():
        await rig.until(lambda: bool(rig.over))
        await rig.until(lambda: bool(rig.sink.losses()))
    assert rig.over == [sidecar.recording_id] == [loss.recording_id for loss in rig.sink.losses()]
    assert not list(rig.spool.entries())
