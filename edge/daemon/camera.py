"""One camera put together: capture, live picture, analysis and recorder, as the LAN side sees it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from anyio import to_thread

from contract.plan import Plan
from edge.capture.service import CaptureService
from edge.core.clock import Clock
from edge.core.errors import StoreError
from edge.core.frame import Frame
from edge.core.health import Health, PartHealth, State
from edge.core.hub import Hub
from edge.core.service import Pulse
from edge.core.slot import Slot
from edge.daemon.opinions import Opinions
from edge.daemon.plan_desk import PlanDesk
from edge.recording.service import RecordingService
from edge.vision.detect.service import DetectorService
from edge.vision.service import VisionService
from edge.web.deps import CameraStats

_TELL_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraParts:
    """What a camera is put together from. `vision` and `detector` are None where analysis is switched off."""

    slot: Slot[Frame]
    capture: CaptureService
    recorder: RecordingService
    vision: VisionService | None
    detector: DetectorService | None
    plan: PlanDesk
    opinions: Opinions
    has_room: Callable[[], bool]


class CameraUnit:
    """Fills `edge.web.deps.CameraPort`; also a `Service` that tells the page once a second how the camera does."""

    def __init__(
        self,
        camera_id: str,
        parts: CameraParts,
        *,
        name: str,
        hub: Hub,
        health: Health,
        clock: Clock,
        viewers: Callable[[str], int],
        start_wait_s: float,
    ) -> None:
        self._id = camera_id
        self._camera_name = name or camera_id
        self._parts = parts
        self._part = f"camera.{camera_id}"
        self._hub = hub
        self._health = health
        self._clock = clock
        self._viewers = viewers
        self._start_wait_s = start_wait_s
        self._pulse = Pulse(clock)

    @property
    def id(self) -> str:
        """Its id in the config, topics and URLs."""
        return self._id

    @property
    def name(self) -> str:
        """What people call it."""
        return self._camera_name

    @property
    def pulse(self) -> Pulse:
        """Its proof of progress."""
        return self._pulse

    @property
    def slot(self) -> Slot[Frame]:
        """Where its newest frame is."""
        return self._parts.slot

    @property
    def running(self) -> bool:
        """Whether it is meant to deliver frames."""
        return self._parts.capture.wanted

    @property
    def recorder(self) -> RecordingService:
        """What records it."""
        return self._parts.recorder

    @property
    def recording(self) -> bool:
        """Whether it is being recorded now."""
        return self._parts.recorder.recording

    @property
    def stats(self) -> CameraStats:
        """How it does now."""
        capture, vision = self._parts.capture.stats, self._parts.vision
        part = self._health.part(self._part)
        stats = CameraStats(
            state=part.state.value if part else State.STOPPED.value,
            detail=part.detail if part else "",
            fps=capture.fps,
            width=capture.width,
            height=capture.height,
            frames=capture.frames,
            reconnects=capture.reconnects,
        )
        return self._with_analysis(stats, vision) if vision else stats

    def _with_analysis(self, stats: CameraStats, vision: VisionService) -> CameraStats:
        counts, state, detector = vision.stats, vision.state, self._parts.detector
        return replace(
            stats,
            analysed=counts.frames_analysed,
            skipped=counts.frames_skipped,
            events_opened=counts.events_opened,
            events_merged=state.flood.merged,
            events_suppressed=state.flood.suppressed,
            detector_runs=detector.stats.looks if detector else 0,
            anomaly_score=state.score,
            anomaly_threshold=state.threshold,
            learning_progress=state.learning.progress,
            motion_threshold=state.motion_threshold.luma,
            condition=state.condition.kind if self.running else "",
        )

    async def start(self) -> None:
        """Start capture; raise `SourceUnavailableError` with the reason if no picture comes."""
        await self._parts.capture.start(self._start_wait_s)

    async def stop(self) -> None:
        """Release the camera and forget what analysis had not finished."""
        await self._parts.capture.stop()
        self._parts.slot.clear()
        self.reset_vision()

    def vision_state(self) -> Mapping[str, Any] | None:
        """The newest `vision` message; None while analysis is not at work."""
        if self._parts.vision is None or not self.running:
            return None
        return self._parts.vision.state.to_plain()

    def reset_vision(self) -> None:
        """Forget what is transient and keep what was learned."""
        if self._parts.vision:
            self._parts.vision.reset()

    async def set_recording(self, on: bool) -> None:
        """Begin or end a recording by hand. Raise `StoreError` if there is no room."""
        if on and not self._parts.has_room():
            raise StoreError("the disk has no room for a recording: see the part `disk`")
        if on:
            self._parts.recorder.start_manual()
        else:
            self._parts.recorder.stop_manual()
        self._tell()

    def recording_of(self, event_id: str) -> str | None:
        """The recording that shows one of the latest events."""
        return self._parts.recorder.recording_of(event_id)

    def plan(self) -> Plan:
        """What people have drawn over its picture."""
        return self._parts.plan.plan

    def plan_problem(self) -> str | None:
        """Why the kept plan could not be read, if so."""
        return self._parts.plan.problem

    async def set_plan(self, plan: Plan) -> Plan:
        """Keep `plan` and let it hold. Raise `PlanConflictError` or `StoreError`."""
        return await self._parts.plan.save(plan)

    def anomaly(self) -> Mapping[str, Any] | None:
        """What was learned to be normal and how the last hour was."""
        view = self._parts.vision.anomaly() if self._parts.vision else None
        return None if view is None else msgspec.to_builtins(view)

    async def reset_anomaly(self) -> None:
        """Forget what was learned to be normal. Raise `StoreError` if that cannot be made durable."""
        if self._parts.vision:
            await self._parts.vision.forget_normal()

    async def feedback(self, event_id: str, normal: bool) -> bool:
        """Somebody says that an event was normal, or that it was not: kept, and taught where it was an anomaly.

        Raise `StoreError` if it cannot be kept.
        """
        if self._parts.vision:
            await self._parts.vision.feedback(event_id, normal=normal)
        await to_thread.run_sync(lambda: self._parts.opinions.say(event_id, normal=normal))
        return True

    def feedback_of(self, event_id: str) -> bool | None:
        """What was last said of an event."""
        return self._parts.opinions.of(event_id)

    def health_changed(self, part: PartHealth) -> None:
        """Clear the live picture when the camera is lost, so that nobody takes an old one for now."""
        if part.part != self._part:
            return
        if part.state in {State.FAILED, State.STOPPED}:
            self._parts.slot.clear()
        self._tell()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self._tell()
            self._pulse.beat()
            await self._clock.sleep(_TELL_EVERY_S)

    def _tell(self) -> None:
        stats = self.stats
        message = {
            "camera": self._id,
            "state": stats.state,
            "detail": stats.detail,
            "fps": round(stats.fps, 1),
            "width": stats.width,
            "height": stats.height,
            "viewers": self._viewers(self._id),
            "recording": self.recording,
            "manual": self._parts.recorder.manual,
        }
        self._hub.publish("camera", message, key=self._id)
