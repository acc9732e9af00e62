"""The recordings of an erased participant go with everything that was made of them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.core.errors import StoreError
from edge.core.health import Health
from edge.daemon.filming import SessionRecorders
from edge.recording.ledger import RecordingTeller, tell
from edge.recording.previews.service import PreviewService
from edge.recording.previews.settings import PreviewSettings
from edge.recording.previews.sheet import Sheet, SheetLayout
from edge.recording.previews.shelf import SheetShelf
from edge.recording.salvage import Found
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from tests.support.clock import FakeClock
from tests.support.drawn_video import draw_video
from tests.support.pictures import frames
from tests.support.recording_rig import RecordingRig

LAYOUT = SheetLayout(times_ms=(0,), duration_ms=1000, columns=1, tile_width=16, tile_height=9)


async def _forget(recording_id: str) -> None:
    del recording_id


def _recorded(folder: Path) -> tuple[Spool, Sidecar]:
    """A whole recording of a session."""
    spool = Spool(folder / "recordings")
    sidecar = Sidecar(
        recording_id="rec-1",
        camera="front",
        reason="session",
        codec="h264",
        width_px=160,
        height_px=120,
        start_ms=1_000_000,
        end_ms=1_001_000,
        step="recorded",
        session_id="s-1",
        participant="p1",
    )
    spool.path(sidecar).parent.mkdir(parents=True)
    spool.note(sidecar)
    draw_video(spool.path(sidecar), seconds=1)
    return spool, sidecar


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_sheet_goes_with_its_recording(tmp_path: Path) -> None:
    """At once: it shows who was erased."""
    (spool, _), sheets = _recorded(tmp_path), SheetShelf(tmp_path / "previews")
    sheets.put("rec-1", Sheet(layout=LAYOUT, jpeg=b"faces", thumbnail=b"face"))
    cameras = SessionRecorders({}, spool, sheets=sheets, device="gate-1", forget=_forget)
    assert await cameras.erase("p1", ["s-1"]) == 1
    assert _files(tmp_path) == []


async def test_a_sheet_that_was_being_made_meanwhile_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spool, sidecar), sheets, clock = _recorded(tmp_path), SheetShelf(tmp_path / "previews"), FakeClock()
    previews = PreviewService(spool, sheets, settings=PreviewSettings(), clock=clock, health=Health(clock))
    put = SheetShelf.put

    def put_late(shelf: SheetShelf, recording_id: str, sheet: Sheet | None) -> None:
        spool.discard(sidecar)
        put(shelf, recording_id, sheet)

    monkeypatch.setattr(SheetShelf, "put", put_late)
    await previews.run_once()
    assert previews.made_total == 1
    assert not _files(tmp_path / "previews")


async def test_where_sheets_are_switched_off_older_ones_still_go_with_their_recordings(tmp_path: Path) -> None:
    (spool, _), sheets, clock = _recorded(tmp_path), SheetShelf(tmp_path / "previews"), FakeClock()
    sheets.put("rec-gone", Sheet(layout=LAYOUT, jpeg=b"faces", thumbnail=b"face"))
    off = PreviewSettings(sheets=False)
    previews = PreviewService(spool, sheets, settings=off, clock=clock, health=Health(clock))
    await previews.run_once()
    assert not _files(tmp_path / "previews")
    assert previews.made_total == 0


async def test_one_that_is_told_of_just_now_is_waited_for_and_one_that_is_gone_is_not_told_of(tmp_path: Path) -> None:
    """Else its record would name the participant after the erasure."""
    rig = RecordingRig(tmp_path / "recordings", RecordingSettings(mode="off"))
    sheets = SheetShelf(tmp_path / "previews")
    cameras = SessionRecorders({"front": rig.service}, rig.spool, sheets=sheets, device="gate-1", forget=_forget)
    async with rig.running():
        rig.sink.refusing = True
        await cameras.start_session("s-1", "p1", ["front"])
        rig.offer(frames(30, start_ns=rig.clock.mono_ns(), fps=100.0))
        await cameras.stop_session("s-1")
        await rig.until(lambda: [one.sidecar.step for one in rig.spool.entries()] == ["closed"])
        (closed,) = [entry.sidecar for entry in rig.spool.entries()]
        await rig.until(lambda: rig.service.telling(closed.recording_id))
        with pytest.raises(StoreError, match="still"):
            await cameras.erase("p1", ["s-1"])
        rig.sink.refusing = False
        teller = RecordingTeller("gate-1", rig.sink, rig.sink.known, rig.closed_one)
        await tell(teller, rig.spool, Found(replace(closed, recording_id="rec-gone")))
        await rig.until(lambda: not rig.service.telling(closed.recording_id))
        assert [one.recording_id for one in rig.sink.recordings()] == [closed.recording_id]
        assert await cameras.erase("p1", ["s-1"]) == 1
