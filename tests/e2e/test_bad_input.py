"""Whatever is wrong has one clear line, a health state and a metric; only a wrong config stops the daemon."""

import contextlib
import json
import re
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from edge.models.store import BUNDLED
from tests.support.certificates import certificate
from tests.support.mosquitto import mosquitto
from tests.support.ports import free_port
from tests.support.processes import Daemon, running, wait_until
from tests.support.small_disk import small_disk

_MADE, _WAITING = "SELECT COUNT(*) FROM records", "SELECT COUNT(*) FROM outbox"
_LEFT_BYTES = 32 * 1024
_REQUESTS = 16
SETTINGS = """
device = "troubled"
state_dir = "{state}"

[[cameras]]
id = "scene"
source = "simulated"
width = 640
height = 480
{more}

[web]
port = {port}
host = "127.0.0.1"
metrics_networks = ["127.0.0.0/8"]
"""


@contextlib.contextmanager
def daemon(folder: Path, more: str, *, state: Path | None = None) -> Iterator[Daemon]:
    """The appliance with a camera that works and whatever `more` says."""
    port, settings = free_port(), folder / "edge.toml"
    settings.write_text(SETTINGS.format(state=state or folder / "state", more=more, port=port), encoding="utf-8")
    with running("edge", settings, port) as edge:
        yield edge


def metrics(edge: Daemon) -> str:
    return httpx.get(f"{edge.url}/metrics").raise_for_status().text


def is_in(edge: Daemon, part: str, state: str) -> bool:
    return f'afferent_health_state{{part="{part}",state="{state}"}} 1.0' in metrics(edge)


def lines_about(edge: Daemon, part: str, state: str) -> list[str]:
    log = edge.log.read_text(encoding="utf-8").splitlines()
    return [line for line in log if f" - {part} is {state}" in line]


def assert_told_as_it_changes(edge: Daemon, part: str) -> None:
    """Not at each try: a disk that is nearly full takes a small record and refuses the next one."""
    told = re.findall(rf" - {part} is (.*)", edge.log.read_text(encoding="utf-8"))
    assert all(before != after for before, after in pairwise(told)), told
    assert 1 <= sum(one.startswith("degraded") for one in told) <= _REQUESTS // 2, told


def assert_told_once(edge: Daemon, part: str, state: str, *words: str) -> None:
    """One line in the log with the words, the state in the metrics, and the picture still comes."""
    wait_until(lambda: is_in(edge, part, state), f"{part} {state}")
    (line,) = lines_about(edge, part, state)
    for word in words:
        assert word in line
    analysed = httpx.get(f"{edge.url}/status").json()["anomaly_stats"]["total_frames_analyzed"]
    wait_until(
        lambda: httpx.get(f"{edge.url}/status").json()["anomaly_stats"]["total_frames_analyzed"] > analysed,
        "analysis goes on",
    )
    assert len(lines_about(edge, part, state)) == 1


def test_a_missing_camera_a_missing_bucket_and_no_broker_are_told_once_each(tmp_path: Path) -> None:
    more = f"""
[[cameras]]
id = "gone"
source = "v4l2"
device = "/dev/video99"

[[sensors]]
source = "serial"
port = "/dev/ttyUSB99"

[broker]
port = {free_port()}

[objects]
type = "folder"
path = "{tmp_path / "not-mounted"}"
"""
    with daemon(tmp_path, more) as edge:
        assert_told_once(edge, "camera.gone", "failed", "/dev/video99")
        assert_told_once(edge, "sensor.body", "failed", "/dev/ttyUSB99")
        assert_told_once(edge, "broker", "failed", "refuses the connection")
        wait_until(lambda: is_in(edge, "objects", "failed"), "objects failed")
        assert httpx.get(f"{edge.url}/readyz").status_code == 503


