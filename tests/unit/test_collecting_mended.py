"""Videos whose disk, store or sheets failed in the middle: gone on with, and never at the cost of others."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from contract.messages import File
from edge.collecting.sheets import VideoSheet
from edge.collecting.shelf import Shelf
from edge.core.errors import StoreError
from edge.core.stash import Worth
from tests.support.clock import FakeClock
from tests.support.collecting import WEBM, Client, Room, client_of

CHUNKS = [WEBM + b"a" * 1000, b"b" * 1004]


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a room under the test's clock."""
    async with client_of(Room(tmp_path / "state"), tmp_path) as opened:
        yield opened


async def _offered(client: Client, participant: str | None = "P07") -> str:
    session = await client.begin(participant)
    await client.metadata(session, "v", prompt_id="joy")
    await client.video(session, "v", CHUNKS)
    await client.room.service.round()
    return session


async def test_nobody_was_named_and_yet_they_can_be_erased(client: Client) -> None:
    """By the id of their session, which they know; what S2.1 and S2.6 say stays as it was."""
    session = await _offered(client, None)
    assert "participant" not in (await client.http.post("/api/session/create", json={})).json()
    assert (await client.session(session))["participant"] is None
    assert client.room.ledger.files[0].participant == session
    assert await client.room.service.knows(session)
    assert await client.room.service.erase(session) == 1
    assert not [path for path in client.room.folder.rglob("*") if session in path.name]


async def test_erasing_goes_on_where_the_disk_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a restart too: it is not done before the last byte is gone."""
    session = await _offered(client)

    def refuse(_path: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", refuse)
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output"):
                await client.room.service.erase("P07")
    await client.room.service.erase("P07")
    assert not [path for path in client.room.folder.rglob("*") if session in path.name]


async def test_what_somebody_else_put_among_the_chunks_is_none(client: Client) -> None:
    """It must not end the appliance at each start."""
    session = await client.begin()
    await client.chunk(session, "v", 0, 2, CHUNKS[0])
    (folder,) = client.room.folder.glob("**/v.chunks")
    (folder / ".nfs0000").write_bytes(b"x")
    (folder / "chunk_0001.bak").write_bytes(b"x")
    await client.room.service.round()
    assert (await client.session(session))["uploads"][0]["held"] == [[0, 0]]
    assert (await client.chunk(session, "v", 1, 2, CHUNKS[1])).json()["status"] == "video_complete"


async def test_what_a_repair_of_the_store_dropped_is_offered_again(client: Client) -> None:
    """Else it would never be sent."""
    await _offered(client)
    ledger = client.room.ledger
    ledger.queued.clear()
    ledger.bodies.clear()
    room = client.room.again()
    await room.service.round()
    room.collector.close()
    assert [file.about["prompt_id"] for file in ledger.files] == ["joy"]
    assert list(ledger.queued) == [ledger.files[0].file_id]


async def test_a_full_disk_keeps_its_reserve_and_the_video_is_made_later(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To put it together needs as much again; nobody has to send its last chunk once more."""
    session, room = await client.begin(), client.room
    await client.metadata(session, "v", prompt_id="joy")
    await client.chunk(session, "v", 0, 2, CHUNKS[0])
    reserve = room.settings.reserve_mib << 20
    shelf = type(room.collector.shelf)
    with monkeypatch.context() as patch:
        patch.setattr(shelf, "free_bytes", lambda _shelf: reserve + 1500)
        assert (await client.chunk(session, "v", 1, 2, CHUNKS[1])).status_code == 507
        with pytest.raises(StoreError, match="no room"):
            await room.service.round()
    assert (await client.session(session))["uploads"][0]["received"] == 2
    assert isinstance(room.clock, FakeClock)
    room.clock.advance(301)
    await room.service.round()
    await room.service.round()
    assert [one.size_bytes for one in room.ledger.bodies if isinstance(one, File)] == [sum(map(len, CHUNKS))]


async def test_one_that_cannot_be_put_together_holds_up_no_other(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill: a chunk that a bad card does not give back is one video's trouble."""
    session, shelf = await client.begin(), client.room.collector.shelf
    for video in ("bad", "good", "worse"):
        await client.chunk(session, video, 0, 2, CHUNKS[0])
        sheet = shelf.video(session, video)
        assert sheet
        shelf.chunk(sheet, 1).write_bytes(CHUNKS[1])
        if video != "good":
            shelf.chunk(sheet, 0).unlink()
            shelf.chunk(sheet, 0).mkdir()
    room = client.room.again()
    with pytest.raises(IsADirectoryError):
        await room.service.round()
    room.collector.close()
    assert {sheet.video_id for sheet in shelf.videos(session) if sheet.step == "whole"} == {"good"}


async def test_metadata_and_sessions_leave_the_reserve_alone(client: Client) -> None:
    """S2.8: a full disk is 507, also for what is small."""
    session = await client.begin()
    client.room.roomy = False
    assert (await client.metadata(session, "v", prompt_id="joy")).status_code == 507
    assert (await client.http.post("/api/session/create", json={})).status_code == 507


async def test_a_disk_that_refuses_when_a_file_has_arrived_ends_nobody(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The uploader tells of it: it is noted at the next round, and there goes nothing that was erased meanwhile."""
    for participant in ("P07", "P08"):
        await _offered(client, participant)
    room = client.room

    def refuse(_shelf: Shelf, _sheet: VideoSheet) -> VideoSheet:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "note", refuse)
        for file in room.ledger.files:
            await room.stash.mark_uploaded(file.file_id)
        with pytest.raises(OSError, match="Input/output"):
            await room.service.round()
    await room.service.erase("P08")
    await room.service.round()
    assert [one.worth for one in room.stash.holdings()] == [Worth.UPLOADED]
