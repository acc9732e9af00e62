"""A process that takes labels is killed with SIGKILL again and again: none that was acknowledged is lost."""

import asyncio
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from contract.messages import Label, Session
from edge.affect.session import Viewings
from edge.affect.sessions.desk import SessionDesk
from edge.affect.sessions.settings import SessionSettings
from edge.core.clock import SystemClock
from edge.core.hub import Hub
from tests.conftest import ROOT
from tests.support.outboxes import open_outbox
from tests.support.sessions_room import World, needs_of

_KILLS = 4


async def test_killed_while_labels_come_each_acknowledged_one_is_kept_and_told(tmp_path: Path) -> None:
    rng = random.Random(5)
    taken: dict[str, set[str]] = {}
    for _ in range(_KILLS):
        lines = await asyncio.to_thread(_run_and_kill, tmp_path, after_s=rng.uniform(0.05, 0.8))
        for session_id, label_id in (line.split() for line in lines):
            taken.setdefault(session_id, set()).add(label_id)
    assert len(taken) == _KILLS
    clock = SystemClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        needs = needs_of(outbox, Hub(), Viewings({}), clock, World())
        desk = SessionDesk(tmp_path / "sessions", settings=SessionSettings(), needs=needs)
        await desk.open()
        await desk.tell()
        told = [record.body for _, record in await outbox.history(after=0, limit=100_000)]
        labelled = Counter((one.session_id, one.label_id) for one in told if isinstance(one, Label))
        ended = [one.reason for one in told if isinstance(one, Session) and one.phase == "stop"]
        for session_id, labels in taken.items():
            view = await desk.session(session_id)
            assert labels <= {label.label_id for label in view.labels}
            assert all((session_id, label_id) in labelled for label_id in labels)
            assert view.reason == "restarted"
            assert (view.end_ms or 0) >= max(label.at_ms for label in view.labels)
        await desk.close()
    assert ended.count("restarted") >= _KILLS
    assert max(labelled.values()) <= _KILLS + 1


def _run_and_kill(folder: Path, *, after_s: float) -> list[str]:
    """The whole lines that it printed before it was killed."""
    command = [sys.executable, "-m", "tests.support.labelling", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        time.sleep(after_s)
        process.kill()
        rest = process.stdout.read()
    return [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
