"""The vision service on a real slot, real models and drawn scenes: status, events, failures, stop and start."""

import asyncio
import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from contract.messages import Event
from edge.core.frame import Frame
from edge.core.health import State
from edge.core.slot import Slot
from edge.models.store import BUNDLED
from edge.vision.settings import VisionSettings
from edge.vision.state import anomaly_stats
from tests.support.moving_scene import FRAME_NS, Mover
from tests.support.vision_rig import EVERY, LEARNED, WALKER, Rig, until


def _statuses(rig: Rig) -> list[str]:
    row = [message["ai_status"] for message in rig.shown]
    return [status for at, status in enumerate(row) if at == 0 or status != row[at - 1]]


def _status(rig: Rig) -> str:
    return rig.service.state.ai_status


async def test_idle_then_motion_then_alert_then_idle(tmp_path: Path) -> None:
    """S1.6, S1.7, S1.9, S1.34, U1.4: the alert is raised while it goes on."""
    rig = Rig(tmp_path, replace_settings(loitering_s=3.0, merge_s=2.0))
    async with rig.running():
        await rig.play(LEARNED)
        assert _status(rig) == "IDLE"
        for step in range(20):
            await rig.play(1, Mover(70 + 4 * step, 60, 40, 100))
        assert _status(rig) == "MOTION"
        for step in range(70):
            await rig.play(1, Mover(150 + step % 2 * 4, 60, 40, 100))
        state = rig.service.state
        assert state.ai_status == "ALERT"
        assert state.anomaly_status is not None
        assert state.anomaly_status.anomaly_type == "loitering"
        assert state.anomaly_stats.total_anomalies_detected == 1
        assert "loitering" in {box.label for box in state.boxes}
        assert rig.told == ["opened motion", "opened loitering"]
        await rig.play(80)
        assert _status(rig) == "IDLE"
    assert _statuses(rig)[:3] == ["IDLE", "MOTION", "ALERT"]
    assert sorted(rig.told[2:]) == ["closed loitering", "closed motion"]
    phases = [(event.type, event.phase) for event in rig.sink.events]
    assert phases.count(("loitering", "open")) == phases.count(("loitering", "close")) == 1


def replace_settings(**changes: Any) -> VisionSettings:
    """The settings of these tests with changes."""
    return msgspec.structs.replace(EVERY, **changes)


async def test_the_hub_gets_the_agreed_shape(tmp_path: Path) -> None:
    """S1.6, S1.7: key by key."""
    rig = Rig(tmp_path, replace_settings(loitering_s=1.0))
    async with rig.running():
        await rig.play(LEARNED)
        for step in range(40):
            await rig.play(1, Mover(150 + step % 2 * 4, 60, 40, 100))
    message = rig.shown[-1]
    assert set(message) == {
        "camera",
        "t_ms",
        "frame_seq",
        "ai_status",
        "boxes",
        "zones",
        "lines",
        "condition",
        "pace",
        "flood",
        "after_hours",
        "plan_version",
        "score",
        "threshold",
        "motion_threshold",
        "learning",
        "anomaly_status",
        "anomaly_stats",
        "analysis_ms",
    }
    status, stats = message["anomaly_status"], message["anomaly_stats"]
    assert list(status) == [
        "is_anomaly",
        "anomaly_type",
        "confidence",
        "severity",
        "reasoning",
        "baseline_deviation",
    ]
    assert list(stats) == [
        "total_frames_analyzed",
        "total_anomalies_detected",
        "anomaly_rate",
        "learning_complete",
    ]
    box = set(message["boxes"][0])
    assert {"x", "y", "w", "h", "label"} <= box
    assert box <= {"x", "y", "w", "h", "label", "track", "speed", "heading_deg", "age_s", "confidence"}
    assert set(message["condition"]) == {"kind", "since_ms", "detail"}
    assert set(message["pace"]) == {"fps", "skipped", "behind"}
    assert set(message["flood"]) == {"merged", "suppressed"}
    assert message["camera"] == "front"


def test_the_rate_of_anomalies_has_four_decimals() -> None:
    """S1.8: 12 of 1547 is 0.0078."""
    assert anomaly_stats(1547, 12, learning_complete=True).anomaly_rate == 0.0078
    assert anomaly_stats(0, 0, learning_complete=False).anomaly_rate == 0.0


async def test_what_is_shown_is_bounded_ten_a_second_moving_one_idle(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.play(45)
        idle = len(rig.shown)
        await rig.play(45, WALKER)
    assert 3 <= idle <= 5
    assert 15 <= len(rig.shown) - idle <= 32


async def test_while_nothing_is_there_fewer_frames_are_looked_at(tmp_path: Path) -> None:
    """15 frames a second come; after 1.5 s of nothing 5 are looked at, and somebody brings all back at once."""
    rig = Rig(tmp_path, replace_settings(calm_fps=5.0))
    async with rig.running():
        lively = await _stream(rig, 40)
        await _stream(rig, LEARNED)
        calm = await _stream(rig, 30)
        await _stream(rig, 9, WALKER)
        awake = await _stream(rig, 20, WALKER)
    assert (lively, calm, awake) == (40, 10, 20)


async def _stream(rig: Rig, frames: int, *movers: Mover) -> int:
    """Give frames 15 a second, whether or not they are looked at; how many were."""
    before = rig.handled
    for _ in range(frames):
        handled = rig.handled
        rig.slot.put(rig.scene.frame(*movers, luma=True, mono_ns=rig.clock.mono_ns()))
        due = not rig.service.resting
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 if due else 0.03):
                await until(lambda handled=handled: rig.handled > handled)  # type: ignore[misc]
        rig.clock.advance(FRAME_NS / 1e9)
    return rig.handled - before


