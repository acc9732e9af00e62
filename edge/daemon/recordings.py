"""The recordings on the device as the LAN side sees them: what lies in the spool, with its sheets and timelapses."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from edge.recording.previews.sheet import webvtt
from edge.recording.previews.shelf import SheetShelf
from edge.recording.previews.timelapse import Day, TimelapseFolder
from edge.recording.retention.index import SpoolIndex
from edge.recording.sidecar import Step
from edge.recording.spool import Entry, Spool
from edge.web.recording_port import RecordingPage, RecordingState, RecordingView, TimelapseView

_STATES: Final[dict[Step, RecordingState]] = {
    "writing": "growing",
    "closed": "waiting",
    "recorded": "waiting",
    "uploaded": "uploaded",
}
"""What is `lost` is about to be deleted, and not shown."""


class RecordingShelf:
    """Fills `RecordingPort`. Any thread may ask."""

    def __init__(self, spool: Spool, sheets: SheetShelf, timelapses: TimelapseFolder) -> None:
        self._spool = spool
        self._index = SpoolIndex(spool)
        self._looking = Lock()
        self.sheets = sheets
        self._timelapses = timelapses

    def page(self, *, camera: str | None, before: int | None, limit: int) -> RecordingPage:
        """Newest first."""
        wanted = [
            entry
            for entry in self._entries()
            if (camera is None or entry.sidecar.camera == camera) and (before is None or _order(entry) < before)
        ]
        wanted.sort(key=_order, reverse=True)
        return RecordingPage(recordings=[self._view(entry) for entry in wanted[:limit]], more=len(wanted) > limit)

    def one(self, recording_id: str) -> RecordingView | None:
        """One of them."""
        found = (entry for entry in self._entries() if entry.sidecar.recording_id == recording_id)
        return next((self._view(entry) for entry in found), None)

    def video(self, recording_id: str) -> Path | None:
        """Its file, whole or growing."""
        return self._spool.clip_of(recording_id)

    def sheet(self, recording_id: str) -> bytes | None:
        """Its small pictures."""
        return self.sheets.sheet(recording_id)

    def sheet_vtt(self, recording_id: str, sheet_url: str) -> str | None:
        """When is which."""
        layout = self.sheets.layout(recording_id)
        return webvtt(layout, sheet_url) if layout else None

    def thumbnail(self, recording_id: str) -> bytes | None:
        """One small picture."""
        return self.sheets.thumbnail(recording_id)

    def timelapses(self) -> Sequence[TimelapseView]:
        """Newest first."""
        days = reversed(self._timelapses.finished())
        return [TimelapseView(camera=day.camera, date=day.date, size_bytes=self._size(day)) for day in days]

    def timelapse(self, camera: str, date: str) -> Path | None:
        """The file of one."""
        path = self._timelapses.video(Day(camera, date))
        return path if path.is_file() else None

    def _entries(self) -> list[Entry]:
        with self._looking:
            return [entry for entry in self._index.entries() if entry.sidecar.step in _STATES]

    def _size(self, day: Day) -> int:
        try:
            return self._timelapses.video(day).stat().st_size
        except FileNotFoundError:
            return 0

    def _view(self, entry: Entry) -> RecordingView:
        sidecar = entry.sidecar
        state = _STATES[sidecar.step]
        return RecordingView(
            recording_id=sidecar.recording_id,
            camera=sidecar.camera,
            reason=sidecar.reason,
            state=state,
            start_ms=sidecar.start_ms,
            end_ms=None if state == "growing" else sidecar.end_ms,
            size_bytes=entry.size_bytes,
            frames=sidecar.frames,
            frames_dropped=sidecar.frames_dropped,
            codec=sidecar.codec,
            width=sidecar.width_px,
            height=sidecar.height_px,
            salvaged=sidecar.salvaged,
            event_ids=sidecar.event_ids,
            session_id=sidecar.session_id,
            sheet=self.sheets.layout(sidecar.recording_id) is not None,
            order=_order(entry),
        )


def _order(entry: Entry) -> int:
    return entry.sidecar.order or entry.sidecar.start_ms
