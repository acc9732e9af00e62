"""An erasure that is cut before, between or after any two of its steps is whole after the next start."""

import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from contract.messages import Erasure
from contract.sessions import NewLabel
from edge.affect.sessions.folder.service import SessionFolders
from edge.affect.sessions.folder.settings import FolderSettings
from edge.affect.sessions.room import Room
from edge.outbox.store import Outbox
from tests.support.session_folders import FoldersRoom, opened_folders

MARK = b"unmistakable-words"
CSV = FolderSettings(late_s=0.0, format="csv")


class Snapshots:
    """What lies on the disk before and after each step, as a daemon that is killed there leaves it."""

    def __init__(self, folder: Path, into: Path) -> None:
        self.taken: list[Path] = []
        self._folder = folder
        self._into = into

    def around(self, step: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """`step`, with a look before and after it."""

        async def looked(*args: Any, **kwargs: Any) -> Any:
            self._take()
            found = await step(*args, **kwargs)
            self._take()
            return found

        return looked

    def _take(self) -> None:
        place = self._into / str(len(self.taken))
        shutil.copytree(self._folder, place)
        self.taken.append(place)


async def _lived(stage: FoldersRoom) -> list[str]:
    """Two whole folders of `p1` and one of `p2`, and a session of each that runs; the ids of the sessions of `p1`."""
    for person, sensor in (("p1", "left"), ("p2", "right"), ("p1", "left"), ("p2", "right")):
        view = await stage.viewed(person, sensor=sensor, session_id=f"{person}-{stage.room.clock.mono_ns()}")
        await stage.until(lambda: stage.note(view.session_id) is not None)  # noqa: B023 - awaited here
        stage.deliver(sensor, 20)
        words = MARK.decode() if person == "p1" else "other-words"
        await stage.room.desk.label(view.session_id, [NewLabel(probe="HH", label_id=words)])
        await stage.room.desk.mark(view.session_id, name="note", note=words, at_ms=None)
        await stage.room.predict(view.session_id, person, features={words: 1.0})
    await stage.room.desk.tell()
    found = [one.session_id for one in await stage.room.desk.sessions("p1", limit=9)]
    await stage.whole(found[-1])
    return found


def _files_of(folder: Path, words: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and words in path.read_bytes()]


async def test_killed_at_any_step_an_erasure_is_whole_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").mkdir()
    snapshots = Snapshots(tmp_path / "device", tmp_path / "taken")
    async with opened_folders(tmp_path / "device", settings=CSV) as stage:
        sessions = await _lived(stage)
        with monkeypatch.context() as patch:
            for owner, name in ((Room, "call"), (SessionFolders, "call"), (Outbox, "erase")):
                patch.setattr(owner, name, snapshots.around(getattr(owner, name)))
            patch.setattr(stage.folders._finishing, "go_on", lambda: None)
            await stage.room.desk.erase("p1")
    assert len(snapshots.taken) > 12
    for place in snapshots.taken[1:]:
        begun = not _lists(place, sessions)
        async with opened_folders(place, settings=CSV) as stage:
            await stage.room.desk._keep()
            if not begun:
                await stage.room.desk.erase("p1")
            told = [one for one in await stage.room.bodies(Erasure) if isinstance(one, Erasure)]
            assert {one.participant for one in told} == {"p1"}
            assert sorted({one for body in told for one in body.sessions}) == sorted(sessions)
            assert [one.id for one in stage.room.desk.participants()] == ["p2"]
            assert all(note.participant == "p2" for note in stage.folders.catalogue.notes.values())
        assert not _files_of(place, MARK), place
        assert not [path for path in (place / "sessions" / "folders").iterdir() if path.name.startswith((".", "p1"))]
        assert _files_of(place, b"other-words")


def _lists(place: Path, sessions: list[str]) -> bool:
    """Whether the erasure had not begun: its sessions are in the desk's file still."""
    link = sqlite3.connect(place / "sessions" / "sessions.db")
    found = link.execute("SELECT COUNT(*) FROM sessions WHERE participant = 'p1'").fetchone()[0]
    link.close()
    return bool(found == len(sessions))
