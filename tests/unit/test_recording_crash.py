"""The spool on a disk whose power fails between any two calls: what was told to be whole is whole, and what was still
growing is cut at a whole fragment."""

import hashlib
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from contract.codec import decode
from contract.messages import Record, Recording
from edge.recording.boxes import whole_part
from edge.recording.salvage import Found, left_behind, salvage
from edge.recording.spool import Spool
from tests.conftest import ROOT
from tests.support.outboxes import open_outbox
from tests.support.power_cut import Disk, Entry, build_shim, read_journal, shim_environment, write_disk

pytestmark = pytest.mark.timeout(120)
_PROGRAM = """
import asyncio, pathlib, sys
from tests.support.recording_process import main
asyncio.run(main(pathlib.Path(sys.argv[1]), frames=300, sends="jpeg"))
"""
_PLACES = 12


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """Everything that a recorder and its store did while they made a few clips."""
    home = tmp_path_factory.mktemp("recorded")
    root = home / "root"
    root.mkdir()
    subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(root)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        | shim_environment(build_shim(home), root, home / "journal"),
        check=True,
        capture_output=True,
        timeout=90,
    )
    return list(read_journal(home / "journal"))


@pytest.mark.parametrize("place", range(_PLACES))
async def test_what_was_told_is_whole_and_what_grew_is_cut_clean(
    journal: list[Entry], tmp_path: Path, place: int
) -> None:
    rng = random.Random(place)
    root = tmp_path / "root"
    root.mkdir()
    disk = Disk(root)
    disk.feed(journal[: len(journal) * (place + 1) // _PLACES - rng.randint(0, 20)])
    write_disk(root, disk.cut(rng))
    spool = Spool(root / "spool")
    for sidecar in left_behind(spool, "front"):
        _check_salvaged(spool, salvage(spool, sidecar))
    for told in await _told(root):
        path = spool.clip_of(told.recording_id)
        assert path, f"{told.recording_id} was told and is gone"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == told.sha256


def _check_salvaged(spool: Spool, found: Found) -> None:
    if found.empty:
        return
    data = spool.path(found.sidecar).read_bytes()
    cut = whole_part(lambda offset, size: data[offset : offset + size], len(data))
    assert cut
    assert cut.size == len(data) or not found.sidecar.salvaged, "a torn clip ends with a whole fragment"
    assert len(data) == found.sidecar.size_bytes
    assert hashlib.sha256(data).hexdigest() == found.sidecar.sha256


async def _told(root: Path) -> list[Recording]:
    """The closed recordings that the store still knows after the cut."""
    async with open_outbox(root):
        pass
    with closing(sqlite3.connect(root / "store.db")) as db:
        rows = db.execute("SELECT payload FROM records WHERE kind = 'recording'").fetchall()
    bodies = [decode(payload, Record).body for (payload,) in rows]
    return [body for body in bodies if isinstance(body, Recording)]


def test_clips_were_made_at_all(journal: list[Entry]) -> None:
    assert len({entry.name for entry in journal if entry.data.endswith(b".part.mp4")}) >= 2
