"""What becomes of collected videos without anybody asking: told of once, sent on, evicted with their loss, erased."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from edge.collecting.settings import CollectSettings
from edge.core.errors import StoreError
from edge.core.health import State
from edge.core.stash import Worth
from tests.support.clock import FakeClock
from tests.support.collecting import WEBM, Client, Room, client_of

CHUNKS = [WEBM + b"a" * 1000, b"b" * 1004]
HOUR = 3600


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a room under the test's clock."""
    async with client_of(Room(tmp_path / "state"), tmp_path) as opened:
        yield opened


def clock_of(room: Room) -> FakeClock:
    """Its clock."""
    assert isinstance(room.clock, FakeClock)
    return room.clock


async def offered(client: Client, *, participant: str | None = "P07", video: str = "v") -> str:
    """A session with one video that was told of."""
    session = await client.begin(participant)
    await client.metadata(session, video, prompt_id="joy", duration=2.5)
    await client.video(session, video, CHUNKS)
    await client.room.service.round()
    return session


async def test_video_is_told_of_with_its_metadata(client: Client) -> None:
    """S2.5, X.12: a `File` record with its key in object storage, its person and what it is."""
    session = await offered(client)
    (file,) = client.room.ledger.files
    assert (file.phase, file.purpose, file.participant, file.session_id) == ("closed", "collected", "P07", session)
    assert file.key == f"collected/gate-1/{session}/v.webm"
    assert file.content_type == "video/webm"
    assert file.size_bytes == sum(map(len, CHUNKS))
    assert file.about == {"video_type": "recording", "prompt_id": "joy", "duration": "2.5"}
    assert client.room.ledger.queued[file.file_id].read_bytes() == b"".join(CHUNKS)


async def test_waits_for_metadata_a_while(client: Client) -> None:
    """Clients send them after the video; one that never does is not waited for longer than that."""
    session = await client.begin()
    await client.video(session, "v", CHUNKS)
    await client.room.service.round()
    assert not client.room.ledger.files
    await client.metadata(session, "v", prompt_id="late")
    await client.room.service.round()
    assert client.room.ledger.files[0].about["prompt_id"] == "late"
    await client.video(session, "w", CHUNKS)
    clock_of(client.room).advance(61)
    await client.room.service.round()
    assert client.room.ledger.files[1].about == {"video_type": "recording"}


async def test_metadata_that_come_late(client: Client) -> None:
    """After the record: a newer one says them, once, when the upload can no longer say the old ones over it."""
    session, room, ledger = await offered(client), client.room, client.room.ledger
    await client.metadata(session, "v", prompt_id="sorrow")
    await room.service.round()
    assert [file.phase for file in ledger.files] == ["closed"]
    await room.stash.mark_uploaded(ledger.files[0].file_id)
    for _ in range(2):
        await room.service.round()
        room = room.again()
        await room.service.round()
    room.collector.close()
    told = [(file.phase, file.about["prompt_id"]) for file in ledger.files]
    assert told == [("closed", "joy"), ("uploaded", "sorrow")]


async def test_told_once_over_restarts(client: Client) -> None:
    """A kill before or after the record changes nothing: told once, and what was not told is told by the next run."""
    session = await client.begin()
    await client.metadata(session, "v", prompt_id="joy")
    await client.video(session, "v", CHUNKS)
    room = client.room
    for _ in range(3):
        room = room.again()
        await room.service.round()
        await room.service.round()
    room.collector.close()
    assert len(room.ledger.files) == 1


async def test_all_chunks_held_but_not_put_together(client: Client) -> None:
    """A kill between the last chunk and its answer: the next run puts the video together by itself."""
    session = await client.begin()
    await client.chunk(session, "v", 0, 2, CHUNKS[0])
    shelf = client.room.collector.shelf
    sheet = shelf.video(session, "v")
    assert sheet is not None
    shelf.chunk(sheet, 1).write_bytes(CHUNKS[1])
    room = client.room.again()
    await room.service.round()
    room.collector.close()
    whole = shelf.video(session, "v")
    assert whole is not None
    assert whole.step == "whole"
    assert shelf.path(whole).read_bytes() == b"".join(CHUNKS)


async def test_what_a_kill_left_half_made_is_cleared(client: Client) -> None:
    """Drafts of chunks, sheets and videos, and the chunks of a video that was just put together."""
    session = await offered(client)
    home = client.room.folder / "facial_recordings" / session
    kept = sorted(home.iterdir())
    (home / ".v.webm.draft").write_bytes(b"half")
    (home / ".session.json.1234").write_bytes(b"{")
    (home / "v.chunks").mkdir()
    (home / "v.chunks" / "chunk_0000").write_bytes(b"x")
    (home.parent / ".drafts" / "draft-1").write_bytes(b"x")
    room = client.room.again()
    await room.service.round()
    room.collector.close()
    assert sorted(home.iterdir()) == kept
    assert not (home.parent / ".drafts").exists()


async def test_store_that_refuses(client: Client) -> None:
    """It waits, says so, and goes on."""
    client.room.ledger.broken = True
    session = await client.begin()
    await client.metadata(session, "v")
    await client.video(session, "v", CHUNKS)
    with pytest.raises(StoreError):
        await client.room.service.round()
    client.room.ledger.broken = False
    await client.room.service.round()
    assert len(client.room.ledger.files) == 1


async def test_service_runs_until_cancelled(tmp_path: Path) -> None:
    """Its health and its pulse; its threads end with it."""
    room, up = Room(tmp_path / "state"), asyncio.Event()
    room.health.on_change = lambda part: up.set() if part.state is State.OK else None
    running = asyncio.create_task(room.service.run())
    await up.wait()
    assert room.service.pulse.alive
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert room.health.of("collect") is State.STOPPED
    with pytest.raises(StoreError, match="stopping"):
        await room.collector.create(None)


