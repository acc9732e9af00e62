"""Keeps the spool within its budget and the disk from filling: what was uploaded goes first, then by worth."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from contract.messages import Loss
from edge.core.clock import Clock
from edge.core.errors import StoreDelayedError, StoreError
from edge.core.health import Health, State
from edge.core.records import RecordSink
from edge.core.service import Pulse
from edge.recording.ledger import KnownPhases
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Entry, Spool

_TICK_S: Final = 5.0
_MARGIN: Final = 8
_MOST_MARGIN_BYTES: Final = 16 * 2**20
_WORRIED_NS: Final = 600 * 1_000_000_000


class RetentionService:
    """A `Service` for the whole spool. Health part: `disk`.

    What was uploaded goes first, then recordings without an event, then those with one; within each, the oldest. One
    that is still growing, or whose record is not yet made, never goes. `on_evicted` gets the id of each that goes
    before its upload, so that the uploader forgets it; it may be called again for the same id after a restart.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        settings: RecordingSettings,
        sink: RecordSink,
        known: KnownPhases,
        on_evicted: Callable[[str], Awaitable[None]],
        clock: Clock,
        health: Health,
    ) -> None:
        self.name = "retention"
        self.pulse = Pulse(clock)
        self.evicted = 0
        self.evicted_bytes = 0
        self.lost = 0
        self.used_bytes = 0
        self._spool = spool
        self._settings = settings
        self._sink = sink
        self._known = known
        self._on_evicted = on_evicted
        self._clock = clock
        self._health = health
        self._room = True
        self._changing = asyncio.Lock()
        self._delayed: set[str] = set()
        self._lost_ns: int | None = None

    def has_room(self) -> bool:
        """Whether recordings may grow now."""
        return self._room

    async def mark_uploaded(self, recording_id: str) -> None:
        """The object storage confirmed a recording: its file may go first. Unknown ids are ignored."""
        async with self._changing:
            await asyncio.to_thread(self._mark, recording_id)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self.pulse.beat()
            try:
                await self.sweep()
            except (StoreError, OSError) as error:
                self._health.set("disk", State.DEGRADED, f"nothing can be evicted: {error}")
            await self._clock.sleep(_TICK_S)

    async def sweep(self) -> None:
        """Evict until the budget holds, or nothing is left that may go. Raise `StoreError` or `OSError` if refused."""
        async with self._changing:
            entries = await asyncio.to_thread(lambda: list(self._spool.entries()))
            self.used_bytes = sum(entry.size_bytes for entry in entries)
            for entry in entries:
                if entry.sidecar.step == "lost":
                    await self._lose(entry)
            short = await self._short()
            if short:
                short = await self._evict(entries)
        self._judge(short)

    async def _evict(self, entries: list[Entry]) -> int:
        """Evict by worth; return the bytes that are missing still."""
        for entry in sorted(await self._evictable(entries), key=_worth):
            if not await self._short():
                return 0
            if entry.sidecar.step == "uploaded":
                await self._delete(entry)
            else:
                lost = await asyncio.to_thread(self._spool.advance, entry.sidecar, "lost")
                await self._lose(Entry(lost, entry.size_bytes))
        return await self._short()

    async def _evictable(self, entries: list[Entry]) -> list[Entry]:
        """What may go. What the store knows to be uploaded is uploaded, whether or not we were told."""
        found = []
        for entry in entries:
            sidecar = entry.sidecar
            if sidecar.step == "recorded" and "uploaded" in await self._known(sidecar.recording_id):
                sidecar = await asyncio.to_thread(self._as_uploaded, sidecar)
            if sidecar.step in _RANK:
                found.append(Entry(sidecar, entry.size_bytes))
        return found

    async def _short(self) -> int:
        """Bytes that must go; more than are missed once recording has stopped, so that it does not stutter."""
        reserve = self._settings.reserve_bytes
        margin = 0 if self._room else min(reserve // _MARGIN, _MOST_MARGIN_BYTES)
        free = await asyncio.to_thread(self._spool.free_bytes)
        return max(0, reserve + margin - free, self.used_bytes - self._settings.max_spool_bytes)

    async def _lose(self, entry: Entry) -> None:
        """Record that a recording is given up, then delete it; may be killed between any two steps and done again."""
        recording_id = entry.sidecar.recording_id
        if "lost" not in await self._known(recording_id):
            await self._append_once(entry.sidecar)
        self._delayed.discard(recording_id)
        await self._on_evicted(recording_id)
        await self._delete(entry)
        self.lost += 1
        self._lost_ns = self._clock.mono_ns()

    async def _append_once(self, sidecar: Sidecar) -> None:
        if sidecar.recording_id in self._delayed:
            raise StoreDelayedError(f"the loss of {sidecar.recording_id} still waits for the disk")
        try:
            await self._sink.append(_loss(sidecar))
        except StoreDelayedError:
            self._delayed.add(sidecar.recording_id)
            raise

    async def _delete(self, entry: Entry) -> None:
        await asyncio.to_thread(self._spool.discard, entry.sidecar)
        self.evicted += 1
        self.evicted_bytes += entry.size_bytes
        self.used_bytes -= entry.size_bytes

    def _judge(self, short: int) -> None:
        self._room = short == 0
        if not self._room:
            detail = f"{short} bytes short, and nothing left that may be deleted: recording waits"
            self._health.set("disk", State.DEGRADED, detail)
        elif self._lost_ns is not None and self._clock.mono_ns() - self._lost_ns < _WORRIED_NS:
            self._health.set("disk", State.DEGRADED, f"{self.lost} recordings were deleted before their upload")
        else:
            self._health.set("disk", State.OK, f"recordings take {self.used_bytes} bytes")

    def _as_uploaded(self, sidecar: Sidecar) -> Sidecar:
        try:
            return self._spool.advance(sidecar, "uploaded")
        except OSError:  # a disk too full to note it; what it makes room for needs no note
            return replace(sidecar, step="uploaded")

    def _mark(self, recording_id: str) -> None:
        sidecar = self._spool.find(recording_id)
        if sidecar and sidecar.step == "recorded":
            self._spool.advance(sidecar, "uploaded")


_RANK: Final = {"uploaded": 0, "recorded": 1}


def _worth(entry: Entry) -> tuple[int, bool, int]:
    sidecar = entry.sidecar
    shows_event = sidecar.event_id is not None or sidecar.reason != "continuous"
    return _RANK[sidecar.step], shows_event, sidecar.start_ms


def _loss(sidecar: Sidecar) -> Loss:
    return Loss(
        what="recording",
        reason="the disk ran short before the upload",
        count=1,
        size_bytes=sidecar.size_bytes,
        recording_id=sidecar.recording_id,
    )
