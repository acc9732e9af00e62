"""A process that takes videos is killed while an existing client hands some in: none is lost, none doubled."""

import asyncio
import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from contract.messages import File
from edge.collecting.facts import SessionFacts
from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.outbox.store import Outbox
from tests.conftest import ROOT
from tests.support.collect_process import Durable
from tests.support.collecting import WEBM, Room
from tests.support.ports import free_port
from tests.support.processes import wait_until

_KILLS = 3
_VIDEOS = 24
_CHUNKS = 12
_CHUNK_BYTES = 40_000


class Appliance:
    """The process, started again each time that it was killed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "tests.support.collect_process", str(folder), str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once it answers."""
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process
        with self._process as process:
            process.kill()


@contextmanager
def running(folder: Path) -> Iterator[Appliance]:
    """One that runs, and is gone afterwards."""
    appliance = Appliance(folder)
    appliance.start()
    try:
        yield appliance
    finally:
        appliance.kill()


class Client:
    """An existing client with `requests` (S2.11 to S2.14): sequential, every call tried again until it is answered."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.session = ""
        self.sent: dict[str, str] = {}
        self.answers: dict[str, dict[str, str]] = {}
        self.acknowledged = 0

    def hand_in_all(self) -> None:
        """Create a session and hand in every video."""
        rng = random.Random(3)
        self.session = self._call("post", "/api/session/create", json={"participant_id": "P07"})["session_id"]
        for number in range(_VIDEOS):
            self._hand_in(f"video_{number}", WEBM + rng.randbytes(_CHUNKS * _CHUNK_BYTES - len(WEBM)))

    def wait_for(self, chunks: int) -> None:
        """Return once so many chunks were acknowledged."""
        wait_until(lambda: self.acknowledged >= chunks, f"{chunks} chunks are acknowledged", every_s=0.01)

    def _hand_in(self, video: str, body: bytes) -> None:
        for index in range(_CHUNKS):
            chunk = body[index * _CHUNK_BYTES : (index + 1) * _CHUNK_BYTES]
            form = {"session_id": self.session, "video_id": video, "chunk_index": index, "total_chunks": _CHUNKS}
            said = self._call("post", "/api/upload/chunk", data=form, files={"chunk": ("blob", chunk)})
            assert said["status"] == "video_complete" or int(said["received"]) == index + 1, said
            self.acknowledged += 1
        self.sent[video], self.answers[video] = hashlib.sha256(body).hexdigest(), said
        facts = {"session_id": self.session, "video_id": video, "prompt_id": "joy", "file_size": len(body)}
        self._call("post", "/api/upload/metadata", json=facts)

    def _call(self, method: str, path: str, **what: object) -> dict[str, str]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                answer = requests.request(method, self._url + path, timeout=10, **what)  # type: ignore[arg-type]
            except requests.ConnectionError:
                time.sleep(0.05)
                continue
            assert answer.ok, answer.text
            return dict(answer.json())
        raise AssertionError(f"{path} was never answered")


async def test_killed_while_videos_come_in(tmp_path: Path) -> None:
    """X.13, S2.18: every acknowledged chunk is held, every video is whole, and its record is made once."""
    client = await asyncio.to_thread(_hand_in_and_kill, tmp_path)
    told, facts = await _next_run(tmp_path, client.session)
    assert {one.video_id: one.sha256 for one in facts.videos} == client.sent
    assert facts.uploads == ()
    root = tmp_path / "state" / "facial_recordings"
    for video, said in client.answers.items():
        assert hashlib.sha256((root / said["file_path"]).read_bytes()).hexdigest() == client.sent[video]
    assert not list(root.glob("*/*.chunks"))
    assert sorted(file.name for file in told) == sorted(f"{video}.webm" for video in client.sent)
    assert {file.name: file.sha256 for file in told} == {f"{video}.webm": sha for video, sha in client.sent.items()}


def _hand_in_and_kill(folder: Path) -> Client:
    rng = random.Random(5)
    with running(folder) as appliance, ThreadPoolExecutor(1) as threads:
        client = Client(appliance.url)
        handing = threads.submit(client.hand_in_all)
        for kill in range(1, _KILLS + 1):
            client.wait_for(kill * _VIDEOS * _CHUNKS // (_KILLS + 2))
            time.sleep(rng.uniform(0, 0.05))
            appliance.kill()
            appliance.start()
        handing.result()
    return client


async def _next_run(folder: Path, session: str) -> tuple[list[File], SessionFacts]:
    """What the store and the session hold once a further run did what was due."""
    clock = SystemClock()
    async with Outbox.open(folder / "store.db", device="gate-1", clock=clock, health=Health(clock)) as outbox:
        room = Room(folder / "state", ledger=Durable(outbox), clock=clock)
        await room.service.round()
        facts = await room.collector.session(session)
        room.collector.close()
        found = await outbox.history("file", limit=1000)
        assert await outbox.uploads.pending() == _VIDEOS
    return [record.body for _, record in found if isinstance(record.body, File)], facts
