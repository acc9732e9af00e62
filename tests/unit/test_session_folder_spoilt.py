"""A session's folder whose note a card has spoilt: made whole, sent, kept within the disk and erased all the same."""

import shutil
from pathlib import Path

import pytest

from contract.messages import Loss
from contract.sessions import Participant
from edge.affect.sessions.folder.cabinet import Cabinet
from edge.affect.sessions.folder.layout import NOTE, TWIN, SessionNote, write_note
from edge.affect.sessions.folder.settings import FolderSettings
from edge.affect.sessions.folder.stash import SessionStash
from edge.affect.sessions.rows import participant_of
from edge.core.health import State
from edge.core.stash import Worth
from tests.support.damaged_files import Damage, changed, dangling, folder, saying
from tests.support.session_folders import FakeUploads, FoldersRoom, opened_folders

CSV = FolderSettings(late_s=0.0, format="csv")
DAMAGES: dict[str, Damage] = {
    "missing": Path.unlink,
    "empty": changed(lambda _: b""),
    "cut": changed(lambda note: note[: len(note) // 2]),
    "zeros": changed(lambda note: bytes(len(note))),
    "no-utf8": changed(lambda note: note.replace(b"p1", b"p\xff")),
    "nested": changed(lambda note: b'{"x":' + b"[" * 200_000),
    "types": saying(start_ms="soon"),
    "folder": folder,
    "dangling": dangling,
}


async def _ended(stage: FoldersRoom, participant: str = "p1", session_id: str | None = None) -> Path:
    """The folder of a short session, whole."""
    view = await stage.viewed(participant, session_id=session_id)
    await stage.until(lambda: stage.note(view.session_id) is not None)
    stage.deliver("left", 20)
    await stage.room.desk.stop(view.session_id)
    await stage.whole(view.session_id)
    return stage.path(view.session_id)


async def _begun(stage: FoldersRoom, participant: str, session_id: str | None = None) -> Path:
    """The folder of a session that ended, as a kill leaves it before it is whole."""
    view = await stage.viewed(participant, session_id=session_id)
    stage.deliver("left", 2)
    await stage.folders.recorder.flush()
    await stage.room.desk.stop(view.session_id)
    return stage.path(view.session_id)


def _spoil(home: Path) -> None:
    for name in (NOTE, TWIN):
        (home / name).write_bytes(b"{ torn")


async def _said(stage: FoldersRoom) -> list[str]:
    """What the ledger says of folders."""
    return [one.reason for one in await stage.room.bodies(Loss) if isinstance(one, Loss) and one.what == "file"]


@pytest.mark.parametrize(("spoilt", "damage"), [(NOTE, one) for one in DAMAGES] + [(TWIN, "cut"), (TWIN, "folder")])
def test_a_spoilt_note_is_made_anew_from_its_twin_byte_by_byte(tmp_path: Path, spoilt: str, damage: str) -> None:
    home, note = (
        tmp_path / "s-1",
        SessionNote(
            state="whole",
            order=3,
            device="bench-1",
            session_id="s-1",
            participant="p1",
            start_ms=1,
            start_mono_ms=0.5,
            clock="trusted",
        ),
    )
    home.mkdir()
    write_note(home, note)
    content = (home / NOTE).read_bytes()
    DAMAGES[damage](home / spoilt)
    cabinet = Cabinet(tmp_path)
    assert cabinet.scan() == {"s-1": note}
    assert (home / spoilt).read_bytes() == content
    assert (cabinet.mended, cabinet.unread) == (["s-1"], set())


async def test_that_a_note_was_made_anew_is_recorded_once(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=CSV) as stage:
        home = await _ended(stage)
        (home / NOTE).write_bytes(bytes(99))
    for _ in range(2):
        async with opened_folders(tmp_path, settings=CSV) as stage:
            await stage.until(lambda: not stage.folders.cabinet.mended)
            assert len(await _said(stage)) == 1
            assert stage.room.health.of("session-folders") is State.OK
            assert [one.id for one in SessionStash(stage.folders).holdings()] == [home.name]


async def test_one_that_ran_as_its_note_was_spoilt_is_made_whole(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=CSV, runs=False) as stage:
        view = await stage.viewed()
        stage.deliver("left", 30)
        await stage.folders.recorder.flush()
        home = stage.path(view.session_id)
        (home / NOTE).write_bytes(bytes(7))
    async with opened_folders(tmp_path, settings=CSV) as stage:
        note = await stage.whole(view.session_id)
        assert (note.reason, note.files[0].rows) == ("restarted", 2 * 30)


async def test_one_whose_twin_is_spoilt_as_well_is_told_counted_and_within_the_disk(tmp_path: Path) -> None:
    uploads = FakeUploads()
    async with opened_folders(tmp_path, settings=CSV) as stage:
        home = await _ended(stage)
        _spoil(home)
    for _ in range(2):
        async with opened_folders(tmp_path, settings=CSV, uploads=uploads) as stage:
            await stage.until(lambda: stage.room.health.of("session-folders") is State.DEGRADED)
            assert len(await _said(stage)) == 1, "once, however often it starts"
    async with opened_folders(tmp_path, settings=CSV, uploads=uploads) as stage:
        await stage.until(lambda: stage.room.health.of("session-folders") is State.DEGRADED)
        assert stage.folders.stats.unread == 1
        detail = next(part.detail for part in stage.room.health.parts() if part.part == "session-folders")
        assert "1 folders" in detail and home.name in detail
        stash = SessionStash(stage.folders)
        (holding,) = stash.holdings()
        assert (holding.worth, holding.size_bytes) == (Worth.SAMPLES, stash.used_bytes())
        assert holding.size_bytes > 0
        await stash.evict(holding)
        await stash.evict(holding)
        assert not home.exists()
        assert (stash.holdings(), stash.used_bytes()) == ([], 0)
        told = [one for one in await stage.room.bodies(Loss) if isinstance(one, Loss) and one.count]
        assert [(one.what, one.count) for one in told] == [("file", 5)]
    assert not uploads.offered


async def test_what_is_made_later_gives_way_later(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=CSV, runs=False) as stage:
        first, second, third = [await _begun(stage, one) for one in ("p1", "p2", "p3")]
        _spoil(second)
    async with opened_folders(tmp_path, settings=CSV) as stage:
        await stage.until(lambda: len(SessionStash(stage.folders).holdings()) == 3)
        orders = {one.id: one.order for one in SessionStash(stage.folders).holdings()}
        assert orders[first.name] <= orders[second.name] <= orders[third.name] + 1


async def test_an_erasure_takes_what_is_theirs_and_what_is_nobodys_and_leaves_what_is_anothers(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=CSV, runs=False) as stage:
        theirs = await _begun(stage, "p1")
        odd = await _begun(stage, "p1", session_id="a name / of theirs")
        others = await _begun(stage, "p2")
        odd_others = await _begun(stage, "p2", session_id="a name / of others")
        for home in (theirs, odd, others, odd_others):
            _spoil(home)
        nobodys = shutil.copytree(theirs, theirs.with_name("once"))
        newer = shutil.copytree(theirs, theirs.with_name("newer"))
        (newer / NOTE).write_bytes(b'{"layout":99,"participant":"p3","session_id":"s-9"}')
        thesis = theirs.with_name("thesis")
        thesis.mkdir()
        (thesis / "chapter-1.txt").write_text("mine")
    async with opened_folders(tmp_path, settings=CSV) as stage:
        done = await stage.room.desk.erase("p1")
        assert [one.exists() for one in (theirs, odd, nobodys)] == [False] * 3
        assert [one.exists() for one in (others, odd_others, newer, thesis)] == [True] * 4
        assert done.files == 3, "their journals are not counted"


async def test_a_new_session_does_not_write_into_one_that_cannot_be_read(tmp_path: Path) -> None:
    home = tmp_path / "sessions" / "folders" / "once"
    home.mkdir(parents=True)
    (home / "signals.csv").write_text("t_ms\n")
    async with opened_folders(tmp_path, settings=CSV, runs=False) as stage:
        again = await _begun(stage, "p1", session_id="once")
        assert again.name != "once"
        assert not (home / NOTE).exists()


def test_a_row_that_is_no_utf8_costs_what_it_said() -> None:
    for body in (b'{"id":"\xff","created_ms":0}', b'{"x":' + b"[" * 200_000):
        assert participant_of("p1", body) == Participant(id="p1", created_ms=0, note="what was kept here was damaged")
