"""The vision service with a plan, with neighbours and with too much to do."""

import asyncio
from pathlib import Path

import pytest

from contract.plan import EntryRule, Plan, RestrictedRule, Zone
from edge.core.health import State
from tests.support.moving_scene import FRAME_NS, Mover
from tests.support.vision_rig import EVERY, LEARNED, WALKER, Rig, until

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
