"""How sessions end, by themselves, by a kill or on a bad disk, and how long what was kept of them stays."""

import asyncio
import shutil
from pathlib import Path

import pytest

from contract.messages import AnyBody, Record
from contract.sessions import NewLabel
from edge.affect.sessions.book import Book
from edge.affect.sessions.settings import SessionSettings
from edge.core.clock import Stamp
from edge.core.errors import StoreError
from edge.core.health import State
from edge.outbox.store import Outbox
from tests.support.clock import FakeClock
from tests.support.sessions_room import opened_desk


async def test_the_oldest_session_goes_when_the_file_is_too_large(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, settings=SessionSettings(max_bytes=1 << 20)) as room:
        await room.agree("p1")
        views = [await room.desk.start("p1", session_id=name) for name in ("a", "b", "c")]
        for view in views[:2]:
            for _ in range(300):
                await room.desk.mark(view.session_id, name="x", note="words " * 600, at_ms=None)
        await room.desk._keep()
        assert [view.session_id for view in await room.desk.sessions(None, limit=9)] == ["c", "b"]


async def test_a_session_that_nobody_stopped_is_ended(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, settings=SessionSettings(longest_s=60)) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        room.clock.advance(61)
        await room.desk._keep()
        assert room.desk.running() == []
        assert (await room.desk.session(view.session_id)).end_ms == view.start_ms + 61_000


@pytest.mark.parametrize("too_late_s", [0, 1000])
async def test_no_question_of_a_session_that_ended_is_shown_to_who_comes_later(tmp_path: Path, too_late_s: int) -> None:
    """One whose time was up at that very moment stayed, with the name of who was asked, also after an erasure."""
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        room.desk.known.ask(view.session_id, "unsure")
        assert "ask" in {message.topic for message in room.hub.latest()}
        room.clock.advance(too_late_s)
        await room.desk.stop(view.session_id)
        assert "ask" not in {message.topic for message in room.hub.latest()}


async def test_only_so_many_ended_sessions_are_kept(tmp_path: Path) -> None:
    async with opened_desk(tmp_path, settings=SessionSettings(max_sessions=10)) as room:
        await room.agree("p1")
        for _ in range(13):
            room.clock.advance(1)
            view = await room.desk.start("p1")
        await room.desk._keep()
        assert len(await room.desk.sessions(None, limit=100)) == 10
        assert room.desk.participants()[0].sessions == 10
        assert room.desk.running()[0].session_id == view.session_id


async def test_a_session_that_a_killed_daemon_left_running_ends_when_it_was_last_known_to_run(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened_desk(tmp_path, clock=clock) as room:
        await room.agree("p1")
        view = await room.desk.start("p1", video_id=1)
        room.clock.advance(40)
        await room.desk._keep()
        await room.predict(view.session_id, "p1", 9)
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "sessions", copy)
    shutil.rmtree(tmp_path / "sessions")
    copy.rename(tmp_path / "sessions")
    clock.advance(3600)
    async with opened_desk(tmp_path, clock=clock) as room:
        ended = await room.desk.session(view.session_id)
        assert (ended.reason, ended.end_ms) == ("restarted", view.start_ms + 50_000)
        assert room.desk.running() == []


async def test_the_service_tells_what_the_store_did_not_take_and_says_so_meanwhile(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        refusing = True

        async def append(body: AnyBody, at: Stamp | None = None) -> Record:
            if refusing:
                raise StoreError("the disk is full")
            return await Outbox.append(room.outbox, body, at)

        room.outbox.append = append  # type: ignore[method-assign]
        await room.agree("p1")
        view = await room.desk.start("p1")
        await room.desk.label(view.session_id, [NewLabel(probe="HH")])
        degraded = asyncio.Event()
        room.health.on_change = lambda part: degraded.set() if part.state is State.DEGRADED else None
        working = asyncio.create_task(room.desk.run())
        await degraded.wait()
        refusing = False
        await room.outbox.wait_beyond(2)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert room.desk.pulse.alive
        kinds = [type(record.body).__name__ for _, record in await room.outbox.history(after=0)]
        assert kinds == ["Consent", "Session", "Label"]


async def test_a_damaged_file_is_put_aside_and_goes_with_the_next_erasure(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "sessions.db").write_bytes(b"not a database at all" * 100)
    async with opened_desk(tmp_path) as room:
        assert room.health.of("sessions") is State.DEGRADED
        asides = [path for path in (tmp_path / "sessions").iterdir() if "damaged" in path.name]
        assert len(asides) == 1
        await room.agree("p1")
        await room.desk.erase("p1")
        assert not asides[0].exists()


async def test_a_file_that_is_damaged_in_its_middle_is_put_aside_too(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened_desk(tmp_path, clock=clock) as room:
        await room.agree("p1")
        for name in ("a", "b", "c"):
            await room.desk.start("p1", session_id=name)
            for _ in range(20):
                await room.desk.mark(name, name="x", note="words " * 600, at_ms=None)
    path = tmp_path / "sessions" / "sessions.db"
    data = path.read_bytes()
    path.write_bytes(data[:8192] + bytes(255 - one for one in data[8192:]))
    async with opened_desk(tmp_path, clock=clock) as room:
        assert room.health.of("sessions") is State.DEGRADED
        assert room.desk.participants() == []
        assert list((tmp_path / "sessions").glob("sessions.db.damaged-*"))


async def test_a_session_that_the_disk_could_not_end_ends_later_at_the_moment_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1")
        view = await room.desk.start("p1")
        room.clock.advance(10)

        def refuse(self: Book, kept: object, at: object) -> None:
            raise StoreError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(Book, "put_sessions", refuse)
            with pytest.raises(StoreError):
                await room.desk.consent("p1", given=False, text_sha256="", witness="")
        assert not room.viewings.running()
        room.clock.advance(60)
        await room.desk._keep()
        assert room.desk.running() == []
        ended = await room.desk.session(view.session_id)
        assert (ended.end_ms, ended.reason) == (view.start_ms + 10_000, "withdrawn")
