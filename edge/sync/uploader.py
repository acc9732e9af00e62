"""Carries files to object storage, several at once and while they grow, and goes on where it was when it was killed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar, TypeVarTuple, Unpack

from edge.core.background import in_the_background
from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import EdgeError, LinkError, StoreError
from edge.core.first_of import first_of
from edge.core.growth import Growth
from edge.core.health import Health, State
from edge.core.secrets import SecretMissingError
from edge.core.service import Pulse
from edge.outbox.store import Outbox
from edge.sync.targets.target import Target, UploadCancelledError
from edge.sync.upload_settings import UploadSettings
from edge.sync.uploading.ahead import Ahead
from edge.sync.uploading.carriage import Carriage, Road
from edge.sync.uploading.fates import Arrived, Fates
from edge.sync.uploading.journeys import Journeys, UploadProgress
from edge.sync.uploading.lineup import Lineup
from edge.sync.uploading.schedule import NOTHING, Schedule
from edge.sync.uploading.station import Station
from edge.sync.uploading.sweep import Sweep
from edge.sync.uploading.throttle import Throttle

PART: Final = "objects"
_BEAT_S: Final = 5.0
_SWEEP_NS: Final = 60_000_000_000
_STOP_S: Final = 2.0
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
OnUploaded = Callable[[str], Awaitable[None]]


class Uploader:
    """A `Service`. Health part: `objects`.

    `make_target` is called at the first file and again after each failure, so that changed secrets take effect; None
    instead of it switches uploading off. `on_uploaded` gets the id of each recording or file that is confirmed in
    object storage, once that is recorded; a crash in between leaves it uncalled, and `Uploads.phases` tells.
    `growing_bytes`: how big a recording that still grows is to be expected at most.
    """

    def __init__(
        self,
        make_target: Callable[[], Target] | None,
        *,
        outbox: Outbox,
        clock: Clock,
        health: Health,
        rng: random.Random,
        on_uploaded: OnUploaded | None = None,
        settings: UploadSettings | None = None,
        growing_bytes: int = 4 << 30,
    ) -> None:
        self.name = "uploader"
        self.pulse = Pulse(clock)
        self.on_uploaded = on_uploaded
        self.settings = settings or UploadSettings()
        self.sent_bytes_total = 0
        self._make_target = make_target
        self._uploads = outbox.uploads
        self._clock = clock
        self._health = health
        self._backoff = Backoff(rng, first_s=1.0, limit_s=60.0)
        self._failing = False
        self._growing_bytes = growing_bytes
        self.lineup = Lineup(clock, rng, self.settings.retry_limit_s)
        self.journeys = Journeys(clock, Throttle(Schedule(self.settings, clock).limit_bps, clock))
        self._station = Station(outbox.uploads, self.lineup)
        self._fates = Fates(self._uploads, self._station, self.lineup, settings=self.settings, clock=clock)
        self._uploads.on_closed = self._station.closed
        self._uploads.on_gone = self._given_up
        self._uploads.under_way = self.lineup.busy.__contains__
        self._sweep = Sweep(outbox.device, self.settings, clock, self._station.keys_under_way)

    @property
    def progress(self) -> UploadProgress | None:
        """One file under way, if any is."""
        return self.journeys.progress

    @property
    def uploaded_total(self) -> int:
        """Files that object storage confirmed."""
        return self._fates.uploaded_total

    @property
    def restarted_total(self) -> int:
        """Files that had to begin again."""
        return self._fates.restarted_total

    @property
    def recent(self) -> Sequence[Arrived]:
        """The files that arrived last, the newest at the end."""
        return self._fates.recent

    @property
    def aborted_total(self) -> int:
        """Uploads that nobody would have completed and that were taken away at the target."""
        return self._sweep.aborted_total

    def grew(self, growth: Growth) -> None:
        """A recording has more safe bytes: whole parts of them are sent while it goes on. Belongs to the event loop."""
        if self._make_target is not None:
            self._station.grew(growth)

    def stopped_growing(self, recording_id: str) -> None:
        """A recording that grew was thrown away: so is what was sent of it. Belongs to the event loop."""
        self._station.dropped(recording_id)
        self.journeys.stop(recording_id)

    async def pause(self, upload_id: str | None = None) -> None:
        """Hold one back or all, also what is on its way. Raise `UnknownError`, `StoreError`."""
        if upload_id is None:
            await self._uploads.pause_all(paused=True)
        else:
            await self._uploads.pause(upload_id, paused=True)
        self.journeys.stop(upload_id)

    async def resume(self, upload_id: str | None = None) -> None:
        """Go on with one, or with all but those that pause by themselves. Raise `UnknownError`, `StoreError`."""
        if upload_id is None:
            await self._uploads.pause_all(paused=False)
        else:
            await self._uploads.pause(upload_id, paused=False)

    async def retry(self, upload_id: str | None = None) -> None:
        """Try one that failed, or all that did. Raise `UnknownError`, `RefusedError`, `StoreError`."""
        await self._uploads.retry(upload_id)
        self.lineup.forget(upload_id)
        self._uploads.wake()

    async def run(self) -> None:
        """Upload until cancelled."""
        if self._make_target is None:
            self._health.set(PART, State.STOPPED, "switched off: recordings stay on the device")
            while True:
                self.pulse.beat()
                await self._clock.sleep(_BEAT_S)
        try:
            while True:
                await self._work_until_failure(self._make_target)
                await self._rest(self._backoff.next())
        finally:
            self.journeys.halt()

    async def _work_until_failure(self, make_target: Callable[[], Target]) -> None:
        target: Target | None = None
        try:
            target = await self._in_thread(make_target)
            await self._in_thread(target.check)
            self._tell_health()
            await self._work(target)
        except (LinkError, StoreError, SecretMissingError) as error:
            self._failing = True
            self._health.set(PART, State.FAILED, str(error))
        finally:
            if target:
                target.close()

    async def _work(self, target: Target) -> None:
        """Let all work until one finds that the target or the store fails; what is on its way is sent to its end."""
        road = Road(
            target=target,
            uploads=self._uploads,
            in_thread=self._in_thread,
            growing_bytes=self._growing_bytes,
            ahead=Ahead(self.settings.parallel),
        )
        self._station.open(road)
        jobs = [self._carry() for _ in range(self.settings.parallel)]
        tasks = [asyncio.create_task(job, name="uploader-job") for job in (*jobs, self._tidy(road))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            self._station.close()
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            self.journeys.halt()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            raise
        for task in sorted(tasks, key=lambda task: isinstance(task.exception(), EdgeError)):
            task.result()

    async def _carry(self) -> None:
        while self._station.is_open:
            seen = self._uploads.changes
            carriage = None if self.journeys.throttle.limit_bps == NOTHING else await self._station.take()
            if carriage is None:
                self._succeeded_if_idle()
                await self._wait_for_work(seen)
                continue
            try:
                await self._move(carriage)
            finally:
                self._station.release(carriage.upload.id)

    async def _move(self, carriage: Carriage) -> None:
        upload, done = carriage.upload, False
        journey = self.journeys.begin(upload.id, carriage.sent_bytes, carriage.safe_bytes)
        try:
            done = await carriage.step(journey)
            await self._got_on(carriage)
        except UploadCancelledError:
            return
        except EdgeError as error:
            done = await self._fates.failed(carriage, error)
        finally:
            self.journeys.end(upload.id, done=done)
        if not done:
            return
        if not await self._fates.arrived(carriage):
            self._sweep.soon()
        elif self.on_uploaded:
            await self.on_uploaded(upload.id)

    def _given_up(self, upload_id: str) -> None:
        """By somebody else: what is on its way of it stops, and what is there of it is thrown away."""
        self.journeys.stop(upload_id)
        self._station.left(upload_id, gone=True)
        self._sweep.soon()

    async def _got_on(self, carriage: Carriage) -> None:
        self.sent_bytes_total += carriage.sent_now_bytes
        self._failing = False
        self._backoff.reset()
        self._tell_health()
        if self.lineup.succeeded(carriage.upload.id) and carriage.upload.attempts:
            await self._uploads.forgive(carriage.upload.id)

    async def _tidy(self, road: Road) -> None:
        next_ns = 0
        while self._station.is_open:
            seen = self._uploads.changes
            if self._clock.mono_ns() >= next_ns:
                await self._station.tidy()
                await self._fates.look_after_failed()
                self._tell_health()
                self._sweep.soon()
                next_ns = self._clock.mono_ns() + _SWEEP_NS
            await self._sweep.run(road)
            await self._wait_for_work(seen)

    def _succeeded_if_idle(self) -> None:
        if not self.lineup.busy and self.lineup.next_s() is None:
            self._failing = False
            self._backoff.reset()
            self._tell_health()

    def _tell_health(self) -> None:
        if self._failing:
            return
        if self._fates.failed_files:
            detail = f"{self._fates.failed_files} files could not be sent: see /v1/uploads, and retry them"
            self._health.set(PART, State.DEGRADED, detail)
        else:
            self._health.set(PART, State.OK)

    async def _in_thread(self, work: Callable[[Unpack[_Ts]], _T], *arguments: *_Ts) -> _T:
        """Run blocking `work` in a thread. What it waits for has timeouts of its own, so waiting is progress; but a
        target that does not answer keeps no daemon from ending."""
        future = in_the_background(partial(work, *arguments), name="uploader")
        try:
            while not (await asyncio.wait({future}, timeout=_BEAT_S))[0]:
                self.pulse.beat()
        except asyncio.CancelledError:
            self.journeys.halt()
            await asyncio.wait({future}, timeout=_STOP_S)
            future.cancel()
            await asyncio.gather(future, return_exceptions=True)
            raise
        self.pulse.beat()
        return future.result()

    async def _wait_for_work(self, seen: int) -> None:
        rest_s = min(_BEAT_S, self.lineup.next_s() or _BEAT_S)
        await first_of(self._uploads.wait_changed(seen), self._clock.sleep(rest_s), name="uploader-wait")
        self.pulse.beat()

    async def _rest(self, seconds: float) -> None:
        while seconds > 0:
            self.pulse.beat()
            await self._clock.sleep(min(seconds, _BEAT_S))
            seconds -= _BEAT_S
