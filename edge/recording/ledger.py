"""Tells of a recording exactly once, whatever was killed in between.

The sidecar says `recorded` after the record is durable and the uploader has heard of it. A kill before that leaves a
doubt, and then the store is asked what it holds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from contract.messages import Loss, Recording
from edge.core.errors import RecordInvalidError, StoreDelayedError
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
    rebuilt: set[str] = field(default_factory=set)
    """Ids of recordings of which was said that their note was made anew."""


async def tell(teller: RecordingTeller, spool: Spool, found: Found) -> None:
    """Make the record of a closed recording, unless it is made, and offer the file for upload.

    May be called again after any failure. Raise `StoreError` if the store, `OSError` if the disk refuses. Nothing is
    told of one whose note is gone: it was erased. Raise `RecordInvalidError` if what the note says cannot be told: then
    it is one that nobody can read from now on.
    """
    sidecar = found.sidecar
    if not await asyncio.to_thread(spool.holds, sidecar):
        return
    if sidecar.rebuilt:
        await _say_rebuilt(teller, sidecar)
        if ended := await teller.known(sidecar.recording_id) & {"uploaded", "lost"}:
            await asyncio.to_thread(spool.advance, sidecar, "uploaded" if "uploaded" in ended else "lost")
            return
    if found.empty:
        await _once(teller, sidecar.recording_id, "lost", [*_dropped_of(sidecar), _loss_of(sidecar)])
        await asyncio.to_thread(spool.discard, sidecar)
        return
    bodies = [*_dropped_of(sidecar), sidecar.body(teller.device)]
    try:
        await _once(teller, sidecar.recording_id, "closed", bodies)
    except RecordInvalidError:
        await asyncio.to_thread(spool.distrust, sidecar)
        raise
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


async def tell_lost(teller: RecordingTeller, loss: Loss) -> bool:
    """Make the `Loss` of a recording or file, once; not of one that was uploaded. Whether it is lost; may be called
    again.

    Raise `StoreError` if the store refuses.
    """
    lost_id = loss.recording_id or loss.file_id or ""
    if "uploaded" in await teller.known(lost_id):
        return False
    await _once(teller, lost_id, "lost", [loss])
    return True


async def _once(teller: RecordingTeller, recording_id: str, phase: Phase, bodies: list[Loss | Recording]) -> None:
    """Append `bodies`, of which the last is known as `phase`, unless that is durable; return when it is."""
    if phase in await teller.known(recording_id):
        teller.delayed.discard(recording_id)
        return
    if recording_id in teller.delayed:
        raise StoreDelayedError(f"the record of {recording_id} still waits for the disk")
    *before, last = bodies
    await _say(teller, before)
    try:
        await teller.sink.append(last)
    except StoreDelayedError:
        teller.delayed.add(recording_id)
        raise


async def _say(teller: RecordingTeller, bodies: Sequence[Loss | Recording]) -> None:
    for body in bodies:
        with suppress(StoreDelayedError):  # it stands in line before what is awaited
            await teller.sink.append(body)


def _dropped_of(sidecar: Sidecar) -> list[Loss | Recording]:
    """What a clip lacks. Without a recording id: a `Loss` with one says that the recording itself is lost."""
    if not sidecar.frames_dropped:
        return []
    reason = f"too quick for the recorder, refused by the disk or unreadable, in {sidecar.recording_id}"
    return [Loss(what="frames", reason=reason, count=sidecar.frames_dropped)]


async def _say_rebuilt(teller: RecordingTeller, sidecar: Sidecar) -> None:
    """What a note that was made anew may lack; once, however often the rest is refused."""
    if sidecar.recording_id in teller.rebuilt:
        return
    reason = f"the note of {sidecar.recording_id} was damaged, and is made anew: later events may miss in it"
    await _say(teller, [Loss(what="recording", reason=reason, count=0)])
    teller.rebuilt.add(sidecar.recording_id)


def _loss_of(sidecar: Sidecar) -> Loss:
    reason = "cut off before the first fragment was safe"
    return Loss(what="recording", reason=reason, count=1, recording_id=sidecar.recording_id)
