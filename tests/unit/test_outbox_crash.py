"""The store on a disk whose power fails between any two calls: what it promised is there, once, and in order.

The store runs in a process of its own under the power journal (`tests.support.power_cut`): at any place in it the disk
is what a cut there would have left, with what was not synced dropped, kept or torn. Seeds and places are hypothesis's.
"""

import asyncio
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from contract.codec import decode
from contract.messages import Loss, Record, Recording
from tests.conftest import ROOT
from tests.support.outboxes import open_outbox
from tests.support.power_cut import (
    Deed,
    Disk,
    Entry,
    build_shim,
    read_journal,
    shim_environment,
    write_disk,
)

_LOOKS: Final = 3
"""Places of the journal that are looked at after each story; the last is where life goes on."""
pytestmark = pytest.mark.timeout(120)


class Store:
    """What the tables hold after a cut."""

    def __init__(self, folder: Path) -> None:
        asyncio.run(self._open(folder))
        assert not list(folder.glob("*.damaged-*")), "a cut is no reason to give up a store"
        with closing(sqlite3.connect(folder / "store.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = db.execute("SELECT row, payload FROM records ORDER BY row").fetchall()
            self.records = [decode(payload, Record) for _, payload in rows]
            self.waiting = {row for (row,) in db.execute("SELECT row FROM outbox")}
            self.uploads = {name for (name,) in db.execute("SELECT * FROM uploads").fetchall() and self._names(db)}
        self.row_of = {(record.boot, record.seq): row for (row, _), record in zip(rows, self.records, strict=True)}

    async def _open(self, folder: Path) -> None:
        """As a new run does: recover, migrate, check."""
        async with open_outbox(folder) as outbox:
            self.boot = outbox.boot

    def _names(self, db: sqlite3.Connection) -> list[tuple[str]]:
        column = db.execute("PRAGMA table_info(uploads)").fetchall()[0][1]
        found: list[tuple[str]] = db.execute(f"SELECT {column} FROM uploads").fetchall()  # noqa: S608
        return found

    def given_up(self, boot: str, seq: int) -> bool:
        """Whether an entry of the ledger stands for it."""
        return any(
            isinstance(record.body, Loss)
            and record.boot == boot
            and record.seq <= seq <= (record.body.last_seq or record.seq)
            for record in self.records
        )

    def phases(self, name: str) -> list[str]:
        """What was told of a recording, in order."""
        bodies = [record.body for record in self.records]
        return [body.phase for body in bodies if isinstance(body, Recording) and body.recording_id == name]


class PowerCuts(RuleBasedStateMachine):
    """A store's life: stories, each ended by a cut."""

    library: Path
    """The shim; set by the test."""

    def __init__(self) -> None:
        super().__init__()
        self._home = Path(tempfile.mkdtemp(prefix="power-"))
        self._root = self._home / "root"
        self._root.mkdir()
        self._steps: list[tuple[str, int]] = []
        self._chapters = 0
        self._promised: set[tuple[str, int]] = set()
        self._acknowledged: dict[str, int] = {}
        self._queued: set[str] = set()
        self._finished: set[str] = set()
        self._boots: set[str] = set()

    def teardown(self) -> None:
        """Leave nothing."""
        shutil.rmtree(self._home)

    @rule(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["append", "append", "acknowledge", "evict", "clip", "upload", "reopen"]),
                st.integers(1, 9),
            ),
            min_size=2,
            max_size=12,
        ),
        places=st.lists(st.floats(0, 1), min_size=_LOOKS, max_size=_LOOKS),
        seed=st.integers(0, 2**32),
    )
    def live_until_the_power_fails(self, steps: list[tuple[str, int]], places: list[float], seed: int) -> None:
        """Some steps, and a cut somewhere among them."""
        rng = random.Random(seed)
        disk_before = {path: path.read_bytes() for path in self._root.rglob("*") if path.is_file()}
        entries = self._tell_story(steps)
        contents: dict[str, bytes | None] = {}
        for place in places:
            write_disk(self._root, {str(path.relative_to(self._root)): data for path, data in disk_before.items()})
            disk = Disk(self._root)
            cut = round(place * len(entries))
            disk.feed(self._seen_by_the_disk(entries[:cut]))
            contents = disk.cut(rng)
            write_disk(self._root, contents)
            told = _told(entries[:cut])
            self._check(Store(self._root), told)
        self._remember(Store(self._root), told)

    def _seen_by_the_disk(self, entries: list[Entry]) -> list[Entry]:
        return entries

    def _tell_story(self, steps: list[tuple[str, int]]) -> list[Entry]:
        self._chapters += 1
        journal = self._home / f"journal-{self._chapters}"
        subprocess.run(
            [sys.executable, "-m", "tests.support.power_story", str(self._root), str(self._chapters)],
            input=json.dumps(steps).encode(),
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin"} | shim_environment(self.library, self._root, journal),
            check=True,
            timeout=60,
        )
        return list(read_journal(journal))

    def _check(self, store: Store, told: list[list[Any]]) -> None:
        promised = self._promised | {(boot, seq) for what, boot, seq in _of("record", told)}
        acknowledged = self._acknowledged | {boot: seq for what, boot, seq in _of("acknowledged", told)}
        for boot, seq in promised:
            there = (boot, seq) in store.row_of
            assert there or store.given_up(boot, seq), f"{boot}:{seq} was promised and is gone"
            if there and seq <= acknowledged.get(boot, 0):
                assert store.row_of[boot, seq] not in store.waiting, f"{boot}:{seq} was acknowledged and waits again"
        self._check_whole(store)
        for name in self._queued | {name for _, name in _of("queued", told)}:
            phases = store.phases(name)
            assert phases == (["closed"] if name in store.uploads else ["closed", "uploaded"]), (name, phases)
        for name in self._finished | {name for _, name in _of("finished", told)}:
            assert name not in store.uploads
        assert store.boot not in self._boots | {boot for boot, _ in promised}, "the name of a run came again"

    def _check_whole(self, store: Store) -> None:
        """Each run's numbers go up without a hole that no entry explains, in the order of the rows."""
        latest: dict[str, int] = {}
        for record in store.records:
            due = latest.get(record.boot, 0) + 1
            assert record.seq == due, f"{record.boot}: {record.seq} after {due - 1}"
            last = record.body.last_seq if isinstance(record.body, Loss) and record.body.boot == record.boot else None
            latest[record.boot] = last or record.seq

    def _remember(self, store: Store, told: list[list[Any]]) -> None:
        """What is there now has to stay."""
        self._promised = {(record.boot, record.seq) for record in store.records}
        self._acknowledged |= {boot: seq for what, boot, seq in _of("acknowledged", told)}
        self._queued |= store.uploads
        self._finished |= {name for _, name in _of("finished", told)}
        self._boots |= {record.boot for record in store.records} | {store.boot}


