"""What a camera's analysis has to say right now, in the shapes that clients know (S1.6, S1.7)."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from contract.messages import Box, Severity

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


class VisionState(Struct, frozen=True, kw_only=True):
    """One camera's analysis at one moment; the data of the hub's topic `vision`."""

    camera: str
    t_ms: int = 0
    frame_seq: int = 0
    ai_status: AiStatus = "IDLE"
    boxes: list[Box] = []
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
