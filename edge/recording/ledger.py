"""Tells of a recording exactly once, whatever was killed in between.

The sidecar says `recorded` after the record is durable and the uploader has heard of it. A kill before that leaves a
doubt, and then the store is asked what it holds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from contract.messages import Loss, Recording
from edge.core.errors import StoreDelayedError
from edge.core.records import RecordSink
from edge.recording.salvage import Found
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool

Phase = Literal["closed", "uploaded", "lost"]
KnownPhases = Callable[[str], Awaitable[frozenset[Phase]]]
"""What the store holds of a recording: `closed` and `uploaded` if it has such a `Recording` record, `lost` if a `Loss`
with its id. Asked only about a recording whose record may or may not have been made when the process was killed."""


@dataclass(frozen=True, slots=True)
class ClosedRecording:
    """A whole file that waits to be uploaded. `path` exists until the spool evicts it."""

    recording_id: str
    path: Path
    key: str
    sha256: str
    size_bytes: int
    reason: str = ""
    urgent: bool = False
    """It shows an event that is an alarm."""


@dataclass(frozen=True, slots=True)
class RecordingTeller:
    """To whom a finished recording is told. `on_closed` may be called again for the same id after a restart."""

    device: str
    sink: RecordSink
    known: KnownPhases
    on_closed: Callable[[ClosedRecording], Awaitable[None]]
    delayed: set[str] = field(default_factory=set)
    """Ids of recordings whose record waits for the disk in the store's memory, and is not to be made again."""


async def tell(teller: RecordingTeller, spool: Spool, found: Found) -> None:
    """Make the record of a closed recording, unless it is made, and offer the file for upload.

    May be called again after any failure. Raise `StoreError` if the store, `OSError` if the disk refuses. Nothing is
    told of one whose note is gone: it was erased.
    """
    sidecar = found.sidecar
    if not await asyncio.to_thread(spool.holds, sidecar):
        return
    if found.empty:
        await _once(teller, sidecar.recording_id, "lost", [*_dropped_of(sidecar), _loss_of(sidecar)])
        await asyncio.to_thread(spool.discard, sidecar)
        return
    await _once(teller, sidecar.recording_id, "closed", [*_dropped_of(sidecar), sidecar.body(teller.device)])
    await teller.on_closed(
        ClosedRecording(
            sidecar.recording_id,
            spool.path(sidecar),
            sidecar.key(teller.device),
            sidecar.sha256,
            sidecar.size_bytes,
            sidecar.reason,
            sidecar.urgent,
        )
    )
    await asyncio.to_thread(spool.advance, sidecar, "recorded")


async def _once(teller: RecordingTeller, recording_id: str, phase: Phase, bodies: list[Loss | Recording]) -> None:
    """Append `bodies`, of which the last is known as `phase`, unless that is durable; return when it is."""
    if phase in await teller.known(recording_id):
        teller.delayed.discard(recording_id)
        return
    if recording_id in teller.delayed:
        raise StoreDelayedError(f"the record of {recording_id} still waits for the disk")
    *before, last = bodies
    for body in before:
        with suppress(StoreDelayedError):  # it stands in line before the last, which is awaited
            await teller.sink.append(body)
    try:
        await teller.sink.append(last)
    except StoreDelayedError:
        teller.delayed.add(recording_id)
        raise


def _dropped_of(sidecar: Sidecar) -> list[Loss | Recording]:
    """What a clip lacks. Without a recording id: a `Loss` with one says that the recording itself is lost."""
    if not sidecar.frames_dropped:
        return []
    reason = f"too quick for the recorder, refused by the disk or unreadable, in {sidecar.recording_id}"
    return [Loss(what="frames", reason=reason, count=sidecar.frames_dropped)]


def _loss_of(sidecar: Sidecar) -> Loss:
    reason = "cut off before the first fragment was safe"
    return Loss(what="recording", reason=reason, count=1, recording_id=sidecar.recording_id)
