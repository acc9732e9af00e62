"""A desired state: whole or not at all, across restarts, and put aside when the appliance does not come up with it."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.plan import Plan, Zone
from contract.remote import Desired, WantedModel
from edge.capture.settings import SimulatedSettings
from edge.config import EdgeConfig
from edge.core.errors import ModelError, PlanConflictError, StoreError
from edge.core.files import write_private
from edge.core.health import Health, State
from edge.daemon.remote.begin import FOLDER, Beginning, begin, blamed_rightly
from edge.daemon.remote.desired import PART, DesiredService
from edge.daemon.remote.folder import MOST_STARTS, DesiredFolder
from edge.daemon.remote.log_level import LogLevel
from edge.daemon.remote.models import ModelTaker, ModelUnreachableError
from edge.daemon.remote.restart import RestartDesk
from edge.daemon.run import run_daemon
from edge.sync.remote.reading import BadDesired
from tests.support.clock import FakeClock

SET_AT = "2026-11-21T08:00:00.000Z"
PLAN = Plan(version=9, zones=(Zone(id="z", points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))),))
MODEL = WantedModel(name="faces", version="1", url="https://models.example/faces.json", sha256="a" * 64)


@pytest.fixture(autouse=True)
def same_level() -> Iterator[None]:
    """No test leaves another log level behind."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


class FakePlans:
    """A camera's plan; with `rivals` somebody else saves just before."""

    def __init__(self, rivals: int = 0) -> None:
        self.kept = Plan()
        self.rivals = rivals

    def plan(self) -> Plan:
        return self.kept

    async def set_plan(self, plan: Plan) -> Plan:
        if self.rivals:
            self.rivals -= 1
            self.kept = msgspec.structs.replace(self.kept, version=self.kept.version + 1)
        if plan.version != self.kept.version:
            raise PlanConflictError("somebody was quicker")
        self.kept = msgspec.structs.replace(plan, version=plan.version + 1)
        return self.kept


