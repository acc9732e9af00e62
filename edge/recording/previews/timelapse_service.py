"""Takes a picture of each camera every minute and makes a timelapse of every day that is over."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from contract.messages import File, Loss, Record
from contract.objects import timelapse_key
from edge.core.clock import Clock
from edge.core.errors import RecordInvalidError, StoreError
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.core.records import RecordSink
from edge.core.service import Pulse
from edge.core.slot import Slot, SlotClosedError
from edge.core.stash import Holding, Worth
from edge.recording.previews.quiet import GoOn, quietly
from edge.recording.previews.settings import PreviewSettings
from edge.recording.previews.timelapse import FILE_PREFIX, Day, TimelapseFolder, day_of
from edge.recording.previews.timelapse_video import UnencodableError

PART: Final = "timelapse"
_BEAT_S: Final = 5.0
_PICTURE_WITHIN_S: Final = 5.0
Offer = Callable[[File, Path], Awaitable[Record]]
Phases = Callable[[str], Awaitable[frozenset[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelapseOutlets:
    """To whom timelapses are told: `offer` makes a file's record durable and queues it for upload, `phases` tells what
    became of it, `sink` takes the `Loss` of one that gave way, and `forget` has it uploaded no more."""

    device: str
    sink: RecordSink
    offer: Offer
    phases: Phases
    forget: Callable[[str], Awaitable[None]]


class TimelapseService:
    """A `Service` and the `Stash` of timelapses. Health part: `timelapse`."""

    def __init__(
        self,
        folder: TimelapseFolder,
        slots: Mapping[str, Slot[Frame]],
        *,
        settings: PreviewSettings,
        outlets: TimelapseOutlets,
        clock: Clock,
        health: Health,
    ) -> None:
        self.name = "timelapses"
        self.pulse = Pulse(clock)
        self._folder = folder
        self._slots = slots
        self._settings = settings
        self._outlets = outlets
        self._clock = clock
        self._health = health
        self._uploaded: set[str] = set()
        self._told: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        if not self._settings.timelapse_every_s:
            self._health.set(PART, State.STOPPED, "switched off by previews.timelapse_every_s")
        waited_s = self._settings.timelapse_every_s
        while True:
            self.pulse.beat()
            if self._settings.timelapse_every_s and waited_s >= self._settings.timelapse_every_s:
                waited_s = 0.0
                await self._try()
            await self._clock.sleep(_BEAT_S)
            waited_s += _BEAT_S

    async def run_once(self) -> None:
        """Take a picture of each camera, then finish what is over; raise `OSError` or `StoreError` if one is refused,
        once each was tried."""
        refused: OSError | StoreError | None = None
        async for work in self._due():
            self.pulse.beat()
            try:
                await work
            except (OSError, StoreError) as error:
                refused = refused or error
        if refused:
            raise refused

    async def mark_uploaded(self, file_id: str) -> None:
        """The object storage has one; ids that are none of ours are ignored."""
        if file_id.startswith(FILE_PREFIX):
            self._uploaded.add(file_id)

    def holdings(self) -> list[Holding]:
        """Every finished timelapse that was told of."""
        return [self._holding(day) for day in self._folder.finished() if day.file_id in self._told]

    def used_bytes(self) -> int:
        """What pictures and videos take."""
        return self._folder.used_bytes()

    async def evict(self, holding: Holding) -> None:
        """Delete one; see `Stash`."""
        days = await asyncio.to_thread(self._folder.finished)
        day = next((one for one in days if one.file_id == holding.id), None)
        if day is None:
            return
        if not await self._outlets.phases(holding.id) & {"uploaded", "lost"}:
            reason = holding.why or "the disk ran short before the upload"
            loss = Loss(what="file", reason=reason, count=1, size_bytes=holding.size_bytes, file_id=holding.id)
            await self._outlets.sink.append(loss)
        await self._outlets.forget(holding.id)
        await asyncio.to_thread(self._folder.delete, day)
        self._uploaded.discard(holding.id)
        self._told.discard(holding.id)

    async def _try(self) -> None:
        try:
            await self.run_once()
        except (OSError, StoreError) as error:
            self._health.set(PART, State.DEGRADED, f"no timelapse can be kept: {error}")
        else:
            self._health.set(PART, State.OK)

    async def _due(self) -> AsyncIterator[Awaitable[None]]:
        for camera, slot in self._slots.items():
            yield self._take(camera, slot)
        today = day_of("", self._clock.now().wall_ms).date
        for day in await asyncio.to_thread(self._folder.unfinished):
            if day.date < today:
                yield self._finish(day)
        for day in await asyncio.to_thread(self._folder.finished):
            yield self._tell(day)

    async def _take(self, camera: str, slot: Slot[Frame]) -> None:
        """The next picture of a camera, if one comes soon."""
        try:
            async with asyncio.timeout(_PICTURE_WITHIN_S):
                async for frame in slot.items(fresh=True):
                    now = self._clock.now()
                    day = day_of(camera, now.wall_ms)
                    keep = partial(self._folder.put, day, now.wall_ms, frame.jpeg, trusted=now.trusted)
                    await asyncio.to_thread(keep, most_px=self._settings.timelapse_px)
                    return
        except (TimeoutError, SlotClosedError, ValueError):
            return

    async def _finish(self, day: Day) -> None:
        """Make the video of a day that is over. One that was told of stays as it was told, also if the clock leapt."""

        def work(go_on: GoOn) -> None:
            def beat() -> None:
                go_on()
                self.pulse.beat()

            self._folder.finish(day, self._settings.timelapse_fps, beat)

        try:
            if not await self._outlets.phases(day.file_id):
                await quietly(work)
        except UnencodableError as error:
            reason = f"no video can be made of the pictures of {day.camera} of {day.date}: {error}"
            await self._outlets.sink.append(Loss(what="file", reason=reason, count=1, file_id=day.file_id))
        await asyncio.to_thread(self._folder.forget_pictures, day)

    async def _tell(self, day: Day) -> None:
        if day.file_id in self._told:
            return
        phases = await self._outlets.phases(day.file_id)
        if "uploaded" in phases:
            self._uploaded.add(day.file_id)
        elif "lost" not in phases:  # the first time, or the store was repaired: an offer does nothing twice
            file = await asyncio.to_thread(self._described, day)
            with suppress(RecordInvalidError):  # the store has told of it, once
                await self._outlets.offer(file, self._folder.video(day))
        self._told.add(day.file_id)

    def _described(self, day: Day) -> File:
        path = self._folder.video(day)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return File(
            file_id=day.file_id,
            phase="closed",
            purpose="timelapse",
            name=f"{day.camera} {day.date}.mp4",
            key=timelapse_key(self._outlets.device, day.camera, day.start_ms),
            content_type="video/mp4",
            size_bytes=path.stat().st_size,
            sha256=digest,
            start_ms=day.start_ms,
            end_ms=day.end_ms,
            camera=day.camera,
        )

    def _holding(self, day: Day) -> Holding:
        return Holding(
            id=day.file_id,
            kind="timelapse",
            worth=Worth.UPLOADED if day.file_id in self._uploaded else Worth.PLAIN_VIDEO,
            order=day.start_ms,
            size_bytes=self._folder.size(day),
            made_ms=day.start_ms,
            trusted=self._folder.trusted(day),
        )
