"""What a disk spoils or refuses of sessions costs that alone: the desk opens, and everybody else's work goes on."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contract.messages import Consent, Loss, Session
from contract.sessions import NewLabel
from edge.affect.session import Viewings
from edge.affect.sessions.desk import SessionDesk
from edge.affect.sessions.folder.cabinet import Cabinet
from edge.affect.sessions.settings import SessionSettings
from edge.core.errors import RefusedError, StoreError
from edge.core.health import State
from edge.core.hub import Hub
from tests.support.clock import FakeClock
from tests.support.outboxes import open_outbox
from tests.support.session_folders import opened_folders
from tests.support.sessions_room import MP4, World, needs_of, opened_desk, pieces

SPOILT = [bytes(64), b"\xff\xfe", b'{"id": 5}']


def _spoil(folder: Path, sql: str, *parameters: object) -> None:
    link = sqlite3.connect(folder / "sessions" / "sessions.db")
    link.execute(sql, parameters)
    link.commit()
    link.close()


@asynccontextmanager
async def _killed(folder: Path, clock: FakeClock, leap_s: float = 0.0) -> AsyncIterator[str]:
    """The desk's folder as a daemon leaves it that is killed 40 s after a session of `p1` began."""
    async with opened_desk(folder, clock=clock) as room:
        await room.agree("p1")
        view = await room.desk.start("p1", video_id=1)
        clock.advance(40)
        clock.jump_wall(leap_s)
        await room.desk._keep()
        shutil.copytree(folder / "sessions", folder / "copy")
    shutil.rmtree(folder / "sessions")
    (folder / "copy").rename(folder / "sessions")
    yield view.session_id


@pytest.mark.parametrize("body", SPOILT)
async def test_a_spoilt_row_costs_what_it_said_and_nothing_else(tmp_path: Path, body: bytes) -> None:
    clock = FakeClock()
    async with opened_desk(tmp_path, clock=clock) as room:
        await room.agree("p1", "p2")
        view = await room.desk.start("p1", video_id=1)
        await room.desk.mark(view.session_id, name="here", note="", at_ms=None)
        await room.desk.label(view.session_id, [NewLabel(probe="HH")])
        await room.desk.start("p2", video_id=1)
    for table in ("participants", "stimuli", "sessions", "markers"):
        sql = f"UPDATE {table} SET body = ? WHERE rowid = (SELECT MIN(rowid) FROM {table})"  # noqa: S608 - tables of ours
        _spoil(tmp_path, sql, body)
    async with opened_desk(tmp_path, clock=clock) as room:
        assert room.health.of("sessions") is State.OK
        assert [(one.id, one.consent is not None) for one in room.desk.participants()] == [("p1", False), ("p2", True)]
        assert len(room.desk.stimuli()) == 4
        found = await room.desk.session(view.session_id)
        assert (found.participant, found.end_ms is None, found.markers) == ("p1", False, [])
        assert len(found.labels) == 1
        assert len(await room.desk.sessions(None, limit=10)) == 2
        assert await room.desk.report(view.session_id)
        with pytest.raises(RefusedError, match="no consent"):
            await room.desk.start("p1")
        await room.desk.erase("p1")
        assert [one.id for one in room.desk.participants()] == ["p2"]


async def test_a_spoilt_row_of_a_session_that_ran_ends_it(tmp_path: Path) -> None:
    clock = FakeClock()
    async with _killed(tmp_path, clock) as session_id:
        _spoil(tmp_path, "UPDATE sessions SET body = x'00'")
    async with opened_desk(tmp_path, clock=clock) as room:
        assert (await room.desk.session(session_id)).reason == "restarted"
        assert room.desk.running() == []


async def test_a_spoilt_record_that_was_not_told_is_told_as_lost(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        await room.desk.start("p1")
        _spoil(tmp_path, "UPDATE untold SET body = x'7b' WHERE id = 1")
        assert len(await room.bodies(Loss)) == 1
        assert [type(one) for one in await room.bodies(Session)] == [Session]
        assert await room.bodies(Consent) == []


async def test_an_erasure_whose_list_was_spoilt_is_gone_on_with(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
    _spoil(tmp_path, "INSERT INTO erasing VALUES ('p1', x'00ff', 3)")
    async with opened_desk(tmp_path) as room:
        await room.desk._keep()
        assert room.desk.participants() == []


async def test_text_that_is_none_does_not_keep_the_desk_shut(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        await room.desk.start("p1", session_id="s1")
        await room.desk.label("s1", [NewLabel(probe="HH")])
    _spoil(tmp_path, "UPDATE labels SET reason = CAST(x'ff61' AS TEXT)")
    async with opened_desk(tmp_path) as room:
        assert len((await room.desk.session("s1")).labels) == 1


async def test_a_desk_that_does_not_open_lets_nobody_be_named(tmp_path: Path) -> None:
    """Who agreed stands in the file that cannot be read."""
    (tmp_path / "sessions" / "sessions.db").mkdir(parents=True)
    clock, viewings = FakeClock(), Viewings({"left": "p1"})
    async with open_outbox(tmp_path, clock=clock) as outbox:
        needs = needs_of(outbox, Hub(), viewings, clock, World())
        desk = SessionDesk(tmp_path / "sessions", settings=SessionSettings(), needs=needs)
        with pytest.raises(StoreError):
            await desk.open()
    assert not viewings.may_name("p1")


async def test_a_session_that_was_cut_ends_by_its_own_time_whatever_the_wall_clock_did(tmp_path: Path) -> None:
    clock = FakeClock()
    async with _killed(tmp_path, clock, leap_s=86_400.0) as session_id:
        pass
    async with opened_desk(tmp_path, clock=clock) as room:
        found = await room.desk.session(session_id)
        assert found.end_ms == found.start_ms + 40_000


async def test_a_folder_among_the_videos_does_not_keep_the_desk_shut(tmp_path: Path) -> None:
    (tmp_path / "sessions" / "videos" / "lost+found").mkdir(parents=True)
    (tmp_path / "sessions" / "videos" / "left-over.mp4").write_bytes(MP4)
    async with opened_desk(tmp_path) as room:
        await room.desk.put_video("video-1", pieces(MP4), len(MP4))
        names = {path.name.split(".")[0] for path in (tmp_path / "sessions" / "videos").iterdir()}
        assert names == {"lost+found", "video-1"}


async def test_one_folder_that_the_disk_refuses_takes_no_other_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_folders(tmp_path) as stage:
        view = await stage.viewed("p1")
        await stage.until(lambda: stage.note(view.session_id) is not None)
        await stage.room.desk.stop(view.session_id)
        await stage.whole(view.session_id)
        folder = stage.folders.cabinet.folder
    (folder / ".gone-file").write_bytes(b"")
    (folder / ".gone-dir").mkdir()
    for odd in (b"", bytes(99), b"\xff", b"[]"):
        (folder / f"odd-{len(odd)}").mkdir()
        (folder / f"odd-{len(odd)}" / "session.json").write_bytes(odd)
    (folder / "odder" / "session.json").mkdir(parents=True)
    rmtree = shutil.rmtree

    def refuse(path: Path) -> None:
        if path.name == ".gone-dir":
            raise OSError(5, "Input/output error")
        rmtree(path)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", refuse)
        assert list(Cabinet(folder).scan()) == [view.session_id]
        async with opened_folders(tmp_path) as stage:
            with pytest.raises(StoreError, match="could not be deleted"):
                await stage.folders.erase("p1", [view.session_id])
    Cabinet(folder).finish_deleting()
    assert not list(folder.glob(".gone-*"))
