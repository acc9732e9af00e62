"""What a card or a person may leave in the folder of recordings: nothing of it holds up what looks through it."""

import asyncio
import errno
import hashlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.messages import AnyBody, Loss, Record
from edge.core.clock import Stamp
from edge.core.errors import RecordInvalidError, StoreDelayedError
from edge.outbox.rows import why_invalid
from edge.recording import aside as set_aside
from edge.recording import inscription as telling
from edge.recording.boxes import Read
from edge.recording.ledger import tell
from edge.recording.orphans import orphans
from edge.recording.retention.spool import SpoolStash
from edge.recording.salvage import salvage
from edge.recording.sidecar import read_sidecar
from edge.recording.spool import Spool
from tests.support.orphan_stage import OrphanStage
from tests.support.sinks import MemorySink


class _Store(MemorySink):
    """As the real one: takes nothing that breaks the contract; while `late`, what it takes waits for the disk."""

    late = False

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Keep `body`."""
        if error := why_invalid(body):
            await super().append(Loss(what="records", reason=error, count=1))
            raise RecordInvalidError(error)
        record = await super().append(body, at)
        if self.late:
            raise StoreDelayedError("it waits for the disk")
        return record


class _Box(OrphanStage):
    sink: _Store

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _Store())


@pytest.mark.parametrize("name", [b"\xe9t\xe9.mp4", b"x" * 250 + b".mp4", "ü".encode() * 120 + b".mp4"])
async def test_a_name_that_no_record_takes_or_that_is_long_is_told_once_and_set_aside(
    tmp_path: Path, name: bytes
) -> None:
    box = _Box(tmp_path)
    (box.home / os.fsdecode(name)).write_bytes(b"sea")
    for _ in range(2):
        assert await box.service._try(box.service.look)
    assert [(one.what, one.count) for one in box.sink.losses()] == [("file", 0)]
    (held,) = box.aside.holdings()
    await box.aside.evict(held)
    assert box.aside.files() == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling"])
async def test_what_is_no_file_in_the_place_of_a_video_is_set_aside(tmp_path: Path, kind: str) -> None:
    box = _Box(tmp_path)
    _put(box.home / "rec-1.mp4", kind)
    assert await box.service._try(box.service.look)
    assert list(box.home.iterdir()) == []
    assert [one.recording_id for one in box.sink.losses()] == ["rec-1"]


def _put(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")


def test_no_pipe_in_the_place_of_a_note_is_waited_at_and_no_endless_one_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "front").mkdir()
    note = tmp_path / "front" / "rec-1.json"
    os.mkfifo(note)
    assert read_sidecar(note) is None
    note.unlink()
    note.symlink_to("/dev/zero")
    assert read_sidecar(note) is None


async def test_a_header_that_the_card_does_not_give_back_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad sector is an error of reading; an erasure must not wait for it for ever."""
    box = _Box(tmp_path)
    box.recorded("rec-1").write_bytes(b"")
    monkeypatch.setattr("edge.recording.orphans.read_inscription", _bad_sector)
    assert await box.service.clear() == 2
    assert [one.recording_id for one in box.sink.losses()] == ["rec-1"]


def _bad_sector(_path: Path) -> None:
    raise OSError(5, "Input/output error")


def test_without_a_handle_to_read_with_no_note_is_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = _Box(tmp_path)
    box.recorded("rec-1")
    monkeypatch.setattr(os, "open", _no_handles)
    with pytest.raises(OSError, match="Too many open files"):
        list(orphans(box.spool))


def _no_handles(*_: object) -> int:
    raise OSError(24, "Too many open files")


async def test_what_cannot_be_moved_away_is_told_of_once_over_all_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of root's, a mount point."""
    box = _Box(tmp_path)
    (box.home / "Our holidays.mp4").mkdir()
    monkeypatch.setattr(set_aside.AsideFolder, "take", _busy)
    for _ in range(3):
        assert not await box.service._try(box.service.look)
    assert [(one.what, one.count) for one in box.sink.losses()] == [("file", 0)]


def _busy(*_where: object, **_how: object) -> None:
    raise OSError(16, "Device or resource busy")


async def test_while_the_disk_is_full_nothing_is_put_into_the_line_again_and_again(tmp_path: Path) -> None:
    box = _Box(tmp_path)
    (box.home / "Our holidays.mp4").write_bytes(b"sea")
    box.recorded("rec-1").write_bytes(b"")
    assert await box.service._try(box.service.look)
    (held,) = box.aside.holdings()
    box.sink.late = True
    for _ in range(3):
        await box.aside.evict(held)
    assert len([one for one in box.sink.losses() if one.count]) == 1
    assert box.aside.files() == []


