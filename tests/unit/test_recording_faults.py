"""What a power cut or a failing card leaves in the spool: one bad item ends no run and holds up no other."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from contract.messages import File, Loss, Record
from edge.core.errors import RecordInvalidError
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.slot import Slot
from edge.outbox.rows import why_invalid
from edge.recording.desk import Desk
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.previews.service import PreviewService
from edge.recording.previews.settings import PreviewSettings
from edge.recording.previews.sheet import Sheet
from edge.recording.previews.shelf import SheetShelf
from edge.recording.previews.timelapse import Day, TimelapseFolder
from edge.recording.previews.timelapse_service import TimelapseOutlets, TimelapseService
from edge.recording.retention.spool import SpoolStash
from edge.recording.salvage import Found, left_behind, salvage
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from edge.recording.stranded import StrandedService
from edge.recording.telling import Telling
from tests.support.clock import FakeClock
from tests.support.damaged_files import changed, dangling, folder, saying
from tests.support.jpegs import jpeg
from tests.support.sinks import MemorySink

START_MS: Final = 1_780_000_000_000


def _sidecar(name: str, order: int = START_MS) -> Sidecar:
    sidecar = Sidecar(
        recording_id=name, camera="attic", reason="event", codec="h264", start_ms=START_MS, width_px=160, height_px=120
    )
    return replace(sidecar, step="closed", size_bytes=3, sha256="0" * 64, order=order)


def _put(spool: Spool, sidecar: Sidecar) -> None:
    spool.begin(sidecar).write_bytes(b"mp4")


DAMAGES: Final = {
    "empty": changed(lambda _: b""),
    "cut": changed(lambda note: note[: len(note) // 2]),
    "zeros": changed(lambda note: bytes(len(note))),
    "no-utf8": changed(lambda note: note.replace(b"attic", b"att\xffc")),
    "nested": changed(lambda note: b'{"x":' + b"[" * 200_000),
    "list": changed(lambda _: b"[]"),
    "null": changed(lambda _: b"null"),
    "types": saying(start_ms="soon", frames=None),
    "far": saying(start_ms=2**62, key_ms=2**62),
    "before": saying(start_ms=-(2**62)),
    "order": saying(order=2**70),
    "negative": saying(width_px=-1, frames=-5, size_bytes=-1),
    "nul": saying(why="a\0b", boot="\0", sha256="\0"),
    "other-name": saying(recording_id="rec-other"),
    "other-camera": saying(camera="cellar"),
    "folder": folder,
    "dangling": dangling,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_note_ends_nothing_and_holds_up_no_other(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    spool, sink, closed = Spool(tmp_path / "spool"), MemorySink(), list[str]()
    for name in ("rec-a", "rec-bad", "rec-z"):
        _put(spool, _sidecar(name))
    damage(tmp_path / "spool" / "attic" / "rec-bad.json")

    async def on_closed(recording: ClosedRecording) -> None:
        closed.append(recording.recording_id)

    stranded = StrandedService(
        spool,
        configured=[],
        teller=RecordingTeller("box", sink, sink.known, on_closed),
        on_nothing=lambda _: None,
        clock=FakeClock(),
        health=Health(FakeClock()),
    )
    assert all(salvage(spool, sidecar) for sidecar in left_behind(spool, "attic"))
    await stranded.run_once()
    assert {"rec-a", "rec-z"} <= set(closed)
    stash = SpoolStash(spool, sink=sink, known=sink.known, on_evicted=on_evicted)
    await stash.reconcile()
    for holding in stash.holdings():
        await stash.evict(holding)
    assert {one.id for one in stash.holdings()} <= {"rec-bad"}
    shelf = SheetShelf(tmp_path / "sheets")
    await PreviewService(
        spool, shelf, settings=PreviewSettings(), clock=FakeClock(), health=Health(FakeClock())
    ).run_once()
    _put(spool, _sidecar("rec-new", order=spool.next_order(START_MS)))
    assert spool.find("rec-new")


async def test_a_recording_that_cannot_be_noted_holds_up_none_behind_it(tmp_path: Path) -> None:
    """A folder where the draft of its note is to be: the disk refuses that one for ever."""
    spool, sink, closed = Spool(tmp_path), MemorySink(), list[str]()

    async def on_closed(recording: ClosedRecording) -> None:
        closed.append(recording.recording_id)

    desk = Desk(lambda _sidecar, _safe: None)
    for name in ("rec-bad", "rec-z"):
        _put(spool, _sidecar(name))
        desk._add(Found(spool.rename(_sidecar(name))))
    (tmp_path / "attic" / "rec-bad.tmp").mkdir()
    teller = RecordingTeller("box", sink, sink.known, on_closed)
    telling = Telling(
        desk, teller=teller, spool=spool, camera="attic", timed=lambda one: one, on_nothing=lambda _id: None
    )
    for _ in range(2):
        with pytest.raises(IsADirectoryError):
            await telling.all()
    assert closed == ["rec-bad", "rec-z", "rec-bad"]
    (tmp_path / "attic" / "rec-bad.tmp").rmdir()
    await telling.all()
    assert desk.waiting() is None
    assert sorted(one.recording_id for one in sink.recordings()) == ["rec-bad", "rec-z"]


async def test_one_bad_recording_of_a_former_camera_holds_up_none_behind_it(tmp_path: Path) -> None:
    spool, sink, closed = Spool(tmp_path), MemorySink(), list[str]()

    async def on_closed(recording: ClosedRecording) -> None:
        closed.append(recording.recording_id)

    for name in ("rec-a", "rec-z"):
        _put(spool, _sidecar(name))
    (tmp_path / "attic" / "rec-a.tmp").mkdir()
    health = Health(FakeClock())
    stranded = StrandedService(
        spool,
        configured=[],
        teller=RecordingTeller("box", sink, sink.known, on_closed),
        on_nothing=lambda _id: None,
        clock=FakeClock(),
        health=health,
    )
    with pytest.raises(IsADirectoryError):
        await stranded.run_once()
    assert sorted(closed) == ["rec-a", "rec-z"]


class _Timelapses:
    """Days of one camera, and what was told of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sink = TimelapseFolder(folder), MemorySink()
        self.offered: list[str] = []
        self.clock = FakeClock()
        self.slot = Slot[Frame]()
        outlets = TimelapseOutlets(
            device="box", sink=self.sink, offer=self._offer, phases=self._phases, forget=on_evicted
        )
        self.service = TimelapseService(
            self.folder,
            {},
            settings=PreviewSettings(),
            outlets=outlets,
            clock=self.clock,
            health=Health(self.clock),
        )

    async def _offer(self, file: File, path: Path) -> Record:
        if error := why_invalid(file):
            self.offered.append(f"refused {file.file_id}")
            raise RecordInvalidError(error)
        self.offered.append(file.file_id)
        return await self.sink.append(Loss(what="file", reason="stands for the record", count=1))

    async def _phases(self, _file_id: str) -> frozenset[str]:
        return frozenset()

    def picture(self, date: str) -> Path:
        day = Day("attic", date)
        self.folder.put(day, day.start_ms + 60_000, jpeg(), 640)
        return self.folder.folder / "attic" / date / "00060000.jpg"


