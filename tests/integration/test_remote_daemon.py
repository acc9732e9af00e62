"""The whole appliance as a process, told from afar what to be and what to do, over three runs of it."""

import asyncio
import hashlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from contract.remote import Desired
from edge.daemon.remote.restart import EXIT_AGAIN
from tests.conftest import ROOT
from tests.support.commands import command
from tests.support.mosquitto import mosquitto
from tests.support.ports import free_port
from tests.support.remote_cloud import RemoteCloud

NOW_MS = time.time_ns() // 1_000_000
SET_AT = "2026-11-21T08:00:00.000Z"
SETTINGS = """
device = "gate"
state_dir = "{state}"
[[cameras]]
id = "front"
source = "simulated"
width = 320
height = 240
fps = 10
[broker]
port = {broker}
[web]
host = "127.0.0.1"
port = {web}
[home_assistant]
enabled = true
"""


@contextmanager
def appliance(settings: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A run of it, which ends with the block at the latest."""
    program = [sys.executable, "-m", "afferent", "edge", "run", "--config", str(settings)]
    with settings.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(program, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(40)


async def until(condition: Callable[[], object], within_s: float = 60.0) -> None:
    """Return once it holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - conditions of several threads
            await asyncio.sleep(0.05)


@pytest.mark.timeout(300)
async def test_it_is_what_is_desired_and_does_what_it_is_told(tmp_path: Path) -> None:
    state, settings = tmp_path / "state", tmp_path / "edge.toml"
    with mosquitto(tmp_path / "broker") as broker, RemoteCloud(broker.port, "gate") as cloud:
        settings.write_text(SETTINGS.format(state=state, broker=broker.port, web=free_port()))
        cloud.desire(Desired(version=1, set_at=SET_AT, by="ann", settings={"cameras": {"front": {"fps": 5}}}))
        with appliance(settings) as run:
            assert await asyncio.to_thread(run.wait, 120) == EXIT_AGAIN, settings.with_suffix(".log").read_text()
        with appliance(settings) as run:
            await until(lambda: cloud.reported[-1].get("version") == 1)
            assert cloud.reported[-1]["settings"]["cameras"]["front"]["fps"] == 5
            for name in ("snapshot", "diagnostics"):
                cloud.send(command(name, name, issued_ms=NOW_MS))
            await until(lambda: cloud.end("snapshot") and cloud.end("diagnostics"))
            assert cloud.end("snapshot")["state"] == cloud.end("diagnostics")["state"] == "succeeded", cloud.steps
            key = cloud.end("diagnostics")["outcome"]["key"]
            await until((state / "objects" / key).exists)
            await until(lambda: "homeassistant/device/gate/config" in cloud.other)
            cloud.send(command("again", "restart", issued_ms=NOW_MS))
            assert await asyncio.to_thread(run.wait, 120) == EXIT_AGAIN
        with appliance(settings):
            await until(lambda: cloud.end("again"))
            assert cloud.end("again")["state"] == "succeeded"
            await until(lambda: not list((state / "remote" / "files").glob("cmd-*")))
        audit = "".join(path.read_text() for path in (state / "audit").glob("*.jsonl"))
    assert "command snapshot" in audit
    assert "cloud:ann" in audit


def phase(state: Path, name: str) -> list[dict[str, Any]]:
    """Every record of a recording in this phase, in order; none while there is no store yet."""
    try:
        with closing(sqlite3.connect(f"{(state / 'store.db').as_uri()}?mode=ro", uri=True)) as store:
            rows = store.execute("SELECT payload FROM records WHERE kind = 'recording' ORDER BY rowid").fetchall()
    except sqlite3.OperationalError:
        return []
    return [body for row in rows if (body := json.loads(row[0])["body"])["phase"] == name]


@pytest.mark.timeout(300)
async def test_a_restart_from_afar_costs_neither_what_is_recorded_nor_what_is_on_its_way(tmp_path: Path) -> None:
    """It falls into a growing recording and an upload that takes minutes: both are whole after it, and told once."""
    state, settings = tmp_path / "state", tmp_path / "edge.toml"
    with mosquitto(tmp_path / "broker") as broker, RemoteCloud(broker.port, "gate") as cloud:
        base = SETTINGS.format(state=state, broker=broker.port, web=free_port())
        base += '[recording]\nmode = "continuous"\nsegment_s = 5\n'
        settings.write_text(f"{base}[uploads]\nmax_bits_per_s = 20000\n")
        with appliance(settings) as run:
            await until(lambda: phase(state, "closed") and any((state / "objects").rglob("*part*")), 120)
            told_ms = time.time_ns() // 1_000_000
            cloud.send(command("again", "restart", issued_ms=NOW_MS))
            assert await asyncio.to_thread(run.wait, 120) == EXIT_AGAIN
        first = phase(state, "closed")
        settings.write_text(base)
        with appliance(settings):
            await until(
                lambda: (
                    {body["recording_id"] for body in first}
                    <= {body["recording_id"] for body in phase(state, "uploaded")}
                )
            )
            await until(lambda: cloud.end("again"))
        assert not any(body.get("salvaged") for body in phase(state, "closed")), (
            "it was closed, not mended by the next run"
        )
        assert first[-1]["end_ms"] > told_ms - 4000, "it was recorded until the command came"
        for before, after in pairwise(first):
            assert after["start_ms"] - before["end_ms"] < 1000
        uploaded = [body["recording_id"] for body in phase(state, "uploaded")]
        assert len(set(uploaded)) == len(uploaded)
        for body in first:
            content = (state / "objects" / body["key"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == body["sha256"]