async def test_eviction_of_what_is_uploaded(client: Client) -> None:
    """Confirmed: it may go first, without a loss; the session still knows it, and a late chunk hears the same."""
    session = await offered(client)
    (file,) = client.room.ledger.files
    (before,) = client.room.stash.holdings()
    assert (before.worth, before.kind, before.size_bytes) == (Worth.EVENT_VIDEO, "collected", file.size_bytes)
    await client.room.stash.mark_uploaded(file.file_id)
    await client.room.stash.mark_uploaded("file-unknown")
    (holding,) = client.room.stash.holdings()
    assert holding.worth is Worth.UPLOADED
    await client.room.stash.evict(holding)
    await client.room.stash.evict(holding)
    assert client.room.stash.holdings() == []
    assert client.room.ledger.losses == []
    assert (await client.session(session))["videos"][0]["state"] == "uploaded"
    assert (await client.chunk(session, "v", 1, 2, CHUNKS[1])).json()["status"] == "video_complete"


async def test_eviction_before_the_upload(client: Client) -> None:
    """Nowhere else: the loss is durable first, once, and the upload forgotten."""
    session = await offered(client)
    (holding,) = client.room.stash.holdings()
    client.room.ledger.broken = True
    with pytest.raises(StoreError):
        await client.room.stash.evict(holding)
    assert list(client.room.folder.glob("**/v.webm"))
    client.room.ledger.broken = False
    room = client.room.again()
    await room.service.round()
    await room.stash.evict(holding)
    room.collector.close()
    (loss,) = room.ledger.losses
    assert (loss.what, loss.file_id, loss.size_bytes) == ("file", holding.id, holding.size_bytes)
    assert not room.ledger.queued
    assert not list(room.folder.glob("**/v.webm"))
    shelf = room.collector.shelf
    assert [sheet.step for sheet in shelf.videos(session)] == ["lost"]


async def test_used_bytes_and_order(client: Client) -> None:
    """What is still coming in counts too; the order grows with each thing, over restarts."""
    session = await offered(client)
    used = client.room.stash.used_bytes()
    await client.chunk(session, "w", 0, 2, b"x" * 5000)
    assert client.room.stash.used_bytes() >= used + 5000
    assert len(client.room.stash.holdings()) == 1
    room = client.room.again()
    clock_of(room).jump_wall(-1_000_000)
    made = await room.collector.create(None)
    room.collector.close()
    assert room.collector.shelf.session(made.session_id).order > client.room.stash.holdings()[0].order


async def test_erasure(client: Client) -> None:
    """Everything of a person, whole or not, sent or not, by the id or what the client called them; others stay."""
    name = "Ada Lovelace"
    mine, other = await offered(client, participant=name), await offered(client, participant="P08")
    await client.chunk(mine, "half", 0, 2, b"x")
    assert await client.room.service.erase(name) == 2
    assert await client.room.service.erase(name) == 0
    assert (await client.http.get(f"/api/session/{mine}")).status_code == 404
    assert (await client.chunk(mine, "half", 1, 2, b"y")).status_code == 404
    assert (await client.session(other))["videos"]
    assert len(client.room.ledger.queued) == 1
    assert not [path for path in client.room.folder.rglob("*") if mine in path.name]


async def test_erasure_cut_off(client: Client) -> None:
    """What a kill left of an erased session is deleted at the next start, and is nowhere to be seen before."""
    session = await offered(client)
    root = client.room.folder / "facial_recordings"
    (root / session).rename(root / f".doomed-{session}-x")
    room = client.room.again()
    await room.service.round()
    room.collector.close()
    assert not [path for path in room.folder.rglob("*") if session in path.name]


async def test_abandoned_uploads_expire(tmp_path: Path) -> None:
    """Counted in hours that the appliance ran; a clock that leaps makes nothing old; the loss is told."""
    room = Room(tmp_path / "state", settings=CollectSettings(abandoned_hours=3))
    async with client_of(room, tmp_path) as client:
        whole, half, empty = await offered(client), await client.begin(), await client.begin()
        await client.chunk(half, "v", 0, 2, CHUNKS[0])
        clock_of(room).jump_wall(10_000 * HOUR)
        for _ in range(3):
            await _hour(room)
        await client.chunk(half, "v", 0, 2, CHUNKS[0])
        assert not room.ledger.losses
        assert (await client.http.get(f"/api/session/{empty}")).status_code == 404
        for _ in range(4):
            await _hour(room)
        (loss,) = room.ledger.losses
        assert (loss.what, loss.size_bytes) == ("file", len(CHUNKS[0]))
        assert (await client.http.get(f"/api/session/{half}")).status_code == 404
        assert (await client.session(whole))["videos"]
        assert room.collector.tally.waiting_bytes == sum(map(len, CHUNKS))


async def _hour(room: Room) -> None:
    clock_of(room).advance(HOUR)
    await room.service.round()


async def test_metadata_of_any_kind_are_bounded(client: Client) -> None:
    """What goes into a record is short and printable, whatever a browser sends; the device keeps what was sent."""
    session = await client.begin()
    odd = {f"n{number}": "x\x00\n" + "y" * 1000 for number in range(40)} | {"nested": {"a": [1, None]}}
    await client.metadata(session, "v", **odd)
    await client.video(session, "v", CHUNKS)
    await client.room.service.round()
    about = client.room.ledger.files[0].about
    assert len(about) == 24
    assert all(len(name) <= 200 and len(text) <= 200 and text.isprintable() for name, text in about.items())
    assert (await client.metadata(session, "v", text="z" * 70_000)).status_code == 413