def test_a_model_with_a_wrong_digest_is_passed_over_for_the_bundled_one(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for path in BUNDLED.glob("motion.*"):
        shutil.copy(path, own)
    graph = own / json.loads((own / "motion.json").read_text(encoding="utf-8"))["file"]
    graph.write_bytes(graph.read_bytes() + b"\0")
    with daemon(tmp_path, f'[models]\nfolder = "{own}"') as edge:
        assert_told_once(edge, "models", "degraded", "wrong digest", "bundled model is used")


def test_a_broker_that_refuses_the_login_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("somebody:$7$101$AAAA$AAAA\n", encoding="ascii")
    with (
        mosquitto(tmp_path, password_file=tmp_path / "passwords") as broker,
        daemon(tmp_path, f"[broker]\nport = {broker.port}") as edge,
    ):
        assert_told_once(edge, "broker", "failed", "refuses the sign-in")
        edge.stop()
        with contextlib.closing(sqlite3.connect(tmp_path / "state" / "store.db")) as store:
            (made,), (waiting,) = (store.execute(sql).fetchone() for sql in (_MADE, _WAITING))
        assert made == waiting > 0


def test_a_broker_with_an_expired_certificate_is_told(tmp_path: Path) -> None:
    key, certificate_path = certificate(tmp_path, expired=True)
    tls = f"keyfile {key}\ncertfile {certificate_path}"
    with mosquitto(tmp_path, extra=tls) as broker:
        more = f'[broker]\nport = {broker.port}\ntls = true\nca_file = "{certificate_path}"'
        with daemon(tmp_path, more) as edge:
            assert_told_once(edge, "broker", "failed", "certificate has expired")


def test_a_port_in_use_is_told_and_taken_when_it_is_free(tmp_path: Path) -> None:
    """The daemon cannot be asked meanwhile, so its log and its store are."""
    settings, port = tmp_path / "edge.toml", free_port()
    settings.write_text(SETTINGS.format(state=tmp_path / "state", more="", port=port), encoding="utf-8")
    edge = Daemon("edge", settings, port)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        starting = threading.Thread(target=edge.start)
        starting.start()
        wait_until(edge.log.exists, "a log")
        wait_until(lambda: bool(lines_about(edge, "web", "failed")), "web failed", within_s=60)
        wait_until(lambda: bool(lines_about(edge, "vision.scene", "ok")), "analysis all the same")
    try:
        starting.join(60)
        assert not starting.is_alive()
        wait_until(lambda: is_in(edge, "web", "ok"), "web ok")
        (line,) = lines_about(edge, "web", "failed")
        assert str(port) in line
        assert "in use" in line
    finally:
        edge.kill()


@pytest.mark.timeout(180)
def test_a_full_disk_stops_nothing_and_what_was_accepted_is_there_when_it_is_free_again(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", 24 << 20) as disk,
        daemon(tmp_path, "[recording]\nmode = 'off'\n[broker]\nenabled = false", state=disk.folder / "state") as edge,
    ):
        wait_until(lambda: is_in(edge, "store", "ok"), "store ok")
        disk.fill(_LEFT_BYTES, writer=edge.pid)
        _make_records(edge)
        wait_until(lambda: is_in(edge, "store", "degraded"), "store degraded", within_s=60)
        assert httpx.get(f"{edge.url}/healthz").status_code == 200
        disk.free(writer=edge.pid)
        wait_until(lambda: is_in(edge, "store", "ok"), "store ok again", within_s=60)
        edge.stop()
        with contextlib.closing(sqlite3.connect(disk.folder / "state" / "store.db")) as store:
            seqs = [row[0] for row in store.execute("SELECT json_extract(CAST(payload AS TEXT), '$.seq') FROM records")]
        assert sorted(seqs) == list(range(1, len(seqs) + 1)), "a sequence with holes or doubles"
        assert_told_as_it_changes(edge, "store")


def _make_records(edge: Daemon) -> None:
    """Stopping and starting the camera changes its health, and each change is a record."""
    for _ in range(_REQUESTS // 2):
        httpx.post(f"{edge.url}/stop", timeout=20)
        httpx.post(f"{edge.url}/start", timeout=20)
