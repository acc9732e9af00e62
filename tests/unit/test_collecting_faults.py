"""What a power cut or a failing card leaves on the shelf: one bad item ends no run and holds up no other."""

import errno
from collections.abc import AsyncIterator, Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from contract.messages import File, Record
from edge.collecting.sheets import VideoSheet
from edge.core.errors import RecordInvalidError
from edge.core.health import State
from edge.outbox.rows import why_invalid
from tests.support.clock import FakeClock
from tests.support.collecting import WEBM, Client, Room, client_of
from tests.support.damaged_files import changed, dangling, folder, saying

CHUNKS: Final = [WEBM + b"a" * 1000, b"b" * 1004]
VIDEOS: Final = ("a", "bad", "z")


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a room under the test's clock."""
    async with client_of(Room(tmp_path / "state"), tmp_path) as opened:
        yield opened


DAMAGES: Final = {
    "empty": changed(lambda _: b""),
    "cut": changed(lambda sheet: sheet[: len(sheet) // 2]),
    "zeros": changed(lambda sheet: bytes(len(sheet))),
    "no-utf8": changed(lambda sheet: sheet.replace(b'":"', b'":"\xff')),
    "nested": changed(lambda _: b'{"x":' + b"[" * 200_000),
    "list": changed(lambda _: b"[]"),
    "types": saying(order="one", session_id=None),
    "far": saying(order=2**70, begun_ms=2**70, made_ms=2**70, done_ms=2**70),
    "negative": saying(total_chunks=-5, size_bytes=-1, order=-1, idle_hours=-(2**70)),
    "digest": saying(sha256="no digest"),
    "extension": saying(extension="../../x"),
    "nul": saying(extension="\0", told="\0", video_type="\0"),
    "other-name": saying(video_id="other"),
    "other-session": saying(session_id="other"),
    "folder": folder,
    "dangling": dangling,
}


def clock_of(room: Room) -> FakeClock:
    """Its clock."""
    assert isinstance(room.clock, FakeClock)
    return room.clock


async def _filled(client: Client, videos: Iterable[str] = VIDEOS) -> tuple[str, Path]:
    """A session with whole videos that nobody was told of yet."""
    session = await client.begin()
    for video in videos:
        await client.metadata(session, video, prompt_id="joy")
        await client.video(session, video, CHUNKS)
    return session, client.room.collector.shelf.folder / session


def _strict(room: Room, why: Callable[[File], str] = why_invalid) -> list[str]:
    """From now on the ledger refuses what breaks the contract, as the store does; how often it did."""
    refused: list[str] = []
    take = room.ledger.offer

    async def offer(file: File, path: Path) -> Record:
        if error := why(file):
            refused.append(error)
            raise RecordInvalidError(error)
        return await take(file, path)

    room.ledger.offer = offer  # type: ignore[method-assign]
    return refused


@pytest.mark.parametrize("ending", ["upload.json", "metadata.json"])
async def test_damaged_sheets_end_nothing_and_hold_up_no_other(client: Client, ending: str) -> None:
    session, home = await _filled(client, ["a", *DAMAGES, "z"])
    for video, damage in DAMAGES.items():
        damage(home / f"{video}.{ending}")
    refused = _strict(client.room)
    room = client.room.again()
    for _ in range(3):
        await _round(room)
    assert room.health.of("collect") is State.OK
    assert {"a.webm", "z.webm"} <= {file.name for file in room.ledger.files}
    assert not refused
    room.stash.holdings()
    room.stash.used_bytes()
    assert (await room.collector.session(session)).videos
    await room.service.erase("P07")
    assert not home.exists()
    room.collector.close()


async def test_damaged_sessions_end_nothing_and_hold_up_no_other(client: Client) -> None:
    for damage in DAMAGES.values():
        _, home = await _filled(client, ["v"])
        damage(home / "session.json")
    session, _ = await _filled(client, ["v"])
    room = client.room.again()
    await _round(room)
    assert [file.name for file in room.ledger.files if file.session_id == session] == ["v.webm"]
    clock_of(room).advance(3600)
    await _round(room)
    assert room.health.of("collect") is State.OK
    room.stash.holdings()
    assert (await room.collector.create("P08")).participant == "P08"
    room.collector.close()


async def test_a_video_that_no_record_can_tell_of_is_told_of_once(client: Client) -> None:
    """Each attempt would leave a `Loss` of its own in the store, every five seconds."""
    await _filled(client, ["v"])
    refused = _strict(client.room, lambda _: "it breaks the contract")
    room = client.room.again()
    for _ in range(3):
        await _round(room)
    assert len(refused) == 1
    room.collector.close()


async def test_what_the_disk_does_not_give_for_now_is_not_begun_anew(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk that is sent again while no file can be opened: the whole video is still whole after it."""
    session, home = await _filled(client)
    before = (home / "a.upload.json").read_bytes()
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "a.upload.json":
            raise OSError(errno.EMFILE, "too many open files")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    answer = await client.chunk(session, "a", 0, 2, CHUNKS[0])
    assert answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    with pytest.raises(OSError, match="too many"):
        await client.room.collector.run(lambda: list(client.room.collector.shelf.videos()))
    monkeypatch.undo()
    assert (home / "a.upload.json").read_bytes() == before


async def test_strange_things_in_the_folder_stop_nothing(client: Client) -> None:
    session, home = await _filled(client)
    (home / ".Trash").mkdir()
    (home / "b.chunks").write_bytes(b"a file where a folder is")
    (home / "a.chunks").mkdir()
    (home.parent / "lost+found").mkdir()
    (home.parent / "a file").write_bytes(b"x")
    (home.parent / "loop").symlink_to("loop")
    room = client.room.again()
    await _round(room)
    assert len(room.ledger.files) == len(VIDEOS)
    assert len((await room.collector.session(session)).videos) == len(VIDEOS)
    room.collector.close()


async def test_a_video_that_cannot_be_noted_holds_up_none_behind_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, home = await _filled(client)
    note = type(client.room.collector.shelf).note

    def refuse(shelf: object, sheet: VideoSheet) -> VideoSheet:
        if sheet.video_id == "a":
            raise OSError(errno.EIO, "I/O error")
        return note(shelf, sheet)  # type: ignore[arg-type]

    monkeypatch.setattr(type(client.room.collector.shelf), "note", refuse)
    for _ in range(2):
        with pytest.raises(OSError, match="I/O"):
            await client.room.service.round()
    monkeypatch.undo()
    assert b"offered" in (home / "z.upload.json").read_bytes()
    await client.room.service.round()
    assert sorted(file.name for file in client.room.ledger.files) == ["a.webm", "bad.webm", "z.webm"]


async def _round(room: Room) -> None:
    """One round as the service does it: what is refused for now is tried again."""
    await room.service._try_round()
