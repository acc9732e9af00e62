"""What a camera's analysis has to say right now, in the shapes that clients know (S1.6, S1.7)."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from contract.messages import Severity

AiStatus = Literal["IDLE", "MOTION", "ALERT"]


class AnomalyStatus(Struct, frozen=True, kw_only=True):
    """The anomaly that goes on (S1.7)."""

    is_anomaly: bool = True
    anomaly_type: str
    confidence: float
    severity: Severity
    reasoning: list[str]
    baseline_deviation: float


class AnomalyStats(Struct, frozen=True, kw_only=True):
    """Counts since the last start or reset (S1.7). An anomaly is counted once, however long it goes on."""

    total_frames_analyzed: int = 0
    total_anomalies_detected: int = 0
    anomaly_rate: float = 0.0
    learning_complete: bool = False


class LearningProgress(Struct, frozen=True, kw_only=True):
    """How far the camera has learned what is normal, 0 to 1."""

    complete: bool = False
    progress: float = 0.0


class LiveBox(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A box of something that is seen now; like `contract.messages.Box`, with how it moves."""

    x: float
    y: float
    w: float
    h: float
    label: str = ""
    track: int | None = None
    speed: float = 0.0
    """Picture widths a second."""
    heading_deg: float | None = None
    age_s: float = 0.0
    confidence: float = 0.0
    """Of the label, where a detector gave it."""


class ZoneState(Struct, frozen=True, kw_only=True):
    """A `watch` zone now: how many things are in it, and whether one of its rules is being broken."""

    id: str
    occupancy: int = 0
    alarm: bool = False


class LineState(Struct, frozen=True, kw_only=True):
    """Crossings of a line since the start of the daemon or the last reset."""

    id: str
    forward: int = 0
    backward: int = 0


ConditionKind = Literal["ok", "starting", "frozen", "black", "bright", "covered", "blurred", "moved"]


class PictureCondition(Struct, frozen=True, kw_only=True):
    """Whether the picture is fit to be judged, and if not, why not and since when."""

    kind: ConditionKind = "ok"
    since_ms: int = 0
    detail: str = ""


class Pace(Struct, frozen=True, kw_only=True):
    """How analysis keeps up: frames a second, frames that came and went unseen, whether it is behind."""

    fps: float = 0.0
    skipped: int = 0
    behind: bool = False


class MotionThreshold(Struct, frozen=True, kw_only=True):
    """By how much of 255 a pixel must differ from what is remembered of the view to move: now, and as the settings ask
    for of a clear view. In fog, by night or through a poor lens it is lower, for all stands out less; 0: not known."""

    luma: float = 0.0
    asked: float = 0.0


class Flood(Struct, frozen=True, kw_only=True):
    """What was held back so that nothing floods, since the start: findings merged into an open event, and events that
    a rate limit kept from opening."""

    merged: int = 0
    suppressed: int = 0


class VisionState(Struct, frozen=True, kw_only=True):
    """One camera's analysis at one moment; the data of the hub's topic `vision`."""

    camera: str
    t_ms: int = 0
    frame_seq: int = 0
    ai_status: AiStatus = "IDLE"
    boxes: list[LiveBox] = []
    zones: list[ZoneState] = []
    lines: list[LineState] = []
    plan_version: int = 0
    """Of the plan that `zones` and `lines` are of: who shows another version had better read the plan again."""
    condition: PictureCondition = PictureCondition()
    pace: Pace = Pace()
    motion_threshold: MotionThreshold = MotionThreshold()
    flood: Flood = Flood()
    after_hours: bool = False
    score: float = 0.0
    threshold: float = 0.0
    learning: LearningProgress = LearningProgress()
    anomaly_status: AnomalyStatus | None = None
    anomaly_stats: AnomalyStats = AnomalyStats()
    analysis_ms: float = 0.0

    def to_plain(self) -> dict[str, Any]:
        """As JSON-ready data."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def anomaly_stats(frames: int, anomalies: int, *, learning_complete: bool) -> AnomalyStats:
    """Counts with their rate, rounded to four decimals (S1.8)."""
    return AnomalyStats(
        total_frames_analyzed=frames,
        total_anomalies_detected=anomalies,
        anomaly_rate=round(anomalies / frames, 4) if frames else 0.0,
        learning_complete=learning_complete,
    )