async def test_what_was_set_aside_and_cannot_be_deleted_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sweep told of it anew: 17,280 records a day."""
    box = _Box(tmp_path)
    (box.home / "Our holidays.mp4").write_bytes(b"sea")
    assert await box.service._try(box.service.look)
    (held,) = box.aside.holdings()
    monkeypatch.setattr(Path, "unlink", _busy)
    for _ in range(3):
        with pytest.raises(OSError, match="busy"):
            await box.aside.evict(held)
    assert len([one for one in box.sink.losses() if one.count]) == 1


async def test_that_a_note_was_made_anew_is_said_once_however_often_the_rest_is_refused(tmp_path: Path) -> None:
    box = _Box(tmp_path)
    box.recorded("rec-1").write_bytes(b"")
    box.refuse_uploads = True
    for _ in range(4):
        assert not await box.service._try(box.service.look)
    assert [one.count for one in box.sink.losses()] == [0]


async def test_a_whole_video_of_which_no_fragment_can_be_read_is_set_aside_and_not_deleted(tmp_path: Path) -> None:
    box = _Box(tmp_path)
    video = box.recorded("rec-1").with_suffix(".mp4")
    data = bytearray(video.read_bytes())
    at = data.find(b"moof")
    data[at - 4 : at + 4] = bytes(8)
    video.write_bytes(data)
    video.with_suffix(".json").write_bytes(b"")
    await box.orphanage.rebuild_all()
    for entry in list(box.spool.entries("front")):
        await tell(box.teller, box.spool, salvage(box.spool, entry.sidecar))
    await box.service.look()
    assert [one.recording_id for one in box.sink.losses() if one.count] == ["rec-1"]
    assert len(box.aside.files()) == 2


async def test_one_note_that_cannot_be_deleted_does_not_end_what_keeps_the_disk_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = _Box(tmp_path)
    video = box.recorded("rec-1").with_suffix(".mp4")
    note = read_sidecar(video.with_suffix(".json"))
    assert note
    box.spool.advance(note, "uploaded")
    video.unlink()
    stash = SpoolStash(box.spool, sink=box.sink, known=box.sink.known, on_evicted=box.forget)
    monkeypatch.setattr(Spool, "discard", _busy)
    await stash.reconcile()


async def test_what_is_refused_again_and_again_is_looked_for_ever_more_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look reads every note of the card."""
    box, looks = _Box(tmp_path), list[int]()

    def looked(_spool: Spool) -> list[object]:
        looks.append(box.clock.mono_ns())
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("edge.recording.orphanage.orphans", looked)
    running = asyncio.create_task(box.service.run())
    while box.clock.mono_ns() < 3600 * 10**9:  # noqa: ASYNC110 - time stands still but for its sleep
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert 5 < len(looks) < 20


@given(st.binary(max_size=600))
def test_no_header_makes_the_reader_raise_or_read_much(data: bytes) -> None:
    asked: list[int] = []
    found = telling._comment(_counting(data, asked), len(data))
    assert found in data
    assert len(asked) < 1000


def test_a_file_of_small_boxes_is_not_read_to_its_end() -> None:
    asked: list[int] = []
    data = (b"\0\0\0\x08free") * 100_000
    assert telling._comment(_counting(data, asked), len(data)) == b""
    assert len(asked) < 1000


def _counting(data: bytes, asked: list[int]) -> Read:
    def read(offset: int, size: int) -> bytes:
        asked.append(size)
        return data[offset : offset + size]

    return read


@pytest.mark.parametrize(("bad_at", "frames"), [(0.7, 10), (0.0, 0)])
def test_a_bad_sector_costs_what_comes_after_it_and_is_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad_at: float, frames: int
) -> None:
    """Else a torn recording stays untold, and an erasure waits for it for ever."""
    box = _Box(tmp_path)
    whole = box.recorded("rec-1").with_suffix(".mp4")
    note = read_sidecar(whole.with_suffix(".json"))
    assert note
    torn = replace(note, step="writing")
    box.spool.note(torn)
    part = whole.rename(whole.with_name("rec-1.part.mp4"))
    sector = int(part.stat().st_size * bad_at)
    opened = Path.open

    def reading(path: Path, mode: str = "r", buffering: int = -1) -> object:
        return _Sectors(path, sector) if mode == "rb" and path.suffix == ".mp4" else opened(path, mode, buffering)

    monkeypatch.setattr(Path, "open", reading)
    found = salvage(box.spool, torn)
    assert (found.empty, found.sidecar.frames if not found.empty else 0) == (not frames, frames)
    monkeypatch.setattr(Path, "open", opened)
    if frames:
        assert found.sidecar.sha256 == hashlib.sha256(whole.read_bytes()).hexdigest()
        assert found.sidecar.size_bytes == whole.stat().st_size <= sector


class _Sectors(io.FileIO):
    """A file of which the card gives back nothing from one place on."""

    def __init__(self, path: Path, bad: int) -> None:
        super().__init__(str(path))
        self._bad = bad

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to the bad sector."""
        size = -1 if size is None else size
        room = self._bad - self.tell()
        if room <= 0:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(room if size < 0 else min(size, room)) or b""


async def test_no_draft_of_a_note_stays_that_a_kill_left(tmp_path: Path) -> None:
    """It names who is recorded, and no erasure would find it."""
    box = _Box(tmp_path)
    video = box.recorded("rec-1").with_suffix(".mp4")
    drafts = [box.home / "rec-1.tmp", box.home / "rec-2.tmp"]
    for draft in drafts:
        draft.write_bytes(b'{"participant":"p1"')
    await box.orphanage.rebuild_all()
    assert [draft.exists() for draft in drafts] == [False, False]
    assert read_sidecar(video.with_suffix(".json"))


async def test_of_a_folder_that_was_set_aside_nothing_is_left(tmp_path: Path) -> None:
    box = _Box(tmp_path)
    (box.home / "rec-1.mp4" / "p1").mkdir(parents=True)
    (box.home / "rec-1.mp4" / "p1" / "front.mp4").write_bytes(b"sea")
    assert await box.service.clear() == 1
    assert list(box.aside.folder.iterdir()) == []
    assert await box.service.clear() == 0