def _of(what: str, told: list[list[Any]]) -> list[list[Any]]:
    return [words for words in told if words[0] == what]


def _told(entries: list[Entry]) -> list[list[Any]]:
    """What was promised by then."""
    inode = next((entry.inode for entry in entries if entry.deed is Deed.CREATED and entry.name == "told"), None)
    inode = inode or next((entry.inode for entry in entries if entry.deed is Deed.OPENED and entry.name == "told"), 0)
    lines = [entry.data for entry in entries if entry.deed is Deed.WROTE and entry.inode == inode]
    return [json.loads(line) for line in lines]


def test_what_was_promised_survives_a_cut_between_any_two_calls(tmp_path: Path) -> None:
    PowerCuts.library = build_shim(tmp_path)
    run_state_machine_as_test(
        PowerCuts,
        settings=settings(
            max_examples=4,
            stateful_step_count=4,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            derandomize=True,
            phases=[Phase.generate],
        ),
    )


class _Lied(PowerCuts):
    """On a disk that syncs nothing."""

    def _seen_by_the_disk(self, entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.deed not in {Deed.SYNCED, Deed.FOLDER_SYNCED}]


def test_a_disk_that_syncs_nothing_is_found_out(tmp_path: Path) -> None:
    """Otherwise the test above would prove nothing."""
    PowerCuts.library = build_shim(tmp_path)
    story = _Lied()
    try:
        with pytest.raises(AssertionError, match=r"was promised and is gone|a cut is no reason"):
            for seed in range(5):
                story.live_until_the_power_fails([("append", 9)], [1.0] * _LOOKS, seed)
    finally:
        story.teardown()
