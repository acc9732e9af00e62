"""A spool of made-up recordings, and what keeps it within its budgets."""

from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from edge.core.health import Health
from edge.recording.retention.service import RetentionService
from edge.recording.retention.settings import RetentionSettings
from edge.recording.retention.spool import SpoolStash
from edge.recording.sidecar import Sidecar, Step
from edge.recording.spool import Spool
from tests.support.clock import FakeClock
from tests.support.sinks import MemorySink

MIB = 2**20
"""Bytes of each recording."""
Reason = Literal["continuous", "event", "manual"]


class SpoolDisk:
    """A spool with made-up recordings of one mebibyte each."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = FakeClock()
        self.health = Health(self.clock)
        self.sink = MemorySink()
        self.spool = Spool(folder)
        self.forgotten: list[str] = []
        self.stash = SpoolStash(self.spool, sink=self.sink, known=self.sink.known, on_evicted=self._forget)
        self.retention = RetentionService(
            [self.stash],
            settings=RetentionSettings(**({"max_bytes": 3 * MIB, "reserve_bytes": 0} | settings)),
            free_bytes=self._free_bytes,
            clock=self.clock,
            health=self.health,
        )
        self.retention.reconcile = self.stash.reconcile

    def _free_bytes(self) -> int:
        return self.spool.free_bytes()

    async def _forget(self, recording_id: str) -> None:
        self.forgotten.append(recording_id)

    def add(self, name: str, step: Step = "recorded", reason: Reason = "event", event_id: str | None = None) -> None:
        """One more, newer than all others."""
        start_ms = 1_780_000_000_000 + len(list(self.spool.entries())) * 1000
        sidecar = Sidecar(
            recording_id=name,
            camera="front",
            reason=reason,
            codec="h264",
            start_ms=start_ms,
            width_px=2,
            height_px=2,
            size_bytes=MIB,
            event_id=event_id,
        )
        part = self.spool.begin(sidecar)
        part.write_bytes(bytes(MIB))
        if step != "writing":
            part.rename(self.spool.path(sidecar))
            self.spool.note(replace(sidecar, step=step, sha256="0" * 64))

    def names(self) -> set[str]:
        """The ids of those that are there."""
        return {entry.sidecar.recording_id for entry in self.spool.entries()}
