"""`make bench-peers`: CPU of the whole daemon per second of 720p25 JPEG video, against `motion` at the same time.

Both read the same MJPEG source over HTTP and run side by side, so that whatever else the machine does, it does to both.
The source is a process of its own and counts for neither. `AFFERENT_DATA=dir` names the recordings, `JSON=path` also
writes the figures, `MEASURE_S=n` measures longer than 40 s.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from tests.bench.peers.cpu import cpu_s
from tests.bench.peers.motion_daemon import MotionMissingError, motion_running
from tests.bench.peers.source import SIZE
from tests.conftest import ROOT
from tests.support.ports import free_port
from tests.support.processes import Daemon, running, wait_until

FPS: Final = 25.0
CLIP: Final = "vision/clips/one-by-one-person-detection.mp4"
_WARM_UP_S: Final = 15.0
_IDLE_S: Final = 10.0
_SETTINGS: Final = """
device = "bench"
state_dir = "{state}"

[[cameras]]
source = "mjpeg"
url = "{url}"

[recording]
mode = "off"

[broker]
enabled = false

[web]
port = {port}
metrics_networks = ["127.0.0.0/8"]
{vision}
"""
_EVERY_FRAME: Final = "[vision]\nevery_nth = 1\nmax_fps = 30\ncalm_fps = 30\n"


def main() -> int:
    """Measure and print; 1 if it could not be measured."""
    data = Path(os.environ.get("AFFERENT_DATA", ROOT.parent / "shared" / "data"))
    seconds = float(os.environ.get("MEASURE_S", "40"))
    try:
        with tempfile.TemporaryDirectory(prefix="afferent-peers-") as folder:
            figures = measure(data, Path(folder), seconds)
    except MotionMissingError as error:
        print(error, file=sys.stderr)
        return 1
    for name, entry in figures.items():
        baseline = "" if entry["baseline"] is None else f"motion {entry['baseline']:.4f}"
        print(f"{name:<32} {entry['value']:>9.4f} {entry['unit']:<8} {baseline:<16} {entry['to_reach']}")
    if os.environ.get("JSON"):
        Path(os.environ["JSON"]).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(data: Path, folder: Path, seconds: float) -> dict[str, Any]:
    """`cpu_vs_motion_720p` with the settings as they come, the same with every frame analysed, and the idle daemon."""
    clip = data / CLIP
    if not clip.is_file():
        raise SystemExit(f"{clip} is missing: set AFFERENT_DATA to the folder of the recordings")
    with _source(clip) as url:
        ours, theirs, idle = _beside(url, folder / "usual", seconds, "")
        every, theirs_then, _ = _beside(url, folder / "every", seconds, _EVERY_FRAME)
    return {
        "cpu_vs_motion_720p": _figure(ours / theirs, "ratio", 1.0, "0.5 or less"),
        "cpu_per_video_s_720p": _figure(ours, "CPU s/s", theirs, ""),
        "cpu_vs_motion_720p_every_frame": _figure(every / theirs_then, "ratio", 1.0, ""),
        "cpu_per_video_s_720p_every_frame": _figure(every, "CPU s/s", theirs_then, ""),
        "cpu_idle": _figure(idle, "CPU s/s", None, ""),
    }


def _beside(url: str, folder: Path, seconds: float, vision: str) -> tuple[float, float, float]:
    """CPU seconds per second of video: ours, theirs, and ours per second with the camera stopped."""
    folder.mkdir(parents=True)
    port = free_port()
    settings = folder / "edge.toml"
    settings.write_text(_SETTINGS.format(state=folder / "state", url=url, port=port, vision=vision), encoding="utf-8")
    with (
        motion_running(url, SIZE, FPS, folder / "motion") as motion_pid,
        running("edge", settings, port) as daemon,
    ):
        wait_until(lambda: _frames(daemon) > 0, "a frame of the camera")
        time.sleep(_WARM_UP_S)
        frames, ours, theirs = _frames(daemon), cpu_s(daemon.pid), cpu_s(motion_pid)
        time.sleep(seconds)
        video_s = (_frames(daemon) - frames) / FPS
        ours, theirs = cpu_s(daemon.pid) - ours, cpu_s(motion_pid) - theirs
        if theirs == 0:
            raise RuntimeError(f"motion did nothing: {(folder / 'motion' / 'motion.log').read_text(errors='replace')}")
        idle = _idle(daemon)
        daemon.stop()
    return ours / video_s, theirs / video_s, idle


def _idle(daemon: Daemon) -> float:
    httpx.post(f"{daemon.url}/stop", timeout=10).raise_for_status()
    time.sleep(2)
    before = cpu_s(daemon.pid)
    time.sleep(_IDLE_S)
    return (cpu_s(daemon.pid) - before) / _IDLE_S


def _frames(daemon: Daemon) -> int:
    """How many frames the camera delivered so far."""
    answer = httpx.get(f"{daemon.url}/metrics", timeout=10).raise_for_status()
    for line in answer.text.splitlines():
        if line.startswith("afferent_camera_frames_total"):
            return int(float(line.rpartition(" ")[2]))
    return 0


@contextlib.contextmanager
def _source(clip: Path) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.peers.source", str(port), str(FPS), str(clip)], cwd=ROOT
    )
    url = f"http://127.0.0.1:{port}/stream"

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/snapshot", timeout=2).status_code == 200
        return False

    try:
        wait_until(answers, "the camera of the comparison")
        yield url
    finally:
        process.kill()
        process.wait()


def _figure(value: float, unit: str, baseline: float | None, to_reach: str) -> dict[str, Any]:
    ratio = value / baseline if baseline else None
    return {"value": value, "unit": unit, "baseline": baseline, "ratio": ratio, "to_reach": to_reach}


if __name__ == "__main__":
    sys.exit(main())
