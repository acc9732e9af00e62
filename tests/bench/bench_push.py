"""How soon a closed segment is with a client: a real daemon with eight sensors and eight sessions, told over SSE, the
WebSocket of S0.19; every segment goes through the models, the outbox's commit, hub and server.
"""

import json
import socket
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from edge.affect.settings import AffectSettings
from tests.support.daemon_guest import Lead
from tests.support.ports import free_port
from tests.support.processes import running

SENSORS: Final = 8
SEGMENTS: Final = 200
_PATIENCE_S: Final = 240.0
_SETTLE_MS: Final = AffectSettings().settle_ms
_SEGMENT_MS: Final = 5000
_TICK_S: Final = 0.1
_SETTINGS: Final = """
device = "bench"
cameras = []
state_dir = "{state}"

[broker]
enabled = false

[web]
host = "127.0.0.1"
port = {port}
"""
_SENSOR: Final = """
[[sensors]]
id = "s{number}"
source = "simulated"
pulse = true
rate_hz = 50
seed = {number}
"""


def measure(tmp: Path) -> dict[str, Any]:
    """`prediction_push_p99_ms` and p50: from closing, which is `settle_ms` after a segment's end, to the bytes of SSE;
    the same over the WebSocket of S0.19; and `prediction_end_to_page_p99_ms`, from the very end, the wait included."""
    port, settings = free_port(), tmp / "edge.toml"
    sensors = "".join(_SENSOR.format(number=number) for number in range(SENSORS))
    settings.write_text(_SETTINGS.format(state=tmp / "state", port=port) + sensors, encoding="utf-8")
    with running("edge", settings, port) as daemon:
        lead = Lead(daemon)
        sse, websocket, timer = _SseClient(daemon.url, lead.token), _SegmentClient(daemon.url), _Timer()
        try:
            _begin_sessions(daemon.url)
            _wait_for(lambda: min(len(sse.late_ms), len(websocket.late_ms)) >= SEGMENTS)
        finally:
            for one in (sse, websocket, timer):
                one.close()
    page, legacy, machine = sse.late_ms, websocket.late_ms, timer.late_ms
    return {
        "prediction_push_p99_ms": _entry(_p99(page) - _SETTLE_MS, _p99(machine)),
        "prediction_push_p50_ms": _entry(statistics.median(page) - _SETTLE_MS, statistics.median(machine)),
        "prediction_push_ws_p99_ms": _entry(_p99(legacy) - _SETTLE_MS, _p99(machine)),
        "prediction_end_to_page_p99_ms": _entry(_p99(page)),
    }


def _begin_sessions(url: str) -> None:
    """Eight users watch the same video, each a little later than the one before, as people do."""
    for number in range(SENSORS):
        said = {"user_id": f"user{number}", "timestamp": time.time_ns() // 1_000_000}
        httpx.post(f"{url}/api/video/1/start", json=said, timeout=10).raise_for_status()
        time.sleep(0.37)


class _SseClient:
    """The page's feed: how long after its end each segment was there, ms."""

    def __init__(self, url: str, token: str) -> None:
        self.late_ms: list[float] = []
        self._socket = socket.create_connection((urlsplit(url).hostname, urlsplit(url).port))
        lines = ["GET /v1/events/stream?topics=record HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def close(self) -> None:
        """Leave."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        rest = b""
        while data := self._socket.recv(65_536):
            now_ms = time.time_ns() / 1e6
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(b"data: ") and b'"prediction"' in line:
                    self._hear(json.loads(line[6:])["body"], now_ms)

    def _hear(self, body: dict[str, Any], now_ms: float) -> None:
        if body.get("session_id"):
            self.late_ms.append(now_ms - body["end_ms"])


class _SegmentClient:
    """An existing client's socket, in the rooms of all users."""

    def __init__(self, url: str) -> None:
        self.late_ms: list[float] = []
        self._socket = connect(url.replace("http", "ws") + "/predictions", proxy=None)
        for number in range(SENSORS):
            self._socket.send(json.dumps({"action": "subscribe", "video_id": 1, "user_id": f"user{number}"}))
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def close(self) -> None:
        """Leave."""
        self._socket.close()
        self._reader.join()

    def _read(self) -> None:
        try:
            for message in self._socket:
                self.late_ms.append(time.time_ns() / 1e6 - json.loads(message)["timestamp"] - _SEGMENT_MS)
        except ConnectionClosed:
            return


class _Timer:
    """The baseline: how late the machine lets a thread wake that does nothing but sleep, ms."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sleep)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    def _sleep(self) -> None:
        due = time.monotonic() + _TICK_S
        while not self._over.wait(due - time.monotonic()):
            self.late_ms.append((time.monotonic() - due) * 1000)
            due = time.monotonic() + _TICK_S


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"fewer than {SEGMENTS} segments came within {_PATIENCE_S:.0f} s")
        time.sleep(0.2)


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _entry(value: float, baseline: float | None = None) -> dict[str, Any]:
    ratio = value / baseline if baseline else None
    return {"value": value, "unit": "ms", "baseline": baseline, "ratio": ratio}
