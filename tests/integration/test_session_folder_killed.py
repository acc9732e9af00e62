"""A process that records a session is killed with SIGKILL again and again, also while it makes older folders whole:
what was durable is in the tables, once each, without a hole, and the note says what was cut off."""

import asyncio
import csv
import random
import subprocess
import sys
import time
from pathlib import Path

from edge.affect.session import Viewings
from edge.affect.sessions.desk import SessionDesk
from edge.affect.sessions.folder.layout import read_note
from edge.affect.sessions.folder.ports import FolderNeeds
from edge.core.clock import SystemClock
from edge.core.hub import Hub
from tests.conftest import ROOT
from tests.support.outboxes import DEVICE, open_outbox
from tests.support.session_recording import SETTINGS
from tests.support.sessions_room import World, needs_of

_KILLS = 4
_WITHIN_S = 60.0


async def test_killed_in_mid_session_again_and_again_every_durable_sample_is_in_the_folder(tmp_path: Path) -> None:
    rng, durable = random.Random(7), dict[str, int]()
    for _ in range(_KILLS):
        session_id, count = await asyncio.to_thread(_run_and_kill, tmp_path, after_s=rng.uniform(0.3, 1.5))
        durable[session_id] = count
    assert len(durable) == _KILLS
    assert sum(durable.values()) > 0
    await _made_whole(tmp_path)
    for session_id, count in durable.items():
        folder = tmp_path / "sessions" / "folders" / session_id
        note = read_note(folder)
        assert note is not None
        assert (note.state, note.reason) == ("whole", "restarted")
        with (folder / "signals.csv").open(newline="") as file:
            values = [float(row["value"]) for row in csv.DictReader(file)]
        assert values == [float(one) for one in range(len(values))]
        assert len(values) >= count
        assert sorted(path.name for path in folder.iterdir()) == [
            ".session.json.twin",
            "labels.csv",
            "markers.csv",
            "predictions.csv",
            "session.json",
            "signals.csv",
        ]


async def _made_whole(folder: Path) -> None:
    """The next start of the appliance, which is left alone."""
    clock = SystemClock()
    async with open_outbox(folder, clock=clock) as outbox:
        needs = needs_of(outbox, Hub(), Viewings({}), clock, World(), folders=FolderNeeds(device=DEVICE))
        desk = SessionDesk(folder / "sessions", settings=SETTINGS, needs=needs)
        await desk.open()
        assert desk.folders
        running = asyncio.create_task(desk.folders.run())
        async with asyncio.timeout(_WITHIN_S):
            while desk.folders.stats.waiting:  # noqa: ASYNC110 - it is the service that is waited for
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
        await desk.close()


def _run_and_kill(folder: Path, *, after_s: float) -> tuple[str, int]:
    """The session that it recorded, and how many samples it knew to be durable."""
    command = [sys.executable, "-m", "tests.support.session_recording", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline()]
        while not lines[-1].startswith("session"):
            lines.append(process.stdout.readline())
        time.sleep(after_s)
        process.kill()
        rest = [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    counts = [int(line.split()[1]) for line in rest if line.startswith("durable")]
    return lines[-1].split()[1], max(counts, default=0)
