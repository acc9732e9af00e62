"""Plans on disk and at run time: never lost, never half, never letting out what they hide."""

from pathlib import Path

import pytest

from contract.plan import Plan, Zone
from edge.core.errors import PlanConflictError, StoreError
from edge.core.health import Health, State
from edge.daemon.plan_desk import PlanDesk
from edge.daemon.plans import PlanStore, PlanUnreadableError
from tests.support.clock import FakeClock

GATE = Zone(id="gate", points=((0.1, 0.1), (0.5, 0.1), (0.5, 0.9)))


@pytest.fixture
def store(tmp_path: Path) -> PlanStore:
    return PlanStore(tmp_path / "plans")


def _desk(store: PlanStore) -> tuple[PlanDesk, Health]:
    health = Health(FakeClock())
    return PlanDesk("front", store, health), health


async def test_a_saved_plan_is_there_after_a_restart_and_everybody_follows(store: PlanStore) -> None:
    desk, health = _desk(store)
    followed: list[int] = []
    desk.follow(lambda plan: followed.append(plan.version))
    kept = await desk.save(Plan(zones=(GATE,)))
    assert followed == [0, 1]
    assert kept.version == desk.plan.version == 1
    assert _desk(store)[0].plan == kept
    assert health.of("plan.front") is State.OK


async def test_who_changed_an_older_version_is_told_the_current_one(store: PlanStore) -> None:
    desk, _ = _desk(store)
    await desk.save(Plan(zones=(GATE,)))
    with pytest.raises(PlanConflictError, match="at version 1, not 0"):
        await desk.save(Plan())
    assert desk.plan.zones == (GATE,)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"zones": 3}', b"\xff\xfe" * 10])
async def test_one_damaged_file_costs_nothing(store: PlanStore, tmp_path: Path, damage: bytes) -> None:
    desk, _ = _desk(store)
    kept = await desk.save(Plan(zones=(GATE,)))
    for name in ("plan.json", "plan.copy.json"):
        whole = (tmp_path / "plans" / "front" / name).read_bytes()
        (tmp_path / "plans" / "front" / name).write_bytes(damage)
        assert store.load("front") == kept
        (tmp_path / "plans" / "front" / name).write_bytes(whole)


async def test_a_torn_change_counts_once_it_is_in_either_file(store: PlanStore, tmp_path: Path) -> None:
    """Killed between the two files: the newer one is the plan."""
    desk, _ = _desk(store)
    await desk.save(Plan())
    old = (tmp_path / "plans" / "front" / "plan.copy.json").read_bytes()
    newer = await desk.save(Plan(version=1, zones=(GATE,)))
    (tmp_path / "plans" / "front" / "plan.copy.json").write_bytes(old)
    assert store.load("front") == newer


@pytest.mark.parametrize("damage", [None, b"{", "older"])
async def test_what_is_left_of_two_files_is_two_again_after_a_start(
    store: PlanStore, tmp_path: Path, damage: bytes | str | None
) -> None:
    """Otherwise the second damage, years later, would let out what the newest plan hides."""
    desk, _ = _desk(store)
    await desk.save(Plan())
    first, copy = (tmp_path / "plans" / "front" / name for name in ("plan.json", "plan.copy.json"))
    older = copy.read_bytes()
    newest = await desk.save(Plan(version=1, zones=(GATE,)))
    if damage is None:
        copy.unlink()
    else:
        copy.write_bytes(older if isinstance(damage, str) else damage)
    assert store.load("front") == newest
    first.write_bytes(b"")
    assert store.load("front") == newest


async def test_two_damaged_files_are_told_and_a_new_plan_heals_it(store: PlanStore, tmp_path: Path) -> None:
    desk, _ = _desk(store)
    await desk.save(Plan(zones=(GATE,)))
    for name in ("plan.json", "plan.copy.json"):
        (tmp_path / "plans" / "front" / name).write_bytes(b"{")
    with pytest.raises(PlanUnreadableError, match=r"plan\.json"):
        store.load("front")
    desk, health = _desk(store)
    followed: list[Plan] = []
    desk.follow(followed.append)
    assert not followed
    assert desk.problem and "no picture leaves" in desk.problem
    assert health.of("plan.front") is State.FAILED
    await desk.save(Plan())
    assert desk.problem is None
    assert health.of("plan.front") is State.OK
    assert len(followed) == 1


async def test_a_disk_that_refuses_leaves_the_old_plan_in_force(store: PlanStore, tmp_path: Path) -> None:
    desk, _ = _desk(store)
    (tmp_path / "plans").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="not saved"):
        await desk.save(Plan(zones=(GATE,)))
    assert desk.plan == Plan()
