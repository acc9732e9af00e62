"""The whole daemon: memory with everything on, growth over start and stop, and a clean clone to a picture."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import ROOT
from tests.support.browser import Visit, chromium
from tests.support.ports import free_port
from tests.support.processes import Daemon, running

_SETTLE_S = 45.0
_CYCLES = 100
_PICTURE = "() => [...document.images].some(image => image.naturalWidth > 0)"
_SETTINGS = """
device = "bench"
state_dir = "{state}"

[[cameras]]
source = "simulated"
width = 1280
height = 720

[[sensors]]
source = "simulated"

[recording]
mode = "continuous"
segment_s = 20

[broker]
enabled = false

[web]
port = {port}
"""


def measure(tmp: Path) -> dict[str, Any]:
    """`rss_mb`, `rss_growth_mb` over 100 start/stop cycles (S1.35) and `first_picture_s`."""
    return _memory(tmp) | {"first_picture_s": _first_picture(tmp)}


def _memory(tmp: Path) -> dict[str, Any]:
    """Resident memory after everything has been at work for a while, beside the bare imports of its libraries."""
    port = free_port()
    settings = tmp / "edge.toml"
    settings.write_text(_SETTINGS.format(state=tmp / "state", port=port), encoding="utf-8")
    with running("edge", settings, port) as daemon:
        time.sleep(_SETTLE_S)
        rss = _rss_mb(daemon)
        _cycle(daemon, 10)
        before = _rss_mb(daemon)
        _cycle(daemon, _CYCLES)
        growth = _rss_mb(daemon) - before
        daemon.stop()
    bare = _bare_imports_mb()
    return {
        "rss_mb": {"value": rss, "unit": "MB", "baseline": bare, "ratio": rss / bare},
        "rss_growth_mb": {"value": growth, "unit": "MB/100", "baseline": None, "ratio": None},
    }


def _cycle(daemon: Daemon, times: int) -> None:
    with httpx.Client(base_url=daemon.url, timeout=30) as client:
        for _ in range(times):
            client.post("/stop").raise_for_status()
            client.post("/start").raise_for_status()
    time.sleep(3)


def _rss_mb(daemon: Daemon) -> float:
    text = Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert found
    return int(found[1]) / 1024


def _bare_imports_mb() -> float:
    code = (
        "import cv2, onnxruntime, av, numpy, starlette, uvicorn; "
        "print(int(open('/proc/self/statm').read().split()[1]) * 4096 / 2**20)"
    )
    env = os.environ | {"ORT_DISABLE_TELEMETRY": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    return float(done.stdout)


def _first_picture(tmp: Path) -> dict[str, Any]:
    """Seconds from `make run` in a clean clone until Chromium shows a picture of the camera. No baseline exists."""
    clone = tmp / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    begun = time.monotonic()
    with (tmp / "run.log").open("wb") as log:
        process = subprocess.Popen(["make", "run"], cwd=clone, stdout=log, stderr=log, start_new_session=True)
    try:
        text = _wait_for_words(tmp / "run.log", process)
        address = re.search(r"The appliance\s+(\S+)", text)
        password = re.search(r"both \(.*\):\s+(\S+)", text)
        assert address and password, text
        _see(address[1], password[1])
        return {"value": time.monotonic() - begun, "unit": "s", "baseline": None, "ratio": None}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        shutil.rmtree(clone, ignore_errors=True)


def _wait_for_words(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and process.poll() is None:
        text = log.read_text(encoding="utf-8", errors="replace")
        if "One-time password" in text:
            return text
        time.sleep(0.2)
    raise RuntimeError(f"make run did not get there:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def _see(address: str, password: str) -> None:
    with chromium() as browser:
        visit = Visit(browser, address.rstrip("/"))
        visit.sign_in(password)
        visit.open("/").wait_for_function(_PICTURE, timeout=60_000)
