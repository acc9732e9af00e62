"""A recording process is killed with SIGKILL again and again: every file is told once, whole, and playable."""

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from contract.messages import Recording
from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.outbox.store import Outbox
from tests.conftest import ROOT
from tests.support.recording_process import main


@pytest.mark.parametrize(("sends", "kills"), [("jpeg", 4), ("h264", 2)])
async def test_killed_while_writing_nothing_is_lost_doubled_or_torn(tmp_path: Path, sends: str, kills: int) -> None:
    rng = random.Random(7)
    for _ in range(kills):
        _record_and_kill(tmp_path, sends, after_s=rng.uniform(0.5, 1.2))
    await main(tmp_path, sends, frames=150)
    told = await _told(tmp_path)
    videos = {path.stem: path for path in _files(tmp_path, ".mp4")}
    assert len(told) == len({one.recording_id for one in told})
    assert {one.recording_id for one in told} == set(videos)
    assert sum(one.salvaged for one in told) >= 1
    assert len(told) > kills
    for one in told:
        data = videos[one.recording_id].read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (one.size_bytes, one.sha256)
        assert _decoded(videos[one.recording_id]) == one.frames
        assert one.end_ms - one.start_ms in range(one.frames * 40 - 2, one.frames * 40 + 3)
    assert not [path for path in videos.values() if path.name.endswith(".part.mp4")]
    assert await _uploads(tmp_path) == len(told)


def _record_and_kill(folder: Path, sends: str, *, after_s: float) -> None:
    command = [sys.executable, "-m", "tests.support.recording_process", str(folder), sends]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        time.sleep(after_s)
        process.kill()


def _files(folder: Path, suffix: str) -> list[Path]:
    return sorted((folder / "spool" / "front").glob(f"*{suffix}"))


def _decoded(path: Path) -> int:
    with av.open(str(path)) as box:
        return sum(1 for _ in box.decode(video=0))


async def _told(folder: Path) -> list[Recording]:
    async with Outbox.open(folder / "store.db", device="gate-1", clock=SystemClock(), health=_health()) as outbox:
        rows = await outbox.history("recording", after=0, limit=1000)
    return [record.body for _, record in rows if isinstance(record.body, Recording)]


async def _uploads(folder: Path) -> int:
    async with Outbox.open(folder / "store.db", device="gate-1", clock=SystemClock(), health=_health()) as outbox:
        return await outbox.uploads.pending()


def _health() -> Health:
    return Health(SystemClock())
