"""`GET /status` keeps S1's shapes whatever kind of thing analysis finds."""

from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from contract.messages import Severity
from edge.vision.state import (
    AnomalyStatus,
    LearningProgress,
    LineState,
    LiveBox,
    PictureCondition,
    VisionState,
    ZoneState,
    anomaly_stats,
)
from tests.support.web import Web, make_web

TYPES = (
    "sudden_motion unusual_activity loitering roi_violation crowding wrong_way camera_tampered "
    "zone_entered zone_left line_crossed speeding object_left object_removed"
)
STATS_KEYS = {"total_frames_analyzed", "total_anomalies_detected", "anomaly_rate", "learning_complete"}
PLAIN_KEYS = {"streaming", "camera_active", "ai_pipeline_active", "ai_status"}


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return make_web(tmp_path)


async def status_of(web: Web, state: VisionState) -> dict[str, Any]:
    await web.cameras["front"].start()
    web.cameras["front"].vision = state.to_plain()
    told: dict[str, Any] = (await web.ask("GET", "/status")).json()
    return told


async def test_an_anomaly_of_any_type_has_the_six_keys(web: Web) -> None:
    """S1.7, S1.8, S1.9: those of rules too, which know no baseline"""
    for kind, severity in product(TYPES.split(), get_args(Severity)):
        await check(web, kind, severity)


async def check(web: Web, kind: str, severity: Severity) -> None:
    anomaly = AnomalyStatus(
        anomaly_type=kind, confidence=1.0, severity=severity, reasoning=["zone Gate"], baseline_deviation=0.0
    )
    state = VisionState(
        camera="front",
        ai_status="ALERT",
        boxes=[LiveBox(x=0, y=0, w=1, h=1, label=kind, track=1, speed=0.2)],
        zones=[ZoneState(id="gate", occupancy=2, alarm=True)],
        lines=[LineState(id="door", forward=1)],
        anomaly_status=anomaly,
        anomaly_stats=anomaly_stats(1547, 12, learning_complete=True),
    )
    told = await status_of(web, state)
    assert set(told) == PLAIN_KEYS | {"anomaly_status", "anomaly_stats"}
    assert told["ai_status"] == "ALERT"
    assert told["anomaly_status"] == {
        "is_anomaly": True,
        "anomaly_type": kind,
        "confidence": 1.0,
        "severity": severity,
        "reasoning": ["zone Gate"],
        "baseline_deviation": 0.0,
    }
    assert set(told["anomaly_stats"]) == STATS_KEYS
    assert told["anomaly_stats"]["anomaly_rate"] == 0.0078


async def test_nothing_unusual_and_an_unfit_picture_have_no_anomaly(web: Web) -> None:
    """S1.6"""
    state = VisionState(
        camera="front",
        ai_status="MOTION",
        condition=PictureCondition(kind="covered", since_ms=5, detail="dark"),
        learning=LearningProgress(progress=0.5),
    )
    told = await status_of(web, state)
    assert set(told) == PLAIN_KEYS | {"anomaly_stats"}
    assert (told["ai_status"], told["anomaly_stats"]["learning_complete"]) == ("MOTION", False)
