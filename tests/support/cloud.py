"""The cloud's parts as tests use them: records of a device, a clock, and the whole as a process of its own."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from click.testing import CliRunner, Result

from cloud.__main__ import cloud_cli
from cloud.store.database import Database
from cloud.store.migrate import migrate
from cloud.store.rows import Incoming, read
from contract.codec import encode
from contract.ids import record_id
from contract.messages import AnyBody, Event, File, Loss, Prediction, Record, Recording, Severity
from contract.times import to_wire
from contract.topics import leaf_of
from tests.conftest import ROOT

BOOT = "00000001-deadbeef"
START_MS = 1_780_000_000_000
USER, PASSWORD = "ada", "correct horse battery"


class StillClock:
    """The cloud's time, which moves only when a test says so."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.ms

    def mono_s(self) -> float:
        """Seconds, moving with `ms`."""
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        """Move on."""
        self.ms += round(seconds * 1000)
        await asyncio.sleep(0)


def prediction(seq: int = 1, probe: str | None = "HH") -> Prediction:
    """A prediction of the 5 s segment `seq`."""
    start = START_MS + seq * 5000
    return Prediction(
        task="emotion",
        model="affect",
        model_version="1",
        source="wrist",
        segment_index=seq,
        start_ms=start,
        end_ms=start + 5000,
        probe=probe,  # type: ignore[arg-type]
        confidence=0.75,
        probabilities={"HH": 0.75},
    )


def event(seq: int = 1, *, event_id: str = "ev-1", phase: str = "open", severity: Severity = "HIGH") -> Event:
    """A step of an event."""
    return Event(
        event_id=event_id,
        phase=phase,  # type: ignore[arg-type]
        camera="door",
        type="loitering",
        severity=severity,
        start_ms=START_MS + seq * 1000,
        end_ms=START_MS + seq * 1000 + 500 if phase == "close" else None,
        reasoning=["somebody stayed", "<b>for long</b>"],
        zone="gate",
        track=seq,
        merged=2,
        picture=True,
        recording_id="rec-1",
    )


def recording(
    device: str, recording_id: str = "rec-1", *, phase: str = "uploaded", key: str | None = None, size: int = 100
) -> Recording:
    """A step of a recording."""
    return Recording(
        recording_id=recording_id,
        phase=phase,  # type: ignore[arg-type]
        camera="door",
        reason="event",
        start_ms=START_MS,
        end_ms=START_MS + 4000,
        frames=100,
        size_bytes=size,
        sha256="0" * 64,
        codec="h264",
        width_px=640,
        height_px=480,
        key=key or f"recordings/{device}/2026/05/28/door/{recording_id}.mp4",
    )


def file_of(
    device: str, file_id: str = "file-1", *, phase: str = "uploaded", size: int = 100, name: str = "signals.parquet"
) -> File:
    """A step of a file of the session `s1` of `p1`."""
    return File(
        file_id=file_id,
        phase=phase,  # type: ignore[arg-type]
        purpose="session",
        name=name,
        key=f"sessions/{device}/s1/{name}",
        content_type="application/vnd.apache.parquet",
        size_bytes=size,
        sha256="0" * 64,
        start_ms=START_MS,
        session_id="s1",
        participant="p1",
        about={"rows": "9"},
    )


def loss(first: int, last: int, boot: str = BOOT) -> Loss:
    """Sequence numbers that will never come."""
    return Loss(what="records", reason="disk full", count=last - first + 1, boot=boot, first_seq=first, last_seq=last)


def payload(body: AnyBody, seq: int, boot: str = BOOT) -> bytes:
    """A record as it is published."""
    record = Record(
        id=record_id(boot, seq),
        seq=seq,
        boot=boot,
        t=to_wire(START_MS + seq),
        mono_ms=seq,
        clock="trusted",
        body=body,
    )
    return encode(record)


def incoming(body: AnyBody, seq: int, device: str = "gate", boot: str = BOOT) -> Incoming:
    """A record ready to be stored."""
    found, problem = read(device, leaf_of(body), payload(body, seq, boot), START_MS)
    assert problem is None, problem
    return found


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A migrated database."""
    database = Database(url)
    try:
        await _migrated(database)
        yield database
    finally:
        await database.close()


_EMPTY: Final[list[bytes]] = []
"""The file of a new SQLite, migrated: to migrate costs more CPU than most tests do on it."""


async def _migrated(database: Database) -> None:
    file = Path(str(database.url.database))
    if not database.is_sqlite or await asyncio.to_thread(file.exists):
        await migrate(database)
    elif _EMPTY:
        await asyncio.to_thread(file.write_bytes, _EMPTY[0])
    else:
        await migrate(database)
        await database.close()  # which leaves everything in that one file
        _EMPTY.append(await asyncio.to_thread(file.read_bytes))


class CloudProcess:
    """`cloud run`, or another role, as a process of its own; `port` is that of `[web]`, `seen_at` where it answers."""

    def __init__(
        self, folder: Path, settings: str, port: int, *, role: str = "run", seen_at: int | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "cloud.toml"
        self.config.write_text(f'state_dir = "{folder}"\n{settings}\n[web]\nport = {port}\n', encoding="utf-8")
        self.log = folder / (f"log-{role}" if role != "run" else "log")
        self.url = f"http://127.0.0.1:{seen_at or port}"
        self._role = role
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, *words: str, stdin: str = "") -> Result:
        """Another of its commands, to its end, in this process: to start one costs a second of CPU."""
        with ThreadPoolExecutor(1) as beside:  # a browser's loop may hold this thread
            done = beside.submit(CliRunner().invoke, cloud_cli, [*words, "--config", str(self.config)], stdin).result()
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    def refused(self) -> subprocess.CompletedProcess[str]:
        """Start it with settings that it cannot take; return once it has ended."""
        program = [sys.executable, "-m", "cloud", self._role, "--config", str(self.config)]
        return subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)

    def start(self, *, ready: bool = True) -> None:
        """Start it; return once it is ready, or with `ready=False` once it answers at all."""
        with self.log.open("ab") as log:
            program = [sys.executable, "-m", "cloud", self._role, "--config", str(self.config)]
            environment = os.environ | {"PYTHONUNBUFFERED": "1"}
            self._process = subprocess.Popen(program, stdout=log, stderr=log, cwd=ROOT, env=environment)
        self.wait("/readyz" if ready else "/healthz")

    def wait(self, path: str, *, status: int = 200, within_s: float = 40.0) -> None:
        """Return once `path` answers with `status`."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            assert self._process and self._process.poll() is None, f"it ended:\n{self.words()}"
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(self.url + path, timeout=2).status_code == status:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{path} did not answer {status} within {within_s} s:\n{self.words()}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return its exit code and the seconds it took to end."""
        assert self._process
        begun = time.monotonic()
        self._process.send_signal(how)
        code = self._process.wait(40)
        self._process = None
        return code, time.monotonic() - begun

    def words(self) -> str:
        """What it said."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """Gone, whatever it was doing."""
        if self._process:
            self._process.kill()
            self._process.wait()


@contextmanager
def cloud_process(folder: Path, settings: str, port: int, **role: Any) -> Iterator[CloudProcess]:
    """One that is not started yet, and gone after the block."""
    process = CloudProcess(folder, settings, port, **role)
    try:
        yield process
    finally:
        process.close()
