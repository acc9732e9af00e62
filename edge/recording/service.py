"""Records one camera: around events, always, by schedule, for sessions, or by hand."""

import asyncio
from collections.abc import Callable
from typing import Final

from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.frame import Frame
from edge.core.growth import Growth
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.recording.desk import Desk
from edge.recording.encoder import Chosen
from edge.recording.hindrance import Hindrance
from edge.recording.jobs import JobQueue
from edge.recording.ledger import RecordingTeller
from edge.recording.planner import ClipPlanner
from edge.recording.recorder import Recorder
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from edge.recording.stats import RecordingStats
from edge.recording.telling import Telling

_TICK_S: Final = 1.0
_RETRY_S: Final = 5.0


class RecordingService:
    """A `Service` that records one camera. Methods belong to the event loop; encoding has a thread of its own.

    `run` first salvages what a killed process left of this camera. `has_room` (`RetentionService.has_room`) is asked
    before a clip begins and while it grows. `on_growth` hears of each fragment that became safe, `on_growth_over` of a
    recording that comes to nothing, whether or not anything was told of it; both in the loop. `fragment_s` says how
    often to make a file safe now, the setting if there is none; `boot` is this run of the host, in which the monotonic
    clock counts on. Health part: `recording.<id>`.
    """

    def __init__(  # noqa: PLR0913 - the composition root's
        self,
        camera_id: str,
        *,
        settings: RecordingSettings,
        spool: Spool,
        teller: RecordingTeller,
        has_room: Callable[[], bool],
        clock: Clock,
        health: Health,
        on_growth: Callable[[Growth], None] = lambda _growth: None,
        on_growth_over: Callable[[str], None] = lambda _recording_id: None,
        fragment_s: Callable[[], float] | None = None,
        boot: str = "",
        may_record_plain: Callable[[], bool] = lambda: True,
    ) -> None:
        self.name = f"recording.{camera_id}"
        self.pulse = Pulse(clock)
        self._camera_id = camera_id
        self._settings = settings
        self._spool = spool
        self._teller = teller
        self._has_room = has_room
        self._clock = clock
        self._health = health
        self._on_growth = on_growth
        self._on_growth_over = on_growth_over
        self._fragment_s = fragment_s or (lambda: settings.fragment_s)
        self._boot = boot
        self._queue = JobQueue(settings.queue_bytes)
        self._hindrance = Hindrance(settings, queue=self._queue, has_room=has_room, clock=clock)
        self._planner = ClipPlanner(
            camera_id,
            settings=settings,
            queue=self._queue,
            clock=clock,
            may_begin=self._hindrance.may_begin,
            boot=boot,
            may_record_plain=may_record_plain,
        )
        self._desk: Desk | None = None
        self._recorder: Recorder | None = None
        self._telling: Telling | None = None
        self._closing = False

    @property
    def recording(self) -> bool:
        """Whether frames are being written now."""
        return self._planner.recording

    @property
    def manual(self) -> bool:
        """Whether somebody asked for a recording by hand and has not ended it."""
        return self._planner.trigger.manual

    @property
    def copying(self) -> bool:
        """Whether what the camera compressed is recorded, so that nobody need make JPEG for the recorder."""
        return self._planner.feed.copying

    @property
    def stats(self) -> RecordingStats:
        """How it is doing."""
        desk, recorder = self._desk, self._recorder
        chosen = desk.chosen if desk else Chosen("")
        return RecordingStats(
            recording=self.recording,
            clips=self._telling.clips if self._telling else 0,
            salvaged=self._telling.salvaged if self._telling else 0,
            frames_written=desk.frames_written if desk else 0,
            frames_dropped=self._planner.dropped,
            frames_unrecorded=self._lost(),
            bytes_written=desk.bytes_written if desk else 0,
            ring_bytes=self._planner.ring.size_bytes + (recorder.ring_bytes if recorder else 0),
            copying=self.copying,
            encoder=chosen.name,
            encoder_refused=chosen.refused,
        )

    def offer(self, frame: Frame) -> None:
        """Take every frame of the camera, in order. Cheap; never blocks."""
        if not self._closing:
            self._planner.offer(frame)

    def event_opened(self, event_id: str, *, urgent: bool = False) -> str | None:
        """Something began: record from `pre_roll_s` before now. `urgent`: it is an alarm. Return `recording_of` it."""
        self._planner.event_opened(event_id, urgent=urgent)
        return self._planner.recording_of(event_id)

    def event_closed(self, event_id: str) -> None:
        """It is over: record `post_roll_s` more, unless another event is open."""
        self._planner.event_closed(event_id)

    def forget_pre_roll(self) -> None:
        """Something else is to be hidden from now on: end what grows, and let go of the seconds before now."""
        self._planner.forget()

    def recording_of(self, event_id: str) -> str | None:
        """The recording that shows this event, from the frame on with which it begins; None if nothing records it.

        Of the latest events only; `Spool.recording_of` knows all that lie on the disk.
        """
        return self._planner.recording_of(event_id)

    def start_manual(self) -> None:
        """Record from now until `stop_manual`, in any mode."""
        self._planner.trigger.start_manual()

    def stop_manual(self) -> None:
        """End a recording by hand; an open event goes on being recorded."""
        self._planner.trigger.stop_manual()
        self._planner.tick()

    def start_session(self, session_id: str, participant: str | None) -> None:
        """Record for a session until `stop_session`, in any mode, in clips that show nothing of another session.

        Several may go on at once. Call it again after a restart: nothing here remembers sessions.
        """
        self._planner.start_session(session_id, participant)

    def stop_session(self, session_id: str) -> None:
        """The session is over; an unknown one is ignored."""
        self._planner.stop_session(session_id)

    def telling(self, recording_id: str) -> bool:
        """Whether a recording is told now, or waits to be."""
        return self._desk is not None and self._desk.holds(recording_id)

    async def close(self) -> None:
        """End what is being recorded and return when it is told; later frames are ignored. For a clean shutdown.

        What the store refuses now is told at the next start.
        """
        await self._end_thread()
        if self._desk:
            await self._tell_all()

    async def run(self) -> None:
        """Work until cancelled."""
        self._health.set(self.name, State.STARTING)
        desk = self._desk = self._hindrance.desk = Desk(self._grew)
        self._telling = Telling(
            desk,
            teller=self._teller,
            spool=self._spool,
            camera=self._camera_id,
            timed=lambda sidecar: sidecar.timed(self._clock.now(), self._boot),
            on_nothing=self._on_growth_over,
        )
        recorder = self._recorder = Recorder(
            self._camera_id,
            settings=self._settings,
            spool=self._spool,
            queue=self._queue,
            report=desk,
            fragment_s=self._fragment_s,
        )
        recorder.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(desk), name=f"{self.name} watch")
                await self._tell_for_ever(desk)
        finally:
            if self._closing:  # and cancelled all the same: the time is over
                self._queue.drop()
            await self._end_thread()
            recorder.join()

    def _grew(self, sidecar: Sidecar, safe_bytes: int) -> None:
        self._on_growth(
            Growth(
                recording_id=sidecar.recording_id,
                camera=sidecar.camera,
                path=self._spool.part_path(sidecar),
                key=sidecar.key(self._teller.device),
                safe_bytes=safe_bytes,
                reason=sidecar.reason,
                urgent=sidecar.urgent,
            )
        )

    async def _end_thread(self) -> None:
        self._closing = True
        self._planner.end()
        self._queue.close()
        if self._desk:
            await self._desk.gone()

    async def _tell_for_ever(self, desk: Desk) -> None:
        while True:
            await desk.next()
            self._hindrance.end_failed(self._planner)
            if not await self._tell_all():
                await self._clock.sleep(_RETRY_S)

    async def _tell_all(self) -> bool:
        """Tell of every recording that waits; False if the store or the disk refuses."""
        if self._telling is None:
            return True
        try:
            await self._telling.all()
        except (StoreError, OSError) as error:
            self._health.set(self.name, State.DEGRADED, f"a recording cannot be noted: {error}")
            return False
        return True

    async def _watch(self, desk: Desk) -> None:
        while True:
            self.pulse.beat()
            if not self._has_room():
                self._planner.end()
            self._planner.tick()
            await self._judge(desk)
            await self._clock.sleep(_TICK_S)

    async def _judge(self, desk: Desk) -> None:
        """Set the health by what stands in the way of recording now."""
        if why := self._hindrance.look(self._planner):
            self._health.set(self.name, State.DEGRADED, why)
        elif desk.waiting() is None:
            self._health.set(self.name, State.OK, self._hindrance.manner())
            await self._tell_lost()

    def _lost(self) -> int:
        return self._planner.unrecorded + (self._desk.frames_missed if self._desk else 0)

    async def _tell_lost(self) -> None:
        """Once recording works again: how many frames it missed meanwhile."""
        if self._telling is None:
            return
        try:
            await self._telling.lost(self._lost())
        except StoreError as error:
            self._health.set(self.name, State.DEGRADED, f"a loss cannot be noted: {error}")
