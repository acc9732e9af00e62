"""A process that records for ever, to be killed: `python -m tests.support.recording_process FOLDER jpeg|h264`.

Its camera is quick: a second of video every few hundredths of a second, so that clips of five seconds end often. It
keeps its records in a real outbox and says `ready` when it records.
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.outbox.store import Outbox
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.service import RecordingService
from edge.recording.settings import RecordingSettings
from edge.recording.spool import Spool
from tests.support.encoded import with_units

SETTINGS = RecordingSettings(mode="continuous", segment_s=5, fragment_s=0.5)
_FPS = 25


async def main(folder: Path, sends: str, *, frames: int | None = None) -> None:
    """Record `frames` frames, or until killed; salvage first. The camera sends JPEG, or `h264` that is kept."""
    clock = SystemClock()
    health = Health(clock)
    async with Outbox.open(folder / "store.db", device="gate-1", clock=clock, health=health) as outbox:

        async def on_closed(recording: ClosedRecording) -> None:
            await outbox.uploads.add(recording.recording_id, recording.path)

        service = RecordingService(
            "front",
            settings=SETTINGS,
            spool=Spool(folder / "spool"),
            teller=RecordingTeller("gate-1", outbox, outbox.uploads.phases, on_closed),
            has_room=lambda: True,
            clock=clock,
            health=health,
        )
        running = asyncio.create_task(service.run())
        await asyncio.sleep(0)
        print("ready", flush=True)  # noqa: T201 - the test waits for it
        await _film(service, clock, sends, frames)
        await service.close()
        running.cancel()
        await asyncio.wait([running])


async def _film(service: RecordingService, clock: SystemClock, sends: str, frames: int | None) -> None:
    start_ns, seq = clock.mono_ns(), 0
    pictures = list(with_units(_FPS, fps=_FPS, key_every=_FPS))
    while frames is None or seq < frames:
        at_ns, picture = start_ns + seq * 1_000_000_000 // _FPS, pictures[seq % _FPS]
        moved = (replace(unit, seq=seq, mono_ns=at_ns, decode_ns=at_ns) for unit in picture.units)
        service.offer(replace(picture, seq=seq, mono_ns=at_ns, units=tuple(moved) if sends == "h264" else ()))
        seq += 1
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
