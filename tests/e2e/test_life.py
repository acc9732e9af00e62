"""From start to stop: what systemd is told, who may run twice, how it ends, and the demo that starts both sides."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT
from tests.support.ports import free_port
from tests.support.processes import Daemon, running, wait_until

SETTINGS = """
device = "alive"
state_dir = "{state}"
[[cameras]]
source = "simulated"
width = 640
height = 480
[broker]
enabled = false
[web]
host = "127.0.0.1"
port = {port}
"""


@contextlib.contextmanager
def daemon(folder: Path) -> Iterator[Daemon]:
    port, settings = free_port(), folder / "edge.toml"
    settings.write_text(SETTINGS.format(state=folder / "state", port=port), encoding="utf-8")
    with running("edge", settings, port) as edge:
        yield edge


def test_a_second_daemon_on_the_same_state_folder_is_refused(tmp_path: Path) -> None:
    with daemon(tmp_path) as edge:
        second = Daemon("edge", edge.settings, free_port())
        second.log = tmp_path / "second.log"
        with pytest.raises(AssertionError, match="another afferent runs on the state folder"):
            second.start()


def test_sigterm_with_viewers_attached_ends_everything_in_time(tmp_path: Path) -> None:
    with daemon(tmp_path) as edge, httpx.Client(timeout=10) as client, contextlib.ExitStack() as viewers:
        for _ in range(3):
            answer = viewers.enter_context(client.stream("GET", f"{edge.url}/live"))
            next(answer.iter_raw())
        taken = edge.stop()
    assert taken < 10, f"{taken:.1f} s"


def test_systemd_is_told_ready_fed_and_told_of_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(os.fspath(path))
        systemd.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", os.fspath(path))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        with daemon(tmp_path) as edge:
            assert systemd.recv(100) == b"READY=1"
            assert [systemd.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            edge.stop()
            while (word := systemd.recv(100)) == b"WATCHDOG=1":
                pass
            assert word == b"STOPPING=1"


@pytest.mark.timeout(180)
def test_the_demo_shows_both_sides_and_carries_records_from_one_to_the_other(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    words = ["--data-dir", str(tmp_path / "demo"), "--camera", "simulated"]
    words += ["--edge-port", str(ports[0]), "--cloud-port", str(ports[1])]
    log = tmp_path / "demo.log"
    with log.open("wb") as out:
        demo = subprocess.Popen([sys.executable, "-m", "afferent", "demo", *words], cwd=ROOT, stdout=out, stderr=out)
    try:
        wait_until(lambda: "One-time password" in log.read_text() or demo.poll() is not None, "a password", within_s=90)
        text = log.read_text()
        password = re.search(r"admin\):\s+(\S+)", text)
        assert password, text
        _see_the_appliance(f"http://localhost:{ports[0]}", password[1])
        _see_the_cloud(f"http://localhost:{ports[1]}", password[1])
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(30)
    assert demo.returncode == 0, log.read_text()
    for port in ports:
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://localhost:{port}/healthz")


def _see_the_appliance(url: str, password: str) -> None:
    with httpx.Client(base_url=url, timeout=10, headers={"Origin": url}) as page:
        assert page.get("/v1/status").status_code == 401
        page.post("/v1/session", json={"password": password}).raise_for_status()
        assert page.get("/v1/status").status_code == 200
        assert [one["id"] for one in page.get("/v1/participants").json()["participants"]] == ["guest"]
        assert "on video" in page.get("/v1/consent").json()["text"], "a session with video can be tried"
        with page.stream("GET", "/live") as live:
            assert b"\xff\xd8" in next(live.iter_bytes(4096))


def _see_the_cloud(url: str, password: str) -> None:
    with httpx.Client(base_url=url, timeout=10, headers={"Origin": url}) as console:
        console.post("/v1/session", json={"name": "admin", "password": password}).raise_for_status()
        deadline = time.monotonic() + 60
        while not (found := console.get("/v1/predictions").raise_for_status().json())["items"]:
            assert time.monotonic() < deadline, "no prediction arrived"
            time.sleep(0.5)
        assert found["items"][0]["device"] == "demo"
        assert console.get("/v1/devices").json()["items"][0]["device"] == "demo"
