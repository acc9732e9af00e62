"""Uploads as the LAN side needs them, and how it tells of them; the daemon fills the port with their own desk."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct

from contract.messages import EpochMs

UploadState = Literal["waiting", "growing", "uploading", "paused", "failed", "done"]


class UploadView(Struct, frozen=True, kw_only=True):
    """A file on its way to object storage, or one that arrived there not long ago."""

    id: str
    kind: Literal["recording", "file"]
    camera: str | None
    name: str
    rank: int
    """0 goes first: alarms' clips; 1 events, by hand, sessions and files; 2 continuous."""
    size_bytes: int | None
    """None while it is being recorded."""
    sent_bytes: int
    state: UploadState
    rate_bps: float
    """Bits per second now."""
    eta_s: float | None
    attempts: int
    last_error: str
    next_try_s: float | None
    """Seconds until it is tried again; None where it need not wait, or waits for somebody."""
    done_ms: EpochMs | None


class UploadTotalsView(Struct, frozen=True, kw_only=True):
    """All that is not sent yet, together."""

    count: int
    size_bytes: int
    sent_bytes: int
    failed: int
    paused: int
    rate_bps: float
    limit_bps: float | None
    """Bits per second allowed now; 0 where nothing may be sent, None without a limit."""
    eta_s: float | None


class UploadsView(Struct, frozen=True, kw_only=True):
    """The uploads in the order of their turn; those that failed come first, those that are done last."""

    paused: bool
    """Whether all are held back."""
    totals: UploadTotalsView
    uploads: list[UploadView]


class UploadPort(Protocol):
    """`edge.sync.uploading.desk.UploadDesk`. Belongs to the event loop.

    What names an unknown upload raises `UnknownError`, what makes no sense now `RefusedError`, and `StoreError` tells
    that the disk did not take it. What is switched is kept across restarts.
    """

    async def uploads(self, limit: int) -> Mapping[str, Any]:
        """Up to `limit` of them, as `UploadsView` has it."""
        ...

    async def pause(self, upload_id: str | None) -> None:
        """Hold one back, or all, those that come later included. What is on its way stops."""
        ...

    async def resume(self, upload_id: str | None) -> None:
        """Go on with one, or with all but those that are held back by themselves."""
        ...

    async def retry(self, upload_id: str | None) -> None:
        """Try one that failed, or all that did, as if for the first time."""
        ...
