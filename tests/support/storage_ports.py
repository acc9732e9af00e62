"""The disk and the uploads of an appliance as its LAN side sees them: one upload that failed, one class of video."""

from collections.abc import Mapping
from typing import Any

from edge.core.errors import UnknownError
from edge.core.storage_view import ClassView, StashView, StorageView


class FakeStorage:
    """A disk with some room."""

    def view(self) -> StorageView:
        """How it is."""
        return StorageView(
            t_ms=1_780_000_000_000,
            used_bytes=3_000_000_000,
            max_bytes=8_000_000_000,
            max_days=0.0,
            free_bytes=20_000_000_000,
            reserve_bytes=512_000_000,
            ballast_bytes=8_000_000,
            room=True,
            short_bytes=0,
            bytes_per_hour=65_000_000.0,
            horizon_s=276_000.0,
            kept_s=443_000.0,
            stashes=[StashView(name="recordings", used_bytes=3_000_000_000, holdings=40)],
            classes=[
                ClassView(
                    kind="event",
                    size_bytes=3_000_000_000,
                    count=40,
                    unsent_bytes=500_000_000,
                    max_bytes=0,
                    max_days=0.0,
                    oldest_ms=1_779_000_000_000,
                    bytes_per_hour=65_000_000.0,
                    kept_s=443_000.0,
                )
            ],
            evictions=[],
            lost=0,
        )


class FakeUploads:
    """One upload that failed; remembers what was asked of it."""

    def __init__(self) -> None:
        self.paused = False
        self.state = "failed"
        self.done: list[tuple[str, str | None]] = []

    async def uploads(self, limit: int) -> Mapping[str, Any]:
        """It."""
        upload = {
            "id": "rec-1",
            "kind": "recording",
            "camera": "gate",
            "name": "rec-1.mp4",
            "rank": 1,
            "size_bytes": 50_000_000,
            "sent_bytes": 8_388_608,
            "state": self.state,
            "rate_bps": 0.0,
            "eta_s": None,
            "attempts": 10,
            "last_error": "the bucket is full",
            "next_try_s": None,
            "done_ms": None,
        }
        totals = {
            "count": 1,
            "size_bytes": 50_000_000,
            "sent_bytes": 8_388_608,
            "failed": 1,
            "paused": 0,
            "rate_bps": 0.0,
            "limit_bps": None,
            "eta_s": None,
        }
        return {"paused": self.paused, "totals": totals, "uploads": [upload][:limit]}

    async def pause(self, upload_id: str | None) -> None:
        """Hold back."""
        self._note("pause", upload_id)
        self.paused = self.paused or upload_id is None

    async def resume(self, upload_id: str | None) -> None:
        """Go on."""
        self._note("resume", upload_id)
        self.paused = self.paused and upload_id is not None

    async def retry(self, upload_id: str | None) -> None:
        """Try again."""
        self._note("retry", upload_id)
        self.state = "uploading"

    def _note(self, what: str, upload_id: str | None) -> None:
        if upload_id not in {None, "rec-1"}:
            raise UnknownError(f"there is no upload {upload_id!r:.80}")
        self.done.append((what, upload_id))
