"""From frames and reasons to clips: when one begins, with what pre-roll, when it goes on in the next, when it ends.

Belongs to the event loop and never blocks; the work is done by whoever takes the jobs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import dropwhile
from typing import Final

from contract.ids import new_token
from edge.core.clock import Clock, wall_ms_of
from edge.core.frame import Frame
from edge.recording.jobs import Begin, End, JobQueue, Mark
from edge.recording.ring import PreRollRing
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import MOST_EVENTS, Sidecar
from edge.recording.trigger import Trigger

_CAMERA_LOST_NS: Final = 10_000_000_000
_REMEMBERED: Final = 256
"""Events of which it is remembered in which recording they begin: the latest."""


@dataclass(slots=True)
class _Clip:
    recording_id: str
    width: int
    height: int
    first_ns: int
    limit_ns: int
    dropped: int = 0


class ClipPlanner:
    """Plans the clips of one camera. `may_begin` is asked before each."""

    def __init__(
        self,
        camera_id: str,
        *,
        settings: RecordingSettings,
        queue: JobQueue,
        clock: Clock,
        may_begin: Callable[[], bool],
    ) -> None:
        self.trigger = Trigger(settings.mode, post_roll_s=settings.post_roll_s)
        self.ring = PreRollRing(seconds=settings.pre_roll_s, max_bytes=settings.pre_roll_bytes)
        self.dropped = 0
        self.unrecorded = 0
        self._camera_id = camera_id
        self._settings = settings
        self._queue = queue
        self._clock = clock
        self._may_begin = may_begin
        self._clip: _Clip | None = None
        self._shown: dict[str, str] = {}
        self._newest_ns = 0

    @property
    def recording(self) -> bool:
        """Whether a clip is growing."""
        return self._clip is not None

    @property
    def wanted(self) -> bool:
        """Whether frames of now are to be recorded."""
        return self.trigger.wanted(self._clock.mono_ns())

    def offer(self, frame: Frame) -> None:
        """Take every frame of the camera, in order."""
        self._newest_ns = frame.mono_ns
        frame = frame if frame.luma is None else replace(frame, luma=None)
        if not self.trigger.wanted(frame.mono_ns):
            self.end()
            if self.trigger.by_events:
                self.ring.append(frame)
            return
        if self._clip and self._is_full(self._clip, frame):
            self.end()
        if self._clip is None and not self._begin(frame):
            self.unrecorded += 1
            return
        self._put(frame)

    def event_opened(self, event_id: str) -> None:
        """Something began."""
        self.trigger.event_opened(event_id, self._clock.mono_ns())
        if self._clip:
            self._remember(event_id, self._clip.recording_id)
            self._queue.put(Mark(event_id))

    def event_closed(self, event_id: str) -> None:
        """It is over."""
        self.trigger.event_closed(event_id, self._clock.mono_ns())

    def recording_of(self, event_id: str) -> str | None:
        """The recording in which this event begins; None if there is none, or none yet: a clip begins with a frame."""
        return self._shown.get(event_id)

    def tick(self) -> None:
        """Once a second: end a clip that nobody wants any more or whose camera fell silent."""
        now_ns = self._clock.mono_ns()
        if self._clip and (not self.trigger.wanted(now_ns) or now_ns - self._newest_ns > _CAMERA_LOST_NS):
            self.end()

    def end(self) -> None:
        """End the clip, if one is growing."""
        clip, self._clip = self._clip, None
        if clip:
            self._queue.put(End(clip.dropped))

    def _is_full(self, clip: _Clip, frame: Frame) -> bool:
        return frame.mono_ns - clip.first_ns >= clip.limit_ns or (frame.width, frame.height) != (
            clip.width,
            clip.height,
        )

    def _begin(self, frame: Frame) -> bool:
        if not self._may_begin():
            return False
        shape = frame.width, frame.height
        before = list(dropwhile(lambda old: (old.width, old.height) != shape, self.ring.drain()))
        sidecar = self._sidecar(before[0] if before else frame)
        longest_s = self._settings.segment_s if sidecar.reason == "continuous" else self._settings.max_clip_s
        first_ns = (before[0] if before else frame).mono_ns
        self._clip = _Clip(sidecar.recording_id, *shape, first_ns, round(longest_s * 1e9))
        for event_id in sidecar.event_ids:
            self._remember(event_id, sidecar.recording_id)
        self._queue.put(Begin(sidecar))
        for old in before:
            self._put(old)
        return True

    def _sidecar(self, first: Frame) -> Sidecar:
        h264 = self._settings.codec == "h264"
        return Sidecar(
            recording_id=new_token("rec"),
            camera=self._camera_id,
            reason=self.trigger.reason,
            codec="h264" if h264 else "mjpeg",
            start_ms=wall_ms_of(first.mono_ns, self._clock.now()),
            width_px=first.width - first.width % 2 if h264 else first.width,
            height_px=first.height - first.height % 2 if h264 else first.height,
            event_id=self.trigger.event_id,
            event_ids=self.trigger.shown[:MOST_EVENTS],
        )

    def _remember(self, event_id: str, recording_id: str) -> None:
        self._shown.setdefault(event_id, recording_id)
        while len(self._shown) > _REMEMBERED:
            del self._shown[next(iter(self._shown))]

    def _put(self, frame: Frame) -> None:
        if self._clip and not self._queue.put_frame(frame):
            self._clip.dropped += 1
            self.dropped += 1
