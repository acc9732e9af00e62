"""What a camera's analysis shows the world now: put together from a frame's findings, told at a bounded rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from contract.messages import Box
from edge.core.clock import Stamp
from edge.core.hub import Hub
from edge.vision.analysis import Seen
from edge.vision.findings import Finding, Thing
from edge.vision.state import (
    AiStatus,
    AnomalyStatus,
    ConditionKind,
    Flood,
    LearningProgress,
    LiveBox,
    Pace,
    PictureCondition,
    VisionState,
    ZoneState,
    anomaly_stats,
)

TOPIC: Final = "vision"
_MOVING_NS: Final = 100_000_000
_IDLE_NS: Final = 1_000_000_000
_SHOWN_AS_MOTION_S: Final = 0.2
"""What was seen for less is not yet shown as motion: a status that flickers tells nobody anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What there is to show of a frame beside what was seen in it."""

    seq: int
    now: Stamp
    condition: PictureCondition
    pace: Pace
    flood: Flood
    analysis_ms: float


class LiveState:
    """The newest `VisionState` of a camera and when it was last published. Belongs to the event loop."""

    def __init__(self, camera: str, hub: Hub) -> None:
        self._state = VisionState(camera=camera)
        self._unshown: tuple[Seen, Finding | None, Shown] | None = None
        self._hub = hub
        self._frames = 0
        self._anomalies = 0
        self._told = ("IDLE", "ok")
        self._told_ns: int | None = None
        self._threshold = 0.0
        self._learning = LearningProgress()

    @property
    def state(self) -> VisionState:
        """As of the newest frame. Put together when somebody asks: most frames come and go unasked."""
        if self._unshown:
            self._state, self._unshown = self._put_together(*self._unshown), None
        return self._state

    def count_anomaly(self) -> None:
        """One more anomaly began."""
        self._anomalies += 1

    def show(self, seen: Seen, alert: Finding | None, shown: Shown) -> None:
        """A frame was analysed; tell if it is time to, at once if `ai_status` or the condition changed."""
        self._frames += 1
        if reading := seen.reading:
            self._threshold, progress = round(reading.threshold, 3), round(reading.progress, 3)
            if (reading.complete, progress) != (self._learning.complete, self._learning.progress):
                self._learning = LearningProgress(complete=reading.complete, progress=progress)
        self._unshown = seen, alert, shown
        self._tell(_status(seen, alert), shown.condition.kind, shown.now)

    def idle(self, alert: Finding | None, now: Stamp, pace: Pace) -> None:
        """No frame came for a while: nothing moves that we know of."""
        status: AiStatus = "ALERT" if alert else "IDLE"
        self._state = replace(
            self.state,
            t_ms=now.wall_ms,
            ai_status=status,
            boxes=[],
            zones=[ZoneState(id=zone.id) for zone in self.state.zones],
            anomaly_status=_anomaly_status(alert),
            score=0.0,
            pace=pace,
        )
        self._tell(status, self._state.condition.kind, now)

    def reset(self, now: Stamp) -> None:
        """Back to the start, counts included (S1.10); what was learned is still learned."""
        self._frames = self._anomalies = 0
        self._told_ns = self._unshown = None
        self._threshold = 0.0
        stats = anomaly_stats(0, 0, learning_complete=self._learning.complete)
        self._state = VisionState(
            camera=self._state.camera, t_ms=now.wall_ms, learning=self._learning, anomaly_stats=stats
        )
        self._tell("IDLE", self._state.condition.kind, now)

    def _put_together(self, seen: Seen, alert: Finding | None, shown: Shown) -> VisionState:
        """While the picture is not fit to be judged, what was learned and the threshold are as they were."""
        return replace(
            self._state,
            t_ms=shown.now.wall_ms,
            frame_seq=shown.seq,
            ai_status=_status(seen, alert),
            boxes=_boxes(seen, alert),
            zones=list(seen.places.zones),
            lines=list(seen.places.lines),
            plan_version=seen.places.plan_version,
            condition=shown.condition,
            pace=shown.pace,
            motion_threshold=replace(seen.motion_threshold, luma=round(seen.motion_threshold.luma, 1)),
            flood=shown.flood,
            after_hours=seen.after_hours,
            score=round(seen.reading.score, 3) if seen.reading else 0.0,
            threshold=self._threshold,
            learning=self._learning,
            anomaly_status=_anomaly_status(alert),
            anomaly_stats=anomaly_stats(self._frames, self._anomalies, learning_complete=self._learning.complete),
            analysis_ms=round(shown.analysis_ms, 2),
        )

    def _tell(self, status: AiStatus, condition: ConditionKind, now: Stamp) -> None:
        changed = (status, condition) != self._told
        pause_ns = _IDLE_NS if status == "IDLE" else _MOVING_NS
        if changed or self._told_ns is None or now.mono_ns - self._told_ns >= pause_ns:
            self._told, self._told_ns = (status, condition), now.mono_ns
            state = self.state
            self._hub.publish(TOPIC, state.to_plain(), key=state.camera)


def _status(seen: Seen, alert: Finding | None) -> AiStatus:
    if alert:
        return "ALERT"
    return (
        "MOTION" if any(not thing.still and thing.moving_s >= _SHOWN_AS_MOTION_S for thing in seen.things) else "IDLE"
    )


def _boxes(seen: Seen, alert: Finding | None) -> list[LiveBox]:
    """What moves; what the alert is about carries the alert's type as its label, as long as that goes on: an alert is
    held for a while after."""
    alarming: Sequence[Box] = [box for finding in seen.findings if _is_of(finding, alert) for box in finding.boxes]
    tracks = {box.track for box in alarming if box.track is not None}
    label = alert.type if alert else ""
    shown = [_live(thing, label if thing.box.track in tracks else thing.box.label) for thing in seen.things]
    return shown + [_place(box) for box in alarming if box.track is None]


def _is_of(finding: Finding, alert: Finding | None) -> bool:
    return alert is not None and (finding.type, finding.zone) == (alert.type, alert.zone)


def _live(thing: Thing, label: str) -> LiveBox:
    return replace(
        _place(thing.box),
        label=label,
        speed=round(thing.speed, 3),
        heading_deg=None if thing.heading_deg is None else round(thing.heading_deg),
        age_s=round(thing.age_s, 1),
        confidence=round(thing.label_confidence, 2),
    )


def _place(box: Box) -> LiveBox:
    return LiveBox(x=box.x, y=box.y, w=box.w, h=box.h, label=box.label, track=box.track)


def _anomaly_status(alert: Finding | None) -> AnomalyStatus | None:
    if alert is None:
        return None
    return AnomalyStatus(
        anomaly_type=alert.type,
        confidence=alert.confidence,
        severity=alert.severity,
        reasoning=list(alert.reasoning),
        baseline_deviation=alert.deviation or 0.0,
    )