async def test_frames_are_counted_once_however_many_watch(tmp_path: Path) -> None:
    """X.9"""
    rig = Rig(tmp_path)
    viewers = [asyncio.create_task(_view(rig.slot)) for _ in range(2)]
    async with rig.running():
        await rig.play(25)
        assert rig.service.state.anomaly_stats.total_frames_analyzed == 25
    for viewer in viewers:
        viewer.cancel()
    await asyncio.gather(*viewers, return_exceptions=True)


async def _view(slot: Slot[Frame]) -> None:
    async for _ in slot.items():
        pass


async def test_a_slow_analysis_takes_the_newest_and_counts_the_rest(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.play(1)
        for _ in range(10):
            rig.clock.advance(FRAME_NS / 1e9)
            rig.slot.put(rig.scene.frame(luma=True, mono_ns=rig.clock.mono_ns()))
        await until(lambda: rig.service.stats.frames_analysed == 2)
        assert rig.service.state.frame_seq == 11
    assert rig.service.stats.frames_skipped == 9


async def test_a_model_that_fails_is_tried_again_and_nothing_else_suffers(tmp_path: Path) -> None:
    """S1.17"""
    models = tmp_path / "models"
    models.mkdir()
    rig = Rig(tmp_path, bundled=models)
    async with rig.running():
        await until(lambda: rig.health.of("vision.front") is State.FAILED)
        failed = rig.health.part("vision.front")
        assert failed is not None
        assert "no analysis" in failed.detail
        for path in BUNDLED.glob("motion.*"):
            shutil.copy(path, models)
        await until(lambda: rig.health.of("vision.front") is State.OK)
        await rig.play(3)
    assert rig.service.stats.model_failures >= 1


async def test_frames_that_are_no_jpeg_are_counted_and_ten_in_a_row_are_said(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.play(2)
        for _ in range(10):
            frame = rig.scene.frame(luma=True, mono_ns=rig.clock.mono_ns())
            await rig.give(replace(frame, jpeg=b"\xff\xd8 torn", luma=None))
        assert rig.health.of("vision.front") is State.DEGRADED
        await rig.play(1)
        assert rig.health.of("vision.front") is State.OK
    assert rig.service.stats.frames_undecodable == 10


async def test_a_reset_ends_events_and_counts_from_zero(tmp_path: Path) -> None:
    """S1.10, X.10"""
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.play(20)
        await rig.play(20, WALKER)
        assert rig.told == ["opened motion"]
        rig.service.reset()
        state = rig.service.state
        assert (state.ai_status, state.boxes, state.anomaly_stats.total_frames_analyzed) == ("IDLE", [], 0)
        assert rig.told == ["opened motion", "closed motion"]
        await rig.play(3, WALKER)
        assert rig.service.state.anomaly_stats.total_frames_analyzed == 3
        assert rig.service.state.ai_status == "IDLE", "the first picture after a reset is the new background"


async def test_of_a_camera_that_was_stopped_nobody_says_how_its_picture_is(tmp_path: Path) -> None:
    """It was covered when somebody stopped it: that is not so for as long as it is stopped."""
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.play(LEARNED)
        for _ in range(60):
            frame = rig.scene.frame(luma=True, mono_ns=rig.clock.mono_ns())
            assert frame.luma is not None
            await rig.give(replace(frame, luma=frame.luma // 200))
        assert rig.health.of("picture.front") is State.DEGRADED
        rig.service.reset()
        assert rig.health.of("picture.front") is State.STOPPED
        await rig.play(1)
        assert rig.health.of("picture.front") is State.OK


async def test_switched_off_it_rests_and_is_alive(tmp_path: Path) -> None:
    rig = Rig(tmp_path, replace_settings(enabled=False))
    async with rig.running():
        await until(lambda: rig.health.of("vision.front") is State.STOPPED)
        assert rig.service.pulse.alive
    assert rig.sink.events == []


async def test_without_frames_it_is_alive_idle_and_ends_what_was_open(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.play(20)
        await rig.play(20, WALKER)
        rig.clock.advance(60)
        assert not rig.service.pulse.alive
        await until(lambda: rig.service.pulse.alive)
        assert rig.service.state.ai_status == "IDLE"
        assert rig.told == ["opened motion", "closed motion"]


async def test_cancelled_it_ends_its_events_and_keeps_what_it_learned(tmp_path: Path) -> None:
    rig = Rig(tmp_path, replace_settings(anomaly=True))
    async with rig.running():
        await rig.play(20)
        await rig.play(20, WALKER)
    assert [event.phase for event in rig.sink.events] == ["open", "close"]
    assert (tmp_path / "vision-front.learned").stat().st_size > 100
    assert rig.health.of("vision.front") is State.STOPPED


async def test_a_full_store_holds_up_nothing_and_loses_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, replace_settings(merge_s=1.0))
    rig.sink.full = True
    async with rig.running():
        await rig.play(20)
        await rig.play(20, WALKER)
        await rig.play(40)
        assert rig.told == ["opened motion", "closed motion"]
        await until(lambda: rig.sink.refused > 0)
        assert rig.sink.events == []
        rig.sink.full = False
        await until(lambda: len(rig.sink.events) == 2)
    assert [event.phase for event in rig.sink.events] == ["open", "close"]
    assert rig.service.stats.records_dropped == 0


async def test_a_store_that_does_not_answer_holds_up_no_frame_and_gets_no_record_twice(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.sink.held.clear()
    async with rig.running():
        await rig.play(20)
        await rig.play(40, WALKER)
        asyncio.get_running_loop().call_later(0.1, rig.sink.held.set)
    events: list[Event] = rig.sink.events
    assert [event.phase for event in events] == ["open", "close"]