def _huge(picture: bytes) -> bytes:
    """A JPEG whose head says 65500 by 65500 pixels."""
    at = picture.index(b"\xff\xc0") + 5
    return picture[:at] + b"\xff\xdc\xff\xdc" + picture[at + 4 :]


@pytest.mark.parametrize(
    "damage",
    [changed(lambda _: b""), changed(bytes), changed(_huge), changed(lambda jpeg: jpeg[:100]), folder, dangling],
    ids=["empty", "zeros", "huge", "cut", "folder", "dangling"],
)
async def test_a_damaged_picture_costs_no_day_and_none_behind_it(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    lapses = _Timelapses(tmp_path)
    damage(lapses.picture("2026-01-01"))
    lapses.picture("2026-01-02")
    await lapses.service.run_once()
    assert lapses.offered[-1] == "timelapse-attic-2026-01-02"
    assert not lapses.folder.unfinished()


async def test_a_day_that_the_disk_refuses_holds_up_none_behind_it(tmp_path: Path) -> None:
    lapses = _Timelapses(tmp_path)
    lapses.picture("2026-01-01")
    (tmp_path / "attic" / "2026-01-01.draft").mkdir()
    lapses.picture("2026-01-02")
    (tmp_path / "attic" / "2026-01-03.mp4").mkdir()
    with pytest.raises(IsADirectoryError):
        await lapses.service.run_once()
    assert lapses.offered == ["timelapse-attic-2026-01-02"]


async def test_a_timelapse_that_no_record_can_tell_of_is_tried_once(tmp_path: Path) -> None:
    """A day before there was any time: each attempt would leave a `Loss` of its own."""
    lapses = _Timelapses(tmp_path)
    (tmp_path / "attic").mkdir()
    (tmp_path / "attic" / "1901-01-01.mp4").write_bytes(b"mp4")
    (tmp_path / "attic" / "2026-01-03.mp4").write_bytes(b"mp4")
    await lapses.service.run_once()
    await lapses.service.run_once()
    assert lapses.offered == ["refused timelapse-attic-1901-01-01", "timelapse-attic-2026-01-03"]


class _FullShelf(SheetShelf):
    """Does not take what is of `rec-new`."""

    def put(self, recording_id: str, sheet: Sheet | None) -> None:
        if recording_id == "rec-new":
            raise OSError(errno.EIO, "I/O error")
        super().put(recording_id, sheet)


async def test_a_sheet_that_cannot_be_kept_holds_up_none_behind_it(tmp_path: Path) -> None:
    spool, shelf = Spool(tmp_path / "spool"), _FullShelf(tmp_path / "sheets")
    for at, name in enumerate(("rec-a", "rec-new")):
        _put(spool, _sidecar(name, START_MS + at))
        spool.rename(_sidecar(name))
    (tmp_path / "sheets" / "rec-gone.thumb.jpg").mkdir(parents=True)
    health = Health(FakeClock())
    service = PreviewService(spool, shelf, settings=PreviewSettings(), clock=FakeClock(), health=health)
    with pytest.raises(OSError, match="I/O error"):
        await service.run_once()
    assert shelf.has("rec-a")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_layout_is_none(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    shelf = SheetShelf(tmp_path)
    (tmp_path / "rec-a.layout.json").write_bytes(
        b'{"tile_width":1,"tile_height":1,"columns":1,"times_ms":[0],"duration_ms":1,"x":"attic"}'
    )
    damage(tmp_path / "rec-a.layout.json")
    layout = shelf.layout("rec-a")
    assert layout is None or layout.columns == 1


async def on_evicted(_recording_id: str) -> None:
    """Nobody uploads here."""
