"""Erasing a participant: no byte of them is left in any file of the device, and the cloud is told."""

import dataclasses
from pathlib import Path

import pytest
from msgspec.structs import replace

from contract.messages import Erasure, File, Label, Loss, Recording
from contract.sessions import NewLabel
from edge.affect.sessions.book import Book
from edge.core.errors import RecordInvalidError, RefusedError, StoreError, UnknownError
from edge.outbox.store import Outbox
from tests.support.clock import FakeClock
from tests.support.outboxes import recording
from tests.support.sessions_room import SessionsRoom, opened_desk

MARK = "unmistakable-words"


def _bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def _lived(room: SessionsRoom) -> list[str]:
    """Two participants with two sessions each, of which the first one's last runs on; the ids of the first one's."""
    await room.agree("p1", "p2")
    await room.desk.put_participant("p1", sensor="left", note=MARK)
    found = []
    for round_ in range(2):
        for person in ("p1", "p2"):
            room.clock.advance(1)
            view = await room.desk.start(person, video_id=1)
            words = MARK if person == "p1" else "other-words"
            await room.desk.label(view.session_id, [NewLabel(probe="HH", label_id=f"{words}-{round_}", stimulus_ms=1)])
            await room.desk.mark(view.session_id, name="note", note=words * 300, at_ms=None)
            await room.predict(view.session_id, person, features={words: 1.0})
            await room.desk.tell()
            found += [view.session_id] if person == "p1" else []
    return found


