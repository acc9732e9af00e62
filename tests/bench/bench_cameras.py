"""Whether cost is linear in cameras and flat in viewers: the whole daemon on network cameras, counted by the kernel."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from tests.bench.peers.cpu import cpu_s
from tests.conftest import ROOT
from tests.support.ports import free_port
from tests.support.processes import Daemon, running, wait_until

CAMERAS: Final = (1, 2, 4)
VIEWERS: Final = 20
_WARM_UP_S: Final = 12.0
_SECONDS: Final = 20.0
_SETTINGS: Final = """
device = "bench"
state_dir = "{state}"

[recording]
mode = "off"

[broker]
enabled = false

[web]
port = {port}
metrics_networks = ["127.0.0.0/8"]
max_viewers = 64
"""
_CAMERA: Final = """
[[cameras]]
id = "camera-{number}"
source = "mjpeg"
url = "http://127.0.0.1:{port}/stream"
"""


def measure(tmp: Path) -> dict[str, Any]:
    """`cpu_per_camera_ratio`: CPU a camera costs among four, over what one costs alone; `analysed_beside_viewers`."""
    found: dict[str, Any] = {}
    with _street() as source:
        costs = {count: _cost(tmp / str(count), source, count) for count in CAMERAS}
        plain, watched = _watched(tmp / "watched", source)
    for count, cost in costs.items():
        found[f"cpu_per_camera_{count}"] = _figure(cost * 1000, "CPU ms/s", costs[1] * 1000)
    found["cpu_per_camera_ratio"] = _figure(costs[CAMERAS[-1]] / costs[1], "ratio", 1.0)
    found["analysed_beside_viewers"] = _figure(watched, "1/s", plain)
    return found


def _cost(folder: Path, source: int, cameras: int) -> float:
    """CPU seconds of the whole daemon per second and camera."""
    with _daemon(folder, source, cameras) as daemon:
        busy = _used(daemon, _SECONDS)
        daemon.stop()
    return busy / cameras


def _watched(folder: Path, source: int) -> tuple[float, float]:
    """Frames analysed a second without viewers and beside twenty."""
    with _daemon(folder, source, 1) as daemon:
        plain = _analysed_per_s(daemon)
        clients = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.bench.viewer_clients",
                daemon.url.rpartition(":")[2],
                str(VIEWERS),
                "0",
                "1",
                "20",
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        time.sleep(3)
        watched = _analysed_per_s(daemon)
        clients.kill()
        clients.wait()
        daemon.stop()
    return plain, watched


@contextmanager
def _daemon(folder: Path, source: int, cameras: int) -> Iterator[Daemon]:
    folder.mkdir(parents=True)
    port = free_port()
    settings = folder / "edge.toml"
    text = _SETTINGS.format(state=folder / "state", port=port)
    text += "".join(_CAMERA.format(number=number, port=source) for number in range(cameras))
    settings.write_text(text, encoding="utf-8")
    with running("edge", settings, port) as daemon:
        wait_until(lambda: _frames(daemon, "camera_frames") > 0, "a frame of the cameras")
        time.sleep(_WARM_UP_S)
        yield daemon


@contextmanager
def _street() -> Iterator[int]:
    """A source of 640x480 pictures, 15 a second, in a process of its own; yields its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.street_source", str(port)], cwd=ROOT)
    try:
        wait_until(lambda: _answers(port), "the source of pictures", within_s=60)
        yield port
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/snapshot", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def _used(daemon: Daemon, seconds: float) -> float:
    before = cpu_s(daemon.pid)
    time.sleep(seconds)
    return (cpu_s(daemon.pid) - before) / seconds


def _analysed_per_s(daemon: Daemon) -> float:
    before, began = _frames(daemon, "camera_frames_analysed"), time.monotonic()
    time.sleep(_SECONDS / 2)
    return (_frames(daemon, "camera_frames_analysed") - before) / (time.monotonic() - began)


def _frames(daemon: Daemon, name: str) -> float:
    answer = httpx.get(f"{daemon.url}/metrics", timeout=10).raise_for_status()
    lines = [line for line in answer.text.splitlines() if line.startswith(f"afferent_{name}_total")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def _figure(value: float, unit: str, baseline: float) -> dict[str, Any]:
    return {"value": value, "unit": unit, "baseline": baseline, "ratio": value / baseline}
