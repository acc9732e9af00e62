"""The exact shapes of S1, as types."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from contract.messages import Severity


class ServiceInfo(Struct, frozen=True, kw_only=True):
    """S1.1: five keys, of which the last two tell the state."""

    service: str = "Smart Edge-AI CCTV System"
    version: str = "1.0.0"
    ai_enabled: bool = True
    streaming: bool
    ai_pipeline_active: bool


class CameraStarted(Struct, frozen=True, kw_only=True):
    """S1.2."""

    status: str = "ready"
    message: str = "Camera initialized successfully"
    ai_pipeline_active: bool


class CameraStopped(Struct, frozen=True, kw_only=True):
    """S1.10. Where others need the camera it goes on for them, and the header `X-Camera-Kept` says how many."""

    status: str = "camera stopped"
    ai_pipeline: str = "reset"


class LegacyError(Struct, frozen=True, kw_only=True):
    """S1.3."""

    error: str


class SnapshotTaken(Struct, frozen=True, kw_only=True):
    """S1.12."""

    filename: str


class AnomalyStatus(Struct, frozen=True, kw_only=True):
    """What is unusual now (S1.7)."""

    is_anomaly: bool
    anomaly_type: str
    confidence: float
    severity: Severity
    reasoning: list[str]
    baseline_deviation: float


class AnomalyStats(Struct, frozen=True, kw_only=True):
    """Counts since the daemon started (S1.7, S1.8)."""

    total_frames_analyzed: int
    total_anomalies_detected: int
    anomaly_rate: float
    learning_complete: bool


class LegacyStatus(Struct, frozen=True, kw_only=True):
    """S1.6, and S1.7 where there is something to say."""

    streaming: bool
    camera_active: bool
    ai_pipeline_active: bool
    ai_status: Literal["IDLE", "MOTION", "ALERT"] = "IDLE"
    anomaly_status: AnomalyStatus | UnsetType = UNSET
    anomaly_stats: AnomalyStats | UnsetType = UNSET


def anomaly_stats(counted: Mapping[str, Any]) -> AnomalyStats:
    """The counts as S1.7 has them; the rate is detected by analysed to four places (S1.8), 0 before the first frame."""
    analysed, detected = int(counted["total_frames_analyzed"]), int(counted["total_anomalies_detected"])
    rate = round(detected / analysed, 4) if analysed else 0.0
    return msgspec.convert({**counted, "anomaly_rate": rate}, AnomalyStats)
