"""A process that erases a participant out of every room is killed with SIGKILL before each of its steps.

After the next run nothing of them is left anywhere and everything of others is; the cloud is told once, or twice where
the kill came before it was noted that it was told.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.conftest import ROOT
from tests.support.erasing_process import GONE, LEFT, PEOPLE, Left, mark

_STEPS_AT_LEAST = 25


def _found(folder: Path, words: str) -> list[str]:
    """The files with these words, or with them in their name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files if words.encode() in path.read_bytes())


async def test_killed_at_every_step_of_an_erasure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.erasing_process", str(tmp_path)]
    ran = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    steps = int(ran.stdout)
    assert steps >= _STEPS_AT_LEAST
    stayed = next(person for person in PEOPLE if person != GONE)
    whole = _found(tmp_path / "whole", mark(GONE))
    rooms = {path.split("/")[0] for path in whole}
    assert {"recordings", "previews", "sessions", "state"} <= rooms
    assert any(path.startswith("store.db") for path in whole)
    told_twice = 0
    for step in range(1, steps + 1):
        here = tmp_path / f"cut-{step}"
        assert _found(here, mark(GONE)) == [], f"cut before step {step}"
        kept = {path.split("/")[0] for path in _found(here, mark(stayed))}
        assert kept >= {"recordings", "previews", "sessions", "state"}, f"cut before step {step}"
        left = msgspec.json.decode((here / LEFT).read_bytes(), type=Left)
        told_twice += left.erasures == [GONE, GONE]
        assert set(left.erasures) == {GONE}, f"cut before step {step}"
        assert left.participants == [stayed]
        assert len(left.uploads) == 2
        assert f"rec-{stayed}" in left.uploads
    assert told_twice <= 1
