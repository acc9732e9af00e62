"""The sheets of recordings: made once, gone with what they show, and no damaged file stands in the way of others."""

from pathlib import Path
from typing import Any

import pytest

from edge.core.health import Health
from edge.daemon.filming import SessionRecorders
from edge.recording.previews.service import PreviewService
from edge.recording.previews.settings import PreviewSettings
from edge.recording.previews.sheet import Sheet, make_sheet
from edge.recording.previews.shelf import SheetShelf
from edge.recording.sidecar import Sidecar, Step
from edge.recording.spool import Spool
from tests.support.clock import FakeClock
from tests.support.drawn_video import draw_video


class _Kept:
    """A spool with recordings of a participant, and the sheets of them."""

    def __init__(self, folder: Path, *, sheets: bool = True) -> None:
        self.spool, self.shelf = Spool(folder / "recordings"), SheetShelf(folder / "previews")
        self.health = Health(FakeClock())
        self.service = PreviewService(
            self.spool,
            self.shelf,
            settings=PreviewSettings(tile_px=80, most_tiles=4, sheets=sheets),
            clock=FakeClock(),
            health=self.health,
        )
        self.forgotten: list[str] = []
        self.cameras = SessionRecorders({}, self.spool, sheets=self.shelf, device="box", forget=self._forget)

    async def _forget(self, recording_id: str) -> None:
        self.forgotten.append(recording_id)

    def keep(self, recording_id: str, step: Step = "recorded", *, participant: str | None = None) -> Path:
        """A recording of two seconds."""
        sidecar = Sidecar(
            recording_id=recording_id,
            camera="gate",
            reason="session",
            codec="h264",
            start_ms=1_780_000_000_000,
            end_ms=1_780_000_002_000,
            width_px=160,
            height_px=120,
            step=step,
            participant=participant,
        )
        draw_video(self.spool.begin(sidecar), seconds=2)
        return self.spool.path(self.spool.rename(sidecar))


async def test_each_whole_recording_gets_a_sheet_which_goes_with_it(tmp_path: Path) -> None:
    kept = _Kept(tmp_path)
    kept.keep("rec-1")
    await kept.service.run_once()
    assert kept.shelf.thumbnail("rec-1")
    kept.keep("rec-2")
    (tmp_path / "previews" / ".rec-2.sheet.jpg.0badcafe").write_bytes(b"half of what a kill interrupted")
    await kept.service.run_once()
    assert (kept.shelf.has("rec-2"), kept.service.made_total) == (True, 2)
    assert kept.service.used_bytes() == sum(path.stat().st_size for path in (tmp_path / "previews").iterdir())
    for entry in list(kept.spool.entries()):
        kept.spool.discard(entry.sidecar)
    await kept.service.run_once()
    assert list((tmp_path / "previews").iterdir()) == []
    assert kept.service.used_bytes() == 0


async def test_what_cannot_be_read_keeps_no_other_from_its_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _Kept(tmp_path)
    kept.keep("rec-2").write_bytes(b"no video" * 1000)
    kept.keep("rec-3").unlink()
    damaged = kept.keep("rec-4")
    kept.keep("rec-1")

    def refusing(video: Path, **more: Any) -> Sheet | None:
        if video == damaged:
            raise OSError(5, "Input/output error")
        return make_sheet(video, **more)

    monkeypatch.setattr("edge.recording.previews.service.make_sheet", refusing)
    await kept.service.run_once()
    assert kept.shelf.thumbnail("rec-1")
    assert (kept.service.made_total, kept.service.undecodable_total) == (1, 2)


async def test_a_participant_is_erased_with_every_small_picture_at_once(tmp_path: Path) -> None:
    kept = _Kept(tmp_path)
    kept.keep("rec-1", participant="p-1")
    kept.keep("rec-2", participant="p-2")
    kept.keep("rec-3", "lost", participant="p-1")
    await kept.service.run_once()
    assert await kept.cameras.erase("p-1", []) == 2
    assert set(kept.forgotten) == {"rec-1", "rec-3"}
    names = {path.name.split(".")[0] for path in tmp_path.rglob("*") if path.is_file()}  # noqa: ASYNC240
    assert names == {"rec-2"}
