"""The sensors of the appliance as the LAN side and the desk of sessions see them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contract.sessions import SensorCommand
from edge.affect.sessions.needs import Nowhere
from edge.affect.settings import AffectSettings
from edge.config import EdgeConfig
from edge.core.errors import RefusedError, UnknownError
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.sample import Channel, Sample
from edge.daemon.ground import Ground
from edge.daemon.sensors import Sensors, make_sensors
from edge.daemon.storage import make_storage
from edge.models.store import ModelStore
from edge.sensing.settings import SimulatedSettings
from edge.sync.uploader import Uploader
from edge.vision.events.album import EventAlbum
from tests.support.clock import FakeClock
from tests.support.outboxes import open_outbox


@asynccontextmanager
async def _made(
    folder: Path, *, sensors: tuple[str, ...] = ("left", "right"), affect: AffectSettings | None = None
) -> AsyncIterator[tuple[Sensors, Ground]]:
    clock = FakeClock()
    health = Health(clock)
    config = EdgeConfig(
        state_dir=str(folder),
        sensors=tuple(SimulatedSettings(id=name) for name in sensors),
        affect=affect or AffectSettings(),
    )
    async with open_outbox(folder, clock=clock, health=health) as outbox:
        ground = Ground(
            config=config,
            clock=clock,
            hub=Hub(),
            health=health,
            outbox=outbox,
            models=ModelStore(),
            album=EventAlbum(folder / "events", config.vision.events, clock, health),
            turns=asyncio.Semaphore(1),
        )
        uploader = Uploader(None, outbox=outbox, clock=clock, health=health, rng=random.Random(1))
        made = await make_sensors(ground, make_storage(ground, uploader, {}), {}, elsewhere=Nowhere(), version="0.1.0")
        try:
            yield made, ground
        finally:
            if made.desk:
                await made.desk.close()
            ground.album.close()


async def test_a_sensor_is_seen_with_the_quality_of_its_signals(tmp_path: Path) -> None:
    async with _made(tmp_path) as (sensors, ground):
        assert [view.id for view in sensors.sensors()] == ["left", "right"]
        assert sensors.signals() == []
        assert sensors.sensors()[0].quality == {}
        unit = sensors.units["left"]
        unit.shown._stream.add(Sample("left", ground.clock.mono_ns(), {Channel.GSR_US: 5.0}))
        first = asyncio.ensure_future(anext(ground.hub.watch()))
        await asyncio.sleep(0)
        showing = asyncio.create_task(unit.shown.run())
        await asyncio.wait_for(first, 10)
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        left, right = sensors.sensors()
        assert set(left.quality) == {"gsr_us"} and right.quality == {}
        assert [view.sensor for view in sensors.signals()] == ["left"]
        assert [one.data["sensor"] for one in ground.hub.latest() if one.topic == "signals"] == ["left"]


async def test_every_sensor_and_the_desk_are_services_of_their_own(tmp_path: Path) -> None:
    async with _made(tmp_path) as (sensors, _):
        names = [service.name for service in sensors.services]
        assert len(names) == len(set(names)) == 8
        assert {"signals.left", "affect.left", "affect.right", "sessions"} <= set(names)


async def test_a_command_to_a_sensor_that_is_not_there_says_which_are(tmp_path: Path) -> None:
    async with _made(tmp_path) as (sensors, _):
        with pytest.raises(UnknownError, match="there are left, right"):
            await sensors.command("middle", SensorCommand(command="identify"))
        with pytest.raises(RefusedError):
            await sensors.command("left", SensorCommand(command="calibrate"))


async def test_one_who_was_erased_is_forgotten_by_every_sensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _made(tmp_path) as (sensors, _):
        forgotten: list[str] = []
        for name, unit in sensors.units.items():
            assert unit.affect
            monkeypatch.setattr(unit.affect, "forget", lambda who, name=name: forgotten.append(f"{name}:{who}"))
        assert sensors.desk
        await sensors.desk.put_participant("p1", sensor=None, note="")
        await sensors.desk.erase("p1")
        assert {"left:p1", "right:p1"} == set(forgotten)


async def test_a_desk_that_cannot_open_leaves_the_rest_alone_and_names_nobody(tmp_path: Path) -> None:
    """Who agreed is in the file that cannot be read: so nobody did."""
    (tmp_path / "sessions").write_text("a file where a folder belongs")
    async with _made(tmp_path, affect=AffectSettings(participants={"left": "p1"})) as (sensors, ground):
        assert sensors.desk is None
        assert ground.health.of("sessions") is State.FAILED
        assert [service.name for service in sensors.services if service.name == "sessions"] == []
        assert len(sensors.sensors()) == 2
        affect = sensors.units["left"].affect
        assert affect
        assert not affect._viewings.may_name("p1")


async def test_an_appliance_without_sensors_starts_no_session_but_can_erase(tmp_path: Path) -> None:
    """Its participants handed in videos."""
    async with _made(tmp_path, sensors=()) as (sensors, ground):
        assert sensors.desk and sensors.sensors() == []
        assert ground.health.of("sessions") is State.OK
        await sensors.desk.came_by_client("P07")
        with pytest.raises(RefusedError, match="sensor"):
            await sensors.desk.start("P07")
        assert (await sensors.desk.erase("P07")).participant == "P07"
        assert sensors.desk.participants() == []


async def test_why_emotion_is_not_estimated_is_told(tmp_path: Path) -> None:
    async with _made(tmp_path) as (sensors, _):
        assert sensors.model_problem() == ""
    async with _made(tmp_path / "off", affect=AffectSettings(enabled=False)) as (sensors, _):
        assert "switched off" in sensors.model_problem()


async def test_a_face_speaks_for_the_only_sensor_and_for_none_of_two(tmp_path: Path) -> None:
    async with _made(tmp_path, sensors=("left",)) as (_, ground):
        assert len(ground.expressions) == 1
    async with _made(tmp_path / "two") as (_, ground):
        assert ground.expressions == []