class FakeModels(ModelTaker):
    """Raises what it is told to, one after the other."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.taken: list[str] = []
        self.dropped: list[str] = []

    def take(self, wanted: WantedModel) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(wanted.name)

    def drop(self, names: Any) -> None:
        self.dropped.extend(names)


@dataclass
class Room:
    service: DesiredService
    restart: RestartDesk
    health: Health
    busy: list[str]
    told: list[str]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - threads have their part in it
                await asyncio.sleep(0.005)


def own(tmp_path: Path) -> EdgeConfig:
    return EdgeConfig(state_dir=str(tmp_path), cameras=(SimulatedSettings(id="front", fps=10),))


@asynccontextmanager
async def running(
    beginning: Beginning,
    *,
    plans: Mapping[str, FakePlans] | None = None,
    models: ModelTaker | None = None,
    ready: Callable[[], bool] = lambda: True,
) -> AsyncIterator[Room]:
    clock = FakeClock()
    health, busy, told = Health(clock), list[str](), list[str]()
    restart = RestartDesk(lambda: busy, clock)
    service = DesiredService(
        beginning,
        plans=plans or {},
        models=models or FakeModels(),
        restart=restart,
        level=LogLevel(beginning.config.log_level, clock),
        ready=ready,
        clock=clock,
        health=health,
    )
    service.on_settled = lambda desired, outcome: told.append(f"{desired.version} {outcome}")
    task = asyncio.create_task(service.run())
    try:
        yield Room(service, restart, health, busy, told)
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), task.exception()


def desired(version: int, settings: dict[str, Any] | None = None, **more: Any) -> Desired:
    return Desired(version=version, set_at=SET_AT, settings=settings or {}, **more)


async def test_what_can_be_applied_at_once_is(tmp_path: Path) -> None:
    plans = {"front": FakePlans(rivals=1)}
    wanted = desired(2, {"log_level": "debug"}, plans={"front": PLAN}, models=[MODEL])
    models = FakeModels()
    async with running(begin(own(tmp_path)), plans=plans, models=models) as room:
        await room.service.wanted(wanted)
        await room.until(lambda: room.told)
        assert room.told == ["2 done"]
        assert not room.restart.due.is_set()
        assert models.taken == ["faces"]
        assert plans["front"].kept.zones == PLAN.zones
        assert logging.getLogger().level == logging.DEBUG
        assert room.service.settled.log_level == "debug"
        await room.service.wanted(desired(1, {"log_level": "error"}))
        await room.service.wanted(desired(2, {"log_level": "error"}))
        assert room.service.folder.seen == 2, "an older one, or the same, is passed over"
        await room.service.wanted(desired(3))
        await room.until(lambda: len(room.told) == 2)
        assert room.service.folder.version == 3
        assert models.dropped == ["faces"], "what is no longer wanted goes, what was put there by hand stays"
        assert room.service.settled == own(tmp_path)
    assert begin(own(tmp_path)).config == own(tmp_path)


async def test_all_else_waits_for_a_restart_that_waits_for_the_session(tmp_path: Path) -> None:
    """Taken, restarted when nothing is recorded, in force once the next run has come up; plans of it too."""
    wanted = desired(1, {"cameras": {"front": {"fps": 5}, "yard": {"source": "simulated"}}}, plans={"yard": PLAN})
    async with running(begin(own(tmp_path))) as room:
        room.busy.append("session s-1 is being recorded")
        await room.service.wanted(wanted)
        await room.until(lambda: room.service._restarting)
        for _ in range(50):
            await asyncio.sleep(0)
        assert not room.restart.due.is_set()
        assert DesiredFolder(tmp_path / FOLDER).taking
        room.busy.clear()
        await room.until(room.restart.due.is_set)
    beginning = begin(own(tmp_path))
    assert beginning.trying == 1
    assert beginning.config.cameras[0].fps == 5  # type: ignore[union-attr]
    plans, up = {"front": FakePlans(), "yard": FakePlans()}, list[bool]()
    async with running(beginning, plans=plans, ready=lambda: bool(up)) as room:
        for _ in range(20):
            await asyncio.sleep(0)
        assert room.service.folder.version == 0, "not before it has come up"
        up.append(True)
        await room.until(lambda: room.told)
        assert room.service.folder.version == 1
        assert plans["yard"].kept.zones == PLAN.zones
        assert not room.restart.due.is_set()
    assert begin(own(tmp_path)).trying == 0


async def test_what_is_wrong_is_refused_with_its_place_and_the_old_stays(tmp_path: Path) -> None:
    async with running(begin(own(tmp_path))) as room:
        await room.service.wanted(desired(1, {"log_level": "warning"}))
        await room.until(lambda: room.service.folder.version == 1)
        wrongs: list[tuple[Desired | BadDesired, str]] = [
            (desired(2, {"cameras": {"front": {"fps": 500}}}), "$.settings.cameras.front.fps"),
            (desired(3, {"broker": {"host": "evil"}}), "$.settings.broker"),
            (desired(4, plans={"nowhere": PLAN}), "$.plans.nowhere"),
            (desired(5, models=[MODEL, MODEL]), "$.models[0].name"),
            (BadDesired(6, "not a Desired"), "$"),
        ]
        for version, (wrong, path) in enumerate(wrongs, start=2):
            await room.service.wanted(wrong)
            folder = DesiredFolder(tmp_path / FOLDER)
            assert (folder.version, folder.seen) == (1, version)
            assert [one.path for one in folder.refused] == [path]
        await room.until(lambda: room.health.of(PART) is State.DEGRADED)
        assert room.service.settled.log_level == "warning"
        await room.service.wanted(BadDesired(0, "nonsense"))
        await room.service.wanted(desired(7, {"log_level": "error"}))
        await room.until(lambda: room.service.folder.version == 7)
        await room.until(lambda: room.health.of(PART) is State.OK)
        assert not room.service.folder.refused
    assert begin(own(tmp_path)).config.log_level == "error"


async def test_what_hides_people_is_not_taken_away_from_afar(tmp_path: Path) -> None:
    hidden = Zone(id="desk", kind="privacy", points=PLAN.zones[0].points)
    plans = {"front": FakePlans()}
    plans["front"].kept = Plan(zones=(hidden,), face_blur=True)
    async with running(begin(own(tmp_path)), plans=plans) as room:
        for version, plan, path in (
            (1, PLAN, "$.plans.front.zones.desk"),
            (2, Plan(zones=(hidden,)), "$.plans.front.face_blur"),
        ):
            await room.service.wanted(desired(version, plans={"front": plan}))
            assert [one.path for one in room.service.folder.refused] == [path]
        more = Plan(zones=(hidden, Zone(id="bed", kind="privacy", points=hidden.points)), face_blur=True)
        await room.service.wanted(desired(3, plans={"front": more}))
        await room.until(lambda: room.service.folder.version == 3)
        assert plans["front"].kept.zones == more.zones


async def test_what_somebody_hides_while_a_plan_is_taken_stays_hidden(tmp_path: Path) -> None:
    """The restart is what lies between: the plan was checked by the run before."""
    DesiredFolder(tmp_path / FOLDER).take(desired(1, plans={"front": PLAN}))
    plans = {"front": FakePlans()}
    plans["front"].kept = kept = Plan(zones=(Zone(id="desk", kind="privacy", points=PLAN.zones[0].points),))
    async with running(begin(own(tmp_path)), plans=plans) as room:
        await room.until(lambda: room.service.folder.version == 1)
    assert plans["front"].kept == kept


def test_three_starts_that_do_not_come_up_put_it_aside(tmp_path: Path) -> None:
    folder = DesiredFolder(tmp_path / FOLDER)
    folder.take(desired(1, {"log_level": "warning"}))
    folder.confirm(1)
    folder.take(desired(2, {"log_level": "error"}))
    for _ in range(MOST_STARTS):
        assert begin(own(tmp_path)).trying == 2
    beginning = begin(own(tmp_path))
    assert (beginning.trying, beginning.config.log_level) == (0, "warning")
    assert beginning.put_aside is not None
    assert beginning.put_aside.version == 2
    assert begin(own(tmp_path)).put_aside is None, "it is told once"
    assert "did not come up" in beginning.folder.refused[0].reason
    assert (beginning.folder.version, beginning.folder.seen) == (1, 2)
    assert begin(own(tmp_path)).config.log_level == "warning"


@pytest.mark.parametrize(
    "error",
    [
        StoreError("damaged"),
        OSError(28, "No space left on device"),
        ExceptionGroup("services", [ValueError("x"), OSError(5, "Input/output error")]),
    ],
)
def test_a_host_that_fails_is_not_blamed_on_what_is_desired(tmp_path: Path, error: Exception) -> None:
    DesiredFolder(tmp_path / FOLDER).take(desired(1, {"log_level": "error"}))
    for _ in range(2 * MOST_STARTS):
        beginning = begin(own(tmp_path))
        assert beginning.trying == 1
        with pytest.raises(type(error)), blamed_rightly(beginning):
            raise error
    for _ in range(MOST_STARTS):
        with pytest.raises(ValueError, match="its own"), blamed_rightly(begin(own(tmp_path))):
            raise ValueError("its own")
    assert begin(own(tmp_path)).trying == 0


async def test_the_daemon_counts_neither_a_damaged_store_nor_its_waiting_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    DesiredFolder(tmp_path / FOLDER).take(desired(1))

    async def fails(*_: object) -> None:
        raise StoreError("damaged")

    for step in ("assemble", "wait_for_room"):
        with monkeypatch.context() as patch, pytest.raises(StoreError):
            patch.setattr(f"edge.daemon.run.{step}", fails)
            await run_daemon(own(tmp_path))
        taking = DesiredFolder(tmp_path / FOLDER).taking
        assert taking is not None
        assert taking.starts == 0


def test_what_fails_once_it_is_in_force_forgives_nothing_to_the_next(tmp_path: Path) -> None:
    folder = DesiredFolder(tmp_path / FOLDER)
    folder.take(desired(1))
    beginning = begin(own(tmp_path))
    with pytest.raises(StoreError), blamed_rightly(beginning):
        beginning.folder.confirm(1)
        beginning.folder.take(desired(2))
        beginning.folder.count_start()
        raise StoreError("damaged")
    taking = DesiredFolder(tmp_path / FOLDER).taking
    assert taking is not None
    assert taking.starts == 1


async def test_a_start_that_comes_up_at_the_second_try_counts_no_more(tmp_path: Path) -> None:
    DesiredFolder(tmp_path / FOLDER).take(desired(1, {"log_level": "error"}))
    begin(own(tmp_path))
    async with running(begin(own(tmp_path))) as room:
        await room.until(lambda: room.service.folder.version == 1)
    assert not DesiredFolder(tmp_path / FOLDER).taking


def test_settings_that_fit_the_device_no_more_are_put_aside(tmp_path: Path) -> None:
    """Somebody changed edge.toml: the desired state that was in force fits no more, and says so."""
    folder = DesiredFolder(tmp_path / FOLDER)
    folder.take(desired(1, {"cameras": {"front": {"noise": 3}}}))
    folder.confirm(1)
    other = EdgeConfig(state_dir=str(tmp_path))
    beginning = begin(other)
    assert beginning.config == other
    assert beginning.put_aside == folder.in_force
    assert beginning.folder.refused[0].path == "$.settings.cameras.front"
    assert (beginning.folder.version, beginning.folder.seen) == (0, 1)


async def test_a_disk_that_takes_no_count_is_not_restarted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else the appliance would restart for ever: a start that cannot be counted is not made."""
    DesiredFolder(tmp_path / FOLDER).take(desired(1, {"cameras": {"front": {"fps": 5}}}))

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("edge.daemon.remote.folder.write_private", full)
        beginning = begin(own(tmp_path))
        assert (beginning.trying, beginning.config) == (0, own(tmp_path))
        async with running(beginning) as room:
            await room.until(lambda: "disk takes nothing" in getattr(room.health.part(PART), "detail", ""))
            assert not room.restart.due.is_set()
            with pytest.raises(OSError, match="No space"):
                await room.service.wanted(desired(2))
    assert begin(own(tmp_path)).trying == 1


