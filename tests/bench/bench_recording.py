"""What recording costs: H.264 of a camera's JPEGs beside the ffmpeg program that makes the same, and keeping what came.

What counts is CPU time, for the machine may be busy; rounds take turns, and their medians are compared.
"""

import asyncio
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edge.core.access_unit import AccessUnit
from edge.core.clock import SystemClock
from edge.core.frame import Frame
from edge.core.health import Health
from edge.recording.desk import Desk
from edge.recording.encoder import SOFTWARE, JpegEncoder
from edge.recording.jobs import Begin, JobQueue
from edge.recording.ledger import RecordingTeller
from edge.recording.recorder import Recorder
from edge.recording.service import RecordingService
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from tests.bench.bench_vision import CLIP, recorded_frames
from tests.support.sinks import MemorySink

_FPS: Final = 30
_STEP_NS: Final = 1_000_000_000 // _FPS
_SIZE: Final = (1280, 720)
_FRAMES: Final = 300
_ROUNDS: Final = 5
_PACED_S: Final = 10
_SETTINGS: Final = RecordingSettings(mode="continuous", encoder="software", queue_bytes=2**30)


async def measure(data_dir: Path, tmp: Path) -> dict[str, Any]:
    """`record_h264_cpu_vs_ffmpeg`: CPU of ours over that of ffmpeg with the same preset, quality, limit and thread.

    `record_copy_core_share`: of a core, for the JPEGs of a camera kept as they are, 30 a second in real time;
    `record_units_core_share`: the same for the H.264 of a camera.
    """
    shown = recorded_frames(data_dir / CLIP, _FRAMES, _SIZE)
    frames = [replace(frame, seq=number, mono_ns=number * _STEP_NS) for number, frame in enumerate(shown)]
    (tmp / "in.mjpeg").write_bytes(b"".join(frame.jpeg for frame in frames))
    rounds = []
    for number in range(_ROUNDS):
        theirs = await asyncio.to_thread(_ffmpeg_s, tmp / "in.mjpeg", tmp / f"{number}.mp4")
        rounds.append((await _encoded_s(frames, tmp / str(number)), theirs))
    ours, theirs = (statistics.median(costs) / _FRAMES * 1000 for costs in zip(*rounds, strict=True))
    kept = await _share(frames, tmp / "kept", "copy")
    units = await _share(_as_units(frames), tmp / "units", "auto")
    return {
        "record_h264_cpu_vs_ffmpeg": _figure(ours / theirs, "ratio", 1.0),
        "record_h264_cpu_ms": _figure(ours, "ms/frame", theirs),
        "record_copy_core_share": _figure(kept, "cores", None),
        "record_units_core_share": _figure(units, "cores", None),
    }


async def _encoded_s(frames: Sequence[Frame], folder: Path) -> float:
    """CPU seconds of a recorder that makes one clip of all frames."""
    queue, desk = JobQueue(2**30), Desk(lambda _sidecar, _size: None)
    recorder = Recorder(
        "bench", settings=_SETTINGS, spool=Spool(folder), queue=queue, report=desk, fragment_s=lambda: 2.0
    )
    width, height = _SIZE
    queue.put(
        Begin(
            Sidecar(
                recording_id="bench",
                camera="bench",
                reason="continuous",
                codec="h264",
                start_ms=1_780_000_000_000,
                width_px=width,
                height_px=height,
            )
        )
    )
    for frame in frames:
        queue.put_material(frame)
    queue.close()
    began = time.process_time()
    recorder.start()
    await desk.gone()
    recorder.join()
    return time.process_time() - began


def _ffmpeg_s(source: Path, target: Path) -> float:
    """CPU seconds of the ffmpeg program for the same."""
    rate = _SETTINGS.max_bitrate_bps
    command = ["ffmpeg", "-nostdin", "-v", "error", "-threads", "1", "-f", "mjpeg", "-framerate", str(_FPS), "-i"]
    command += [str(source), "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1"]
    command += ["-crf", str(_SETTINGS.crf), "-maxrate", str(rate), "-bufsize", str(2 * rate), "-g", str(2 * _FPS)]
    command += ["-movflags", "frag_keyframe+empty_moov+default_base_moof", str(target)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _as_units(frames: Sequence[Frame]) -> list[Frame]:
    """The same from a camera that sends H.264 with a key every two seconds."""
    encoder = JpegEncoder(SOFTWARE, frames[0], settings=_SETTINGS, fragment_s=lambda: 2.0)
    found: list[Frame] = []
    for frame in frames:
        units: list[AccessUnit] = [replace(unit, sets=b"\x67") for unit in encoder.units(frame) or ()]
        found.append(replace(frame, units=tuple(units)))
    return found


async def _share(frames: Sequence[Frame], folder: Path, codec: Any) -> float:
    """CPU seconds a second of a service that records these frames in real time, without what keeps the pace here."""
    clock, sink = SystemClock(), MemorySink()

    async def on_closed(_recording: object) -> None:
        pass

    service = RecordingService(
        "bench",
        settings=RecordingSettings(mode="continuous", codec=codec, encoder="software"),
        spool=Spool(folder),
        teller=RecordingTeller("bench", sink, sink.known, on_closed),
        has_room=lambda: True,
        clock=clock,
        health=Health(clock),
    )
    running = asyncio.create_task(service.run())
    await asyncio.sleep(0.5)
    used = await _paced(clock, lambda number, at_ns: service.offer(_moved(frames[number % len(frames)], at_ns)))
    await service.close()
    running.cancel()
    await asyncio.wait([running])
    assert service.stats.frames_written == _PACED_S * _FPS, service.stats
    return used - await _paced(clock, lambda _number, _at_ns: None)


async def _paced(clock: SystemClock, work: Callable[[int, int], None]) -> float:
    """CPU seconds a second of the process while `work` is called at the pace of the camera."""
    began_s, began_ns = time.process_time(), clock.mono_ns()
    for number in range(_PACED_S * _FPS):
        at_ns = began_ns + number * _STEP_NS
        await asyncio.sleep(max(0.0, (at_ns - clock.mono_ns()) / 1e9))
        work(number, at_ns)
    return (time.process_time() - began_s) / _PACED_S


def _moved(frame: Frame, at_ns: int) -> Frame:
    units = tuple(replace(unit, mono_ns=at_ns, decode_ns=at_ns) for unit in frame.units)
    return replace(frame, mono_ns=at_ns, units=units)


def _figure(value: float, unit: str, baseline: float | None) -> dict[str, Any]:
    return {"value": value, "unit": unit, "baseline": baseline, "ratio": None if baseline is None else value / baseline}
