"""The vision service with a plan, with neighbours and with too much to do."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from contract.plan import EntryRule, Plan, RestrictedRule, Zone
from edge.core.errors import ModelError
from edge.core.frame import Frame
from edge.core.health import State
from edge.vision import analysis
from edge.vision.pixels.luma import Plane, read_luma
from edge.vision.pixels.motion import MotionDetector
from tests.support.moving_scene import FRAME_NS, Mover, MovingScene
from tests.support.vision_rig import EVERY, LEARNED, WALKER, Rig, until

MOST = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.85), (0.0, 0.85))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


async def test_a_plan_that_is_drawn_while_it_runs_holds_from_the_next_frame_on(tmp_path: Path) -> None:
    """A person walks from left to right into a zone that was just drawn."""
    rig = Rig(tmp_path)
    async with rig.running():
        await rig.play(LEARNED)
        rig.service.adopt(
            Plan(version=1, zones=(Zone(id="gate", name="Gate", points=RIGHT, rules=(RestrictedRule(),)),))
        )
        for step in range(50):
            await rig.play(1, Mover(10 + 4 * step, 60, 40, 100))
        assert rig.service.state.zones[0].id == "gate"
        assert rig.service.state.zones[0].occupancy == 1
        assert rig.service.state.zones[0].alarm
        assert rig.service.state.ai_status == "ALERT"
    opened = {(event.type, event.zone) for event in rig.sink.events if event.phase == "open"}
    assert opened == {("motion", None), ("roi_violation", "gate")}
    closed = [(event.type, event.zone) for event in rig.sink.events if event.phase == "close"]
    assert sorted(closed, key=str) == sorted(opened, key=str)


async def test_what_moves_where_it_is_ignored_is_no_motion(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.service.adopt(Plan(zones=(Zone(id="street", kind="exclude", points=((0, 0), (1, 0), (1, 1), (0, 1))),)))
    async with rig.running():
        await rig.play(LEARNED)
        await rig.play(40, WALKER)
    assert rig.sink.events == []


async def test_who_comes_in_is_told_but_is_no_alert_where_the_rule_says_low(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.service.adopt(Plan(zones=(Zone(id="door", points=RIGHT, rules=(EntryRule(severity="LOW"),)),)))
    async with rig.running():
        await rig.play(LEARNED)
        for step in range(50):
            await rig.play(1, Mover(10 + 4 * step, 60, 40, 100))
            assert rig.service.state.ai_status != "ALERT"
    assert [event.zone for event in rig.sink.events if event.type == "zone_entered"] == ["door", "door"]


async def test_who_cannot_keep_up_says_so_and_says_when_it_can_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.running():
        for _ in range(20):
            before = rig.handled
            for _ in range(4):
                rig.clock.advance(FRAME_NS / 1e9)
                rig.slot.put(rig.scene.frame(luma=True, mono_ns=rig.clock.mono_ns()))
            await until(lambda before=before: rig.handled > before)  # type: ignore[misc]
        part = rig.health.part("vision.front")
        assert part is not None
        assert part.state is State.DEGRADED
        assert "falls behind" in part.detail
        assert "`" not in part.detail, "words for people, not for the settings file"
        assert rig.service.state.pace.behind
        rig.clock.advance(FRAME_NS / 1e9)
        await rig.play(160)
        assert rig.health.of("vision.front") is State.OK
        assert not rig.service.state.pace.behind


async def test_cameras_that_share_one_core_get_the_same_share_of_it(tmp_path: Path) -> None:
    """Both always have a newer frame than the one analysed; one turn at a time, first come, first served."""
    turns = asyncio.Semaphore(1)
    rigs = [Rig(tmp_path / name, turns=turns) for name in ("a", "b")]
    async with rigs[0].running(), rigs[1].running():
        while min(rig.handled for rig in rigs) < 40:
            for rig in rigs:
                rig.clock.advance(FRAME_NS / 1e9)
                rig.slot.put(rig.scene.frame(luma=True, mono_ns=rig.clock.mono_ns()))
            await asyncio.sleep(0.001)
        handled = [rig.handled for rig in rigs]
    assert min(handled) == pytest.approx(max(handled), rel=0.2)


async def test_nothing_unusual_is_looked_for_and_nobody_can_judge_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, EVERY)
    async with rig.running():
        await rig.play(3)
        assert rig.service.anomaly() is None
        assert not await rig.service.feedback("evt-1", normal=True)


async def test_what_is_painted_over_is_not_taken_for_a_covered_camera(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    def painted() -> Frame:
        frame = rig.scene.frame(luma=True, mono_ns=rig.clock.mono_ns())
        assert frame.luma is not None
        plane = frame.luma.copy()
        plane[: round(0.85 * plane.shape[0])] = 0
        return replace(frame, luma=plane)

    async with rig.running():
        await rig.play(LEARNED)
        rig.service.adopt(Plan(version=1, zones=(Zone(id="all", kind="privacy", points=MOST),)))
        for _ in range(100):
            await rig.give(painted())
            assert rig.service.state.condition.kind in {"ok", "starting"}
    assert [event.type for event in rig.sink.events] == []


def _reset(rig: Rig) -> None:
    rig.service.reset()


def _hide(rig: Rig) -> None:
    rig.service.adopt(Plan(version=1, zones=(Zone(id="all", kind="privacy", points=MOST),)))


@pytest.mark.parametrize("change", [_reset, _hide])
async def test_a_frame_that_waits_for_its_turn_while_all_changes_is_not_looked_at(
    tmp_path: Path, change: Callable[[Rig], None]
) -> None:
    """S1.10: the camera was stopped, or something became private."""
    turns = asyncio.Semaphore(1)
    rig = Rig(tmp_path, turns=turns)
    async with rig.running():
        await rig.play(3)
        await turns.acquire()
        rig.slot.put(rig.scene.frame(luma=True, mono_ns=rig.clock.mono_ns()))
        await asyncio.sleep(0.05)
        change(rig)
        turns.release()
        await asyncio.sleep(0.1)
        assert rig.handled == 3
        rig.clock.advance(FRAME_NS / 1e9)
        await rig.play(1)


@pytest.mark.parametrize("change", [_reset, _hide])
async def test_a_frame_that_is_being_looked_at_while_all_changes_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Rig], None]
) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def slow(frame: Frame, size: tuple[int, int]) -> Plane:
        looking.set()
        go_on.wait(10)
        return read_luma(frame, size)

    rig = Rig(tmp_path)
    async with rig.running():
        await rig.play(3)
        monkeypatch.setattr(analysis, "read_luma", slow)
        frame = rig.scene.frame(luma=True, mono_ns=rig.clock.mono_ns())
        rig.slot.put(frame)
        await until(looking.is_set)
        change(rig)
        go_on.set()
        await until(lambda: rig.handled == 4)
        await asyncio.sleep(0.01)
        assert rig.service.state.frame_seq != frame.seq


async def test_a_disk_that_refuses_does_not_keep_another_size_of_picture_from_being_seen(tmp_path: Path) -> None:
    (tmp_path / "vision").write_text("a file where the folder should be")
    rig = Rig(tmp_path / "vision", structs.replace(EVERY, anomaly=True))
    async with rig.running():
        await rig.play(3)
        rig.scene = MovingScene((320, 180))
        await rig.play(3)
        assert rig.handled == 6


async def test_a_model_that_fails_for_a_moment_costs_nothing_of_what_was_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path, structs.replace(EVERY, anomaly=True, learning_frames=400, learning_active_frames=10))
    async with rig.running():
        await rig.play(LEARNED)
        await rig.play(60, WALKER)
        before = rig.service.state.learning.progress
        assert before > 0

        def fail(_self: MotionDetector, _luma: Plane) -> Plane:
            raise ModelError("out of memory")

        with monkeypatch.context() as broken:
            broken.setattr(MotionDetector, "step", fail)
            rig.slot.put(rig.scene.frame(luma=True, mono_ns=rig.clock.mono_ns()))
            await until(lambda: rig.service.stats.model_failures > 0)
        await until(lambda: rig.health.of("vision.front") is State.OK)
        rig.clock.advance(FRAME_NS / 1e9)
        await rig.play(3)
        view = rig.service.anomaly()
        assert view is not None
        assert view.learning.progress >= before - 0.01
