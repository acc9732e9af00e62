"""From pictures and reasons to clips: when one begins, with what pre-roll, when it goes on in the next, when it ends.

Belongs to the event loop and never blocks; the work is done by whoever takes the jobs.
"""

from collections.abc import Callable, Iterator
from typing import Final

from contract.ids import new_token
from edge.core.access_unit import AccessUnit
from edge.core.clock import Clock, wall_ms_of
from edge.core.frame import Frame
from edge.recording.feed import Feed
from edge.recording.jobs import Begin, End, Forget, JobQueue, Mark, Material
from edge.recording.ring import PreRollRing
from edge.recording.schedule import Timetable
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import MOST_EVENTS, Sidecar
from edge.recording.take import Growing, Take
from edge.recording.trigger import Always, ForSession, Trigger

_CAMERA_LOST_NS: Final = 10_000_000_000
_REMEMBERED: Final = 256
"""Events of which it is remembered in which recording they begin: the latest."""


class ClipPlanner:
    """Plans the clips of one camera. `may_begin` is asked before each; `boot` is this run of the host.

    While not `may_record_plain()`, video without an event is recorded only by hand and for sessions.
    """

    def __init__(
        self,
        camera_id: str,
        *,
        settings: RecordingSettings,
        queue: JobQueue,
        clock: Clock,
        may_begin: Callable[[], bool],
        boot: str = "",
        may_record_plain: Callable[[], bool] = lambda: True,
    ) -> None:
        timetable = Timetable(settings.schedule, clock)
        by_schedule = not timetable.always
        self.trigger = Trigger(
            settings.mode,
            post_roll_s=settings.post_roll_s,
            on=timetable.on,
            by_schedule=by_schedule,
            sparing=lambda: not may_record_plain(),
        )
        self.ring = PreRollRing(seconds=settings.pre_roll_s, max_bytes=settings.pre_roll_bytes)
        self.feed = Feed(copies=settings.codec != "h264")
        self.dropped = 0
        self.unrecorded = 0
        self._camera_id = camera_id
        self._settings = settings
        self._queue = queue
        self._clock = clock
        self._may_begin = may_begin
        self._boot = boot
        self._main = Take(self.trigger, rolls=self.trigger.by_events)
        plain = Always(lambda: timetable.on() and may_record_plain(), by_schedule=by_schedule)
        always = [Take(plain)] if settings.mode == "both" else []
        self._standing = (*always, self._main)
        self._sessions: dict[str, Take] = {}
        self._shown: dict[str, str] = {}
        self._newest_ns = 0
        self._shape: tuple[object, ...] = ()

    @property
    def recording(self) -> bool:
        """Whether a clip is growing."""
        return any(take.clip for take in self._takes())

    @property
    def wanted(self) -> bool:
        """Whether frames of now are to be recorded."""
        now_ns = self._clock.mono_ns()
        return any(take.wish.wanted(now_ns) for take in self._takes())

    def offer(self, frame: Frame) -> None:
        """Take every frame of the camera, in order."""
        self._newest_ns = frame.mono_ns
        lost = self.feed.lost
        materials = self.feed.materials(frame)
        self._drop(self.feed.lost - lost)
        for material in materials:
            self._offer(material)

    def event_opened(self, event_id: str, *, urgent: bool = False) -> None:
        """Something began; `urgent`: it is an alarm."""
        self.trigger.event_opened(event_id, self._clock.mono_ns(), urgent=urgent)
        if clip := self._main.clip:
            self._remember(event_id, clip.recording_id)
            self._queue.put(Mark(clip.recording_id, event_id, urgent))

    def event_closed(self, event_id: str) -> None:
        """It is over."""
        self.trigger.event_closed(event_id, self._clock.mono_ns())

    def recording_of(self, event_id: str) -> str | None:
        """The recording in which this event begins; None if there is none, or none yet: a clip begins with a frame."""
        return self._shown.get(event_id)

    def start_session(self, session_id: str, participant: str | None) -> None:
        """Record for a session until it ends, in clips of its own; one that goes on already goes on."""
        if session_id not in self._sessions:
            self._sessions[session_id] = Take(ForSession(), session_id=session_id, participant=participant)

    def stop_session(self, session_id: str) -> None:
        """A session is over; an unknown one is ignored."""
        if take := self._sessions.pop(session_id, None):
            self._end(take, self._newest_ns)

    def forget(self) -> None:
        """End what grows and let go of what is kept: what is to be seen changes with the next frame."""
        self._let_go()
        self.feed.restart()

    def tick(self) -> None:
        """Once a second: end a clip that nobody wants any more or whose camera fell silent."""
        now_ns = self._clock.mono_ns()
        silent = now_ns - self._newest_ns > _CAMERA_LOST_NS
        for take in self._takes():
            if silent or not take.wish.wanted(now_ns):
                self._end(take, self._newest_ns)

    def end(self) -> None:
        """End every clip that is growing."""
        for take in self._takes():
            self._end(take, self._newest_ns)

    def _let_go(self) -> None:
        """What comes next belongs in no file with what came before."""
        self.end()
        self.ring.drain()
        self._queue.put(Forget())

    def _takes(self) -> Iterator[Take]:
        yield from self._standing
        yield from self._sessions.values()

    def _offer(self, material: Material) -> None:
        if (shape := _shape(material)) != self._shape:
            if self._shape:
                self._let_go()
            self._shape = shape
        refused = [take for take in self._takes() if not self._goes_on(take, material)]
        if refused and not self.recording:
            self.unrecorded += 1
        if self.recording or isinstance(material, AccessUnit):
            self._put(material)
        elif not refused and self.trigger.by_events:
            self.ring.append(material)

    def _goes_on(self, take: Take, material: Material) -> bool:
        """End or begin the clip of a take as this picture wants it; False if one is wanted and cannot begin."""
        if not take.wish.wanted(material.mono_ns):
            self._end(take, material.mono_ns)
            return True
        if take.clip and take.clip.is_full(material.mono_ns) and _is_key(material):
            self._end(take, material.mono_ns)
        return take.clip is not None or self._begin(take, material)

    def _begin(self, take: Take, material: Material) -> bool:
        if not self._may_begin():
            return False
        since_ns = material.mono_ns
        rolls = take.rolls or (take is self._main and self.trigger.by_events)
        if rolls:
            since_ns = max(since_ns - round(self._settings.pre_roll_s * 1e9), take.ended_ns)
        before = self.ring.drain() if rolls and not self.recording else []
        sidecar = self._sidecar(take, before[0] if before else material)
        longest_s = self._settings.max_clip_s
        if sidecar.reason in {"continuous", "schedule"}:
            longest_s = self._settings.segment_s
        first_ns = before[0].mono_ns if before else material.mono_ns
        take.clip = Growing(sidecar.recording_id, first_ns, round(longest_s * 1e9))
        for event_id in sidecar.event_ids:
            self._remember(event_id, sidecar.recording_id)
        fresh = before or (since_ns >= material.mono_ns and _is_key(material))
        self._queue.put(Begin(sidecar, None if fresh else since_ns))
        for old in before:
            self._put(old)
        return True

    def _end(self, take: Take, now_ns: int) -> None:
        clip, take.clip = take.clip, None
        if clip:
            take.ended_ns = now_ns
            self._queue.put(End(clip.recording_id, clip.dropped))

    def _sidecar(self, take: Take, first: Material) -> Sidecar:
        encoded = isinstance(first, Frame) and self._settings.codec != "copy"
        events = take.wish.shown[:MOST_EVENTS]
        return Sidecar(
            recording_id=new_token("rec"),
            camera=self._camera_id,
            reason=take.wish.reason,
            codec=first.codec if isinstance(first, AccessUnit) else "h264" if encoded else "mjpeg",
            start_ms=wall_ms_of(first.mono_ns, self._clock.now()),
            trusted=self._clock.now().trusted,
            mono_ns=first.mono_ns,
            boot=self._boot,
            width_px=first.width & ~1 if encoded else first.width,
            height_px=first.height & ~1 if encoded else first.height,
            event_id=next(iter(events), None),
            event_ids=events,
            urgent=take.wish.urgent,
            session_id=take.session_id,
            participant=take.participant,
        )

    def _remember(self, event_id: str, recording_id: str) -> None:
        self._shown.setdefault(event_id, recording_id)
        while len(self._shown) > _REMEMBERED:
            del self._shown[next(iter(self._shown))]

    def _put(self, material: Material) -> None:
        if self._queue.put_material(material):
            return
        self._drop(1)
        if isinstance(material, AccessUnit):
            self.feed.broken()

    def _drop(self, count: int) -> None:
        """So many pictures do not reach the clips that grow."""
        clips = [take.clip for take in self._takes() if take.clip]
        for clip in clips:
            clip.dropped += count
        self.dropped += count if clips else 0


def _is_key(material: Material) -> bool:
    return isinstance(material, Frame) or material.key


def _shape(material: Material) -> tuple[object, ...]:
    """What all pictures of a file have in common."""
    if isinstance(material, AccessUnit):
        return material.codec, material.width, material.height, material.sets
    return "", material.width, material.height
