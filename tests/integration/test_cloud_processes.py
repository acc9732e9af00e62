"""Serving, taking in and tidying up as three processes that meet in the database, any of which may be killed."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.cloud import CloudProcess, cloud_process
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.ports import free_port
from tests.support.remote_device import NAME, RemoteDevice

SETTINGS = """
[broker]
port = {broker}
send_every_ms = 100
[processes]
ingest_port = {ingest}
worker_port = {worker}
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as found:
        yield found


@pytest.fixture
def cloud(tmp_path: Path, broker: Mosquitto) -> Iterator[dict[str, CloudProcess]]:
    ports = {role: free_port() for role in ("serve", "ingest", "worker")}
    settings = SETTINGS.format(broker=broker.port, ingest=ports["ingest"], worker=ports["worker"])
    with ExitStack() as stack:
        yield {
            role: stack.enter_context(
                cloud_process(tmp_path / "cloud", settings, ports["serve"], role=role, seen_at=port)
            )
            for role, port in ports.items()
        }


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What systemd would hear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        path = tmp_path / "notify"
        link.bind(str(path))
        link.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield link


@pytest.fixture
def device(broker: Mosquitto) -> Iterator[RemoteDevice]:
    found = RemoteDevice(broker.port, ends=False)
    yield found
    found.leave()


def test_three_processes_ask_a_device_and_survive_each_others_end(
    cloud: dict[str, CloudProcess], device: RemoteDevice, told: socket.socket
) -> None:
    serve, ingest, worker = cloud["serve"], cloud["ingest"], cloud["worker"]
    for one in (serve, ingest, worker):
        one.start()
        _hear(told, "READY=1")
    told.close()
    device.come()
    _until(lambda: serve.command("device", "show", NAME).exit_code == 0)
    assert serve.command("device", "command", NAME, "snapshot", "--id", "c1").stdout == "c1\n"
    _until(lambda: device.done)

    ingest.end(signal.SIGKILL)
    token = serve.command("token", "add", "admin", "--label", "test").stdout.strip()
    with httpx.Client(base_url=serve.url, headers={"authorization": f"Bearer {token}"}) as client:
        answer = client.post(f"/v1/devices/{NAME}/commands", json={"name": "restart", "command_id": "c2"})
        assert (answer.status_code, answer.json()["state"]) == (201, "queued")
        device.ends = True
        ingest.start()
        _until(lambda: client.get(f"/v1/devices/{NAME}/commands/c2").json()["state"] == "succeeded")
        shown = client.get("/v1/audit").json()["items"]
        assert {one["detail"] for one in shown} >= {"snapshot c1", "restart c2"}
        assert {one["actor"].split(":")[0] for one in shown} == {"cli", "cloud", "admin"}
    counted = httpx.get(f"{ingest.url}/metrics").text
    assert 'afferent_ingest_sent_total{result="taken",what="command"}' in counted
    assert "afferent_fleet_devices{" in httpx.get(f"{worker.url}/metrics").text
    assert "afferent_ingest_broker_connected" not in httpx.get(f"{worker.url}/metrics").text
    for one in (serve, ingest, worker):
        code, took_s = one.end()
        assert code == 0, one.words()
        assert took_s < 30


def test_the_command_line_says_what_a_device_shall_be(cloud: dict[str, CloudProcess], device: RemoteDevice) -> None:
    serve, ingest = cloud["serve"], cloud["ingest"]
    ingest.start()
    device.come()
    _until(lambda: serve.command("device", "show", NAME).exit_code == 0)
    wanted = json.dumps({"settings": {"log_level": "debug"}})
    first = serve.command("device", "desired", NAME, "--set", "-", "--expect", "0", stdin=wanted)
    assert json.loads(first.stdout)["version"] == 1
    _until(lambda: device.desired)
    late = serve.command("device", "desired", NAME, "--set", "-", "--expect", "0", stdin=wanted)
    assert (late.exit_code, late.stdout) == (1, "")
    assert "it is at version 1" in late.stderr
    unmeant = serve.command("device", "desired", NAME, "--set", "-", stdin='{"settings": {"broker": {}}}')
    assert "$.settings.broker: this may not be set from afar" in unmeant.stderr
    assert len(unmeant.stderr.splitlines()) == 1
    unknown = serve.command("device", "command", "nobody", "restart")
    assert "never spoke" in unknown.stderr
    assert json.loads(serve.command("device", "show", NAME, "--json").stdout)["desired_version"] == 1


def _hear(link: socket.socket, word: str) -> None:
    """Read until it was said; its sender waits while nobody reads."""
    while word not in link.recv(4096).decode().splitlines():
        pass


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)