class Killed(BaseException):
    """SIGKILL, as far as a test can make one within its process."""


@pytest.mark.parametrize("step", range(12))
def test_killed_at_any_step_the_folder_is_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Before and after each rename and each deletion of: taken, started, in force, refused."""
    folder = DesiredFolder(tmp_path / FOLDER)
    folder.take(desired(1, {"log_level": "warning"}))
    folder.confirm(1)
    left = [step]

    def dying(work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*words: Any, **more: Any) -> Any:
            for when in ("before", "after"):
                if left[0] == 0:
                    raise Killed
                left[0] -= 1
                if when == "before":
                    result = work(*words, **more)
            return result

        return wrapped

    reached = 0
    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr("edge.daemon.remote.folder.write_private", dying(write_private))
        patch.setattr(DesiredFolder, "_remove", dying(DesiredFolder._remove))
        folder.take(desired(2, {"log_level": "error"}))
        reached = 2
        folder.count_start()
        folder.confirm(2)
        reached = 3
        folder.refuse(3, [])
    kept = DesiredFolder(tmp_path / FOLDER)
    assert kept.version in {1, 2}
    assert kept.version == 2 or reached < 3
    assert kept.seen >= (2 if reached else 1)
    beginning = begin(own(tmp_path))
    assert beginning.config.log_level in {"warning", "error"}
    assert beginning.trying in {0, 2}


@pytest.mark.parametrize("name", ["in-force.json", "taking.json", "aside.json"])
def test_a_damaged_file_counts_as_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / name).write_bytes(b'{"version": ')
    beginning = begin(own(tmp_path))
    assert beginning.config == own(tmp_path)
    assert beginning.folder.seen == 0


def test_a_kill_between_the_steps_of_confirming_is_nothing(tmp_path: Path) -> None:
    folder = DesiredFolder(tmp_path / FOLDER)
    folder.take(desired(1, {"log_level": "error"}))
    kept = (tmp_path / FOLDER / "taking.json").read_bytes()
    folder.confirm(1)
    (tmp_path / FOLDER / "taking.json").write_bytes(kept)
    beginning = begin(own(tmp_path))
    assert (beginning.trying, beginning.folder.version, beginning.config.log_level) == (0, 1, "error")


async def test_a_server_that_is_away_is_asked_again_and_a_wrong_signature_is_not(tmp_path: Path) -> None:
    away = ModelUnreachableError("the server answers 503")
    async with running(begin(own(tmp_path)), models=FakeModels(away, away)) as room:
        await room.service.wanted(desired(1, models=[MODEL]))
        await room.until(lambda: room.service.folder.version == 1)
        room.service._models = FakeModels(*[away] * 6)
        await room.service.wanted(desired(2, models=[MODEL]))
        await room.until(lambda: room.service.folder.refused)
        assert "503" in room.service.folder.refused[0].reason
        room.service._models = FakeModels(ModelError("its manifest is not signed"))
        await room.service.wanted(desired(3, models=[MODEL]))
        await room.until(lambda: room.service.folder.seen == 3 and room.service.folder.refused)
        assert "not signed" in room.service.folder.refused[0].reason
        assert room.service.folder.version == 1


async def test_a_newer_one_calls_off_a_restart_that_waits(tmp_path: Path) -> None:
    async with running(begin(own(tmp_path))) as room:
        room.busy.append("session s-1 is being recorded")
        await room.service.wanted(desired(1, {"cameras": {"front": {"fps": 5}}}))
        await room.until(lambda: room.service._restarting)
        await room.service.wanted(desired(2, {"log_level": "error"}))
        await room.until(lambda: room.service.folder.version == 2)
        room.busy.clear()
        for _ in range(50):
            await asyncio.sleep(0)
        assert not room.restart.due.is_set()


@pytest.mark.parametrize("url", ["https://[x/faces.json", "ftp://models.example/faces.json", "https:///faces.json"])
async def test_an_address_that_is_none_is_refused_and_ends_no_daemon(tmp_path: Path, url: str) -> None:
    """The broker retains it: what ended the daemon once would end each run of it."""
    wanted = msgspec.structs.replace(MODEL, url=url)
    async with running(begin(own(tmp_path))) as room:
        await room.service.wanted(desired(2, models=[wanted]))
        assert [one.path for one in room.service.folder.refused] == ["$.models[0].url"]


async def test_a_mistake_of_ours_in_taking_refuses_it_and_ends_no_daemon(tmp_path: Path) -> None:
    models = FakeModels(KeyError("ours"))
    async with running(begin(own(tmp_path)), models=models) as room:
        await room.service.wanted(desired(2, models=[MODEL]))
        await room.until(lambda: room.service.folder.refused)
        assert "KeyError" in room.service.folder.refused[0].reason
        await room.service.wanted(desired(3, {"log_level": "debug"}))
        await room.until(lambda: room.service.folder.version == 3)


class _Interrupted(DesiredFolder):
    """Somebody wants version 3 while version 2 is being ended."""

    thread: threading.Thread

    def _forget_taking(self) -> None:
        self.thread = threading.Thread(target=self.take, args=(desired(3),))
        self.thread.start()
        self.thread.join(0.1)
        super()._forget_taking()


@pytest.mark.parametrize("end", [lambda folder: folder.refuse(2, []), lambda folder: folder.confirm(2)])
def test_what_is_wanted_while_another_ends_is_not_lost(tmp_path: Path, end: Callable[[DesiredFolder], object]) -> None:
    """The broker does not send it again: it was confirmed."""
    folder = _Interrupted(tmp_path / FOLDER)
    folder.take(desired(2))
    end(folder)
    folder.thread.join()
    for found in (folder, DesiredFolder(tmp_path / FOLDER)):
        assert found.taking
        assert found.taking.desired.version == 3


def test_what_is_wanted_before_another_is_in_force_takes_its_place(tmp_path: Path) -> None:
    folder = DesiredFolder(tmp_path / FOLDER)
    folder.take(desired(2))
    folder.take(desired(3))
    assert not folder.confirm(2)
    assert (folder.version, folder.seen) == (0, 3)
