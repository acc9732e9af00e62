"""The recordings of an appliance, as its LAN side sees them: two clips and a timelapse."""

from pathlib import Path
from typing import Any

from edge.web.recording_port import RecordingPage, RecordingView, TimelapseView

GROWING = RecordingView(recording_id="rec-2", camera="gate", reason="event", state="growing", start_ms=2000, order=2)
WHOLE = RecordingView(
    recording_id="rec-1", camera="door", reason="continuous", state="uploaded", start_ms=1000, end_ms=1500, order=1
)


class FakeRecordings:
    """Two recordings and a timelapse."""

    def __init__(self, folder: Path) -> None:
        self.asked: dict[str, Any] = {}
        self.folder = folder
        (folder / "rec-1.mp4").write_bytes(bytes(range(100)))

    def page(self, *, camera: str | None, before: int | None, limit: int) -> RecordingPage:
        self.asked = {"camera": camera, "before": before, "limit": limit}
        return RecordingPage(recordings=[GROWING, WHOLE], more=True)

    def one(self, recording_id: str) -> RecordingView | None:
        return {"rec-1": WHOLE, "rec-2": GROWING}.get(recording_id)

    def video(self, recording_id: str) -> Path | None:
        return self.folder / f"{recording_id}.mp4" if self.one(recording_id) else None

    def sheet(self, recording_id: str) -> bytes | None:
        return b"sheet" if recording_id == "rec-1" else None

    def sheet_vtt(self, recording_id: str, sheet_url: str) -> str | None:
        return f"WEBVTT {sheet_url}" if recording_id == "rec-1" else None

    def thumbnail(self, recording_id: str) -> bytes | None:
        return b"small" if recording_id == "rec-1" else None

    def timelapses(self) -> list[TimelapseView]:
        return [TimelapseView(camera="gate", date="2026-11-20", size_bytes=100)]

    def timelapse(self, camera: str, date: str) -> Path | None:
        return self.folder / "rec-1.mp4" if (camera, date) == ("gate", "2026-11-20") else None