async def test_no_byte_of_an_erased_participant_is_left(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        sessions = await _lived(room)
        assert MARK.encode() in _bytes_of(tmp_path)
        erasure = await room.desk.erase("p1")
        assert MARK.encode() not in _bytes_of(tmp_path)
        assert b"other-words" in _bytes_of(tmp_path)
        assert sorted(erasure.sessions) == sorted(sessions)
        assert erasure.records > 10
        assert [one.id for one in room.desk.participants()] == ["p2"]
        assert [view.participant for view in room.desk.running()] == ["p2"]
        assert room.desk.consensus.shares("video-1", 1, but_of="p2") is None
        told = await room.bodies(Erasure)
        assert [one.participant for one in told if isinstance(one, Erasure)] == ["p1"]
        waiting = await room.outbox.pending()
        assert [one.seq for one in waiting] == list(range(1, len(waiting) + 1))
        with pytest.raises(UnknownError):
            await room.desk.session(sessions[0])
        with pytest.raises(UnknownError):
            await room.desk.erase("p1")
        assert not [one for one in room.hub.latest() if one.data.get("session_id") in sessions]
    assert MARK.encode() not in _bytes_of(tmp_path)


async def test_what_comes_late_of_an_erased_participant_is_not_kept(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        sessions = await _lived(room)
        await room.desk.erase("p1")
        with pytest.raises(RecordInvalidError):
            await room.predict(sessions[-1], "p1", features={MARK: 1.0})
        await room.agree("p1")
        with pytest.raises(RefusedError, match="was erased"):
            await room.desk.start("p1", session_id=sessions[0])
        fresh = await room.desk.start("p1", video_id=1)
        assert await room.desk.label(fresh.session_id, [NewLabel(probe="LL")]) == 1
        assert len([body for body in await room.bodies(Label) if isinstance(body, Label)]) == 3


async def test_an_erasure_that_the_store_did_not_follow_is_gone_on_with_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    async with opened_desk(tmp_path, clock=clock) as room:
        await _lived(room)

        async def refuse(self: Outbox, participant: str, sessions: list[str]) -> int:
            raise StoreError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(Outbox, "erase", refuse)
            with pytest.raises(StoreError):
                await room.desk.erase("p1")
        assert [one.id for one in room.desk.participants()] == ["p2"]
    async with opened_desk(tmp_path, clock=clock) as room:
        await room.desk._erasing.resume()
        assert MARK.encode() not in _bytes_of(tmp_path)
        assert len(await room.bodies(Erasure)) == 1
        assert [one for one in await room.bodies(Loss) if isinstance(one, Loss) and one.reason == "erased on request"]


async def test_nobody_comes_back_while_they_are_being_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the rest of the erasing would take what is new as well."""
    async with opened_desk(tmp_path) as room:
        await _lived(room)
        erase, refused = Outbox.erase, list[str]()

        async def come_back(self: Outbox, participant: str, sessions: list[str]) -> int:
            for attempt in (
                room.desk.start("p1", video_id=1, external=True),
                room.desk.put_participant("p1", sensor=None, note=""),
            ):
                with pytest.raises(RefusedError, match="being erased"):
                    await attempt
                refused.append(participant)
            return await erase(self, participant, sessions)

        with monkeypatch.context() as patch:
            patch.setattr(Outbox, "erase", come_back)
            await room.desk.erase("p1")
        assert refused == ["p1", "p1"]
        assert (await room.desk.start("p1", video_id=1, external=True)).participant == "p1"


async def test_nobody_comes_back_before_an_erasure_that_was_cut_short_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    async with opened_desk(tmp_path, clock=clock) as room:
        await _lived(room)

        async def refuse(self: Outbox, participant: str, sessions: list[str]) -> int:
            raise StoreError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(Outbox, "erase", refuse)
            with pytest.raises(StoreError):
                await room.desk.erase("p1")
    async with opened_desk(tmp_path, clock=clock) as room:
        with pytest.raises(RefusedError, match="being erased"):
            await room.desk.start("p1", video_id=1, external=True)
        await room.desk._erasing.resume()
        assert await room.desk.start("p1", video_id=1, external=True)


async def test_a_session_that_was_erased_while_it_was_counted_is_not_shown_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_desk(tmp_path) as room:
        sessions = await _lived(room)
        count = Outbox.count_of_subject

        async def slowly(self: Outbox, subject: str, *, kind: str) -> int:
            found = await count(self, subject, kind=kind)
            if subject == sessions[-1]:
                await room.desk.erase("p1")
            return found

        with monkeypatch.context() as patch:
            patch.setattr(Outbox, "count_of_subject", slowly)
            await room.desk._floor.count_segments()
        assert not [one for one in room.hub.latest() if one.data.get("session_id") in sessions]


async def test_an_erasure_that_the_store_has_not_taken_outlives_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_desk(tmp_path) as room:
        first = await _lived(room)
        await room.desk.erase("p1")
        await room.agree("p1")
        await room.desk.erase("p1")
        told = [one for one in await room.bodies(Erasure) if isinstance(one, Erasure)]
        assert [sorted(one.sessions) for one in told] == [sorted(first), []]


async def test_an_erasure_whose_journal_could_not_be_cut_is_gone_on_with_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the file has lost, memory must lose too."""
    async with opened_desk(tmp_path) as room:
        await _lived(room)

        def refuse(self: Book) -> None:
            raise StoreError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(Book, "_empty_journal", refuse)
            with pytest.raises(StoreError):
                await room.desk.erase("p1")
            await room.desk.put_participant("p1", sensor=None, note=MARK)
        await room.desk._erasing.resume()
        assert [one.id for one in room.desk.participants()] == ["p2"]
        assert [view.participant for view in room.desk.running()] == ["p2"]
        assert room.desk.consensus.shares("video-1", 1, but_of="p2") is None
        assert MARK.encode() not in _bytes_of(tmp_path)
        assert len(await room.bodies(Erasure)) == 1


async def test_the_files_of_an_erased_participant_are_sent_no_more_and_their_records_go(tmp_path: Path) -> None:
    async with opened_desk(tmp_path) as room:
        await room.agree("p1", "p2")
        views = {person: await room.desk.start(person, video_id=1) for person in ("p1", "p2")}
        for person, view in views.items():
            path = tmp_path / person
            path.write_bytes(b"signals")
            file = File(
                file_id=f"sf-{person}",
                phase="closed",
                purpose="session",
                name="signals.csv",
                key=f"sessions/bench-1/{view.session_id}/signals.csv",
                size_bytes=7,
                sha256="0" * 64,
                session_id=view.session_id,
                participant=person,
            )
            await room.outbox.uploads.offer(file, path)
            film = replace(recording(f"rec-{person}", b"film"), reason="session", session_id=view.session_id)
            await room.outbox.append(film)
            await room.outbox.uploads.add(f"rec-{person}", path)
        await room.outbox.uploads.begin("sf-p1", "upload-1", 5 << 20)
        await room.desk.erase("p1")
        told = [record.body for _, record in await room.outbox.history(after=0)]
        assert [one.file_id for one in told if isinstance(one, File)] == ["sf-p2"]
        assert [one.recording_id for one in told if isinstance(one, Recording)] == ["rec-p2"]
        assert {one.id for one, _ in await room.outbox.uploads.listing(10)} == {"sf-p2", "rec-p2"}
        names = [name for _, name in await room.outbox.uploads.strays()]
        assert names == ["", "", "upload-1"], "nor is anything left of them in object storage"


class _BrokenRoom:
    """Another room whose disk refuses."""

    def __init__(self) -> None:
        self.broken = True

    async def knows(self, participant: str) -> bool:
        """Everybody."""
        if self.broken:
            raise OSError(5, "Input/output error", participant)
        return True

    async def erase(self, participant: str) -> int:
        """One file of each."""
        await self.knows(participant)
        return 1


async def test_another_room_whose_disk_refuses_ends_nothing_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure stays begun; what is expected to fail must not end the appliance at each start."""
    async with opened_desk(tmp_path) as room:
        await _lived(room)
        elsewhere = _BrokenRoom()
        monkeypatch.setattr(room.desk._room, "needs", dataclasses.replace(room.desk._room.needs, elsewhere=elsewhere))
        with pytest.raises(StoreError, match="cannot be looked through"):
            await room.desk.erase("p1")
        elsewhere.broken = False
        await room.desk._room.call(room.desk._room.book.begin_erasing, "p1")
        elsewhere.broken = True
        with pytest.raises(StoreError, match="tried again"):
            await room.desk._erasing.resume()
        elsewhere.broken = False
        await room.desk._erasing.resume()
        assert MARK.encode() not in _bytes_of(tmp_path)
