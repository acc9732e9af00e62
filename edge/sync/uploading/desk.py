"""What people see of the uploads, and what they may do: the port of the web, and the hub's `uploads` message."""

from collections.abc import Mapping
from typing import Any, Final

from contract.messages import Recording
from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.hub import Hub
from edge.core.service import Pulse
from edge.outbox.upload_rows import Upload, id_of, name_of
from edge.outbox.uploads import Uploads, UploadTotals
from edge.sync.uploader import Uploader
from edge.sync.uploading.fates import Arrived

TOPIC: Final = "uploads"
_EVERY_S: Final = 1.0
_SHOWN: Final = 50


class UploadDesk:
    """A `Service` that publishes the uploads on the hub when they changed, at most once a second.

    Its other methods are `edge.web.upload_port.UploadPort`.
    """

    def __init__(self, *, uploads: Uploads, uploader: Uploader, hub: Hub, clock: Clock) -> None:
        self.name = "upload-desk"
        self.pulse = Pulse(clock)
        self._uploads = uploads
        self._uploader = uploader
        self._hub = hub
        self._clock = clock

    async def run(self) -> None:
        """Tell until cancelled; what the store does not give now is told later."""
        told: Mapping[str, Any] | None = None
        while True:
            self.pulse.beat()
            try:
                now = await self.uploads(_SHOWN)
            except StoreError:
                now = told or {}
            if now != told and now:
                told = now
                self._hub.publish(TOPIC, now, key=TOPIC)
            await self._clock.sleep(_EVERY_S)

    async def uploads(self, limit: int) -> Mapping[str, Any]:
        """Up to `limit` that wait, and those that arrived of late, as `edge.web.upload_port.UploadsView` has it."""
        paused = await self._uploads.all_paused()
        waiting = [self._waiting(upload, sent, paused) for upload, sent in await self._uploads.listing(limit)]
        arrived = [_done(one) for one in reversed(self._uploader.recent)]
        totals = self._totals(await self._uploads.totals())
        return {"paused": paused, "totals": totals, "uploads": [*waiting, *arrived[: max(0, limit - len(waiting))]]}

    async def pause(self, upload_id: str | None) -> None:
        """Hold one back, or all."""
        await self._uploader.pause(upload_id)

    async def resume(self, upload_id: str | None) -> None:
        """Go on with one, or all."""
        await self._uploader.resume(upload_id)

    async def retry(self, upload_id: str | None) -> None:
        """Try one that failed, or all that did."""
        await self._uploader.retry(upload_id)

    def _waiting(self, upload: Upload, sent_bytes: int, all_paused: bool) -> dict[str, Any]:
        journey = self._uploader.journeys.of(upload.id)
        sent = max(sent_bytes, journey.progress.sent_bytes) if journey else sent_bytes
        rate = self._uploader.journeys.rate_bps(upload.id) if journey else 0.0
        size = upload.size_bytes if upload.body else None
        return {
            "id": upload.id,
            "kind": upload.kind,
            "camera": upload.camera,
            "name": upload.name,
            "rank": upload.rank,
            "size_bytes": size,
            "sent_bytes": sent,
            "state": _state(upload, all_paused, under_way=journey is not None),
            "rate_bps": round(rate),
            "eta_s": _eta_s(size, sent, rate),
            "attempts": upload.attempts,
            "last_error": upload.last_error,
            "next_try_s": _rounded(self._uploader.lineup.rest_s(upload.id)),
            "done_ms": None,
        }

    def _totals(self, totals: UploadTotals) -> dict[str, Any]:
        journeys = self._uploader.journeys
        rate = journeys.flow.rate_bps if journeys.progress else 0.0
        return {
            "count": totals.count,
            "size_bytes": totals.size_bytes,
            "sent_bytes": totals.sent_bytes,
            "failed": totals.failed,
            "paused": totals.paused,
            "rate_bps": round(rate),
            "limit_bps": journeys.throttle.limit_bps,
            "eta_s": _eta_s(totals.size_bytes, totals.sent_bytes, rate),
        }


def _state(upload: Upload, all_paused: bool, *, under_way: bool) -> str:
    if upload.failed_ms is not None:
        return "failed"
    if upload.paused or all_paused:
        return "paused"
    if under_way:
        return "uploading"
    return "waiting" if upload.body else "growing"


def _done(arrived: Arrived) -> dict[str, Any]:
    body = arrived.body
    return {
        "id": id_of(body),
        "kind": "recording" if isinstance(body, Recording) else "file",
        "camera": body.camera,
        "name": name_of(body),
        "rank": arrived.rank,
        "size_bytes": body.size_bytes,
        "sent_bytes": body.size_bytes,
        "state": "done",
        "rate_bps": 0.0,
        "eta_s": None,
        "attempts": 0,
        "last_error": "",
        "next_try_s": None,
        "done_ms": arrived.done_ms,
    }


def _eta_s(size_bytes: int | None, sent_bytes: int, rate_bps: float) -> float | None:
    """Whole seconds; None where nothing goes, or nobody knows how much there will be."""
    if size_bytes is None or rate_bps < 1:
        return None
    return float(round(max(0, size_bytes - sent_bytes) * 8 / rate_bps))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else float(round(seconds))
