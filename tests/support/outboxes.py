"""A store in a test's folder, and bodies to put into it."""

import hashlib
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from contract.messages import Event, Prediction, Recording, Telemetry
from contract.objects import recording_key
from edge.core.clock import Clock, SystemClock
from edge.core.health import Health
from edge.outbox.settings import OutboxSettings
from edge.outbox.store import Outbox
from edge.outbox.writer import OnCommit

DEVICE = "bench-1"
QUICK = OutboxSettings(linger_ms=0)
START_MS = 1_780_000_000_000


def open_outbox(
    folder: Path,
    *,
    limits: OutboxSettings = QUICK,
    clock: Clock | None = None,
    health: Health | None = None,
    on_commit: OnCommit | None = None,
    device: str = DEVICE,
) -> AbstractAsyncContextManager[Outbox]:
    """The store of `folder`."""
    clock = clock or SystemClock()
    return Outbox.open(
        folder / "store.db",
        device=device,
        clock=clock,
        health=health or Health(clock),
        on_commit=on_commit,
        limits=limits,
    )


def prediction(index: int = 0) -> Prediction:
    """A normal record."""
    return Prediction(
        task="emotion",
        model="emotion",
        model_version="1",
        source="sensor",
        segment_index=index,
        start_ms=START_MS + index * 5000,
        end_ms=START_MS + index * 5000 + 5000,
        probe="HH",
        confidence=0.5,
        probabilities={"HH": 0.5, "HL": 0.2, "LH": 0.2, "LL": 0.1},
    )


def telemetry() -> Telemetry:
    """A bulk record."""
    return Telemetry(cpu_share=0.1, rss_bytes=1, disk_free_bytes=1, outbox_records=0, uploads_pending=0)


def alarm() -> Event:
    """A record that never gives way."""
    return Event(event_id="ev-1", phase="open", camera="front", type="motion", severity="CRITICAL", start_ms=START_MS)


def recording(recording_id: str, data: bytes, *, reason: str = "event") -> Recording:
    """The announcement of a closed file of these bytes."""
    return Recording(
        recording_id=recording_id,
        phase="closed",
        camera="front",
        reason="event" if reason == "event" else "continuous",
        start_ms=START_MS,
        end_ms=START_MS + 1000,
        frames=30,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        codec="h264",
        width_px=1280,
        height_px=720,
        key=recording_key(DEVICE, "front", recording_id, START_MS),
    )


async def add_recording(outbox: Outbox, folder: Path, recording_id: str, data: bytes, reason: str = "event") -> Path:
    """Announce a file of these bytes and queue it for upload, as the recorder does."""
    path = folder / f"{recording_id}.mp4"
    path.write_bytes(data)
    await outbox.append(recording(recording_id, data, reason=reason))
    await outbox.uploads.add(recording_id, path)
    return path
