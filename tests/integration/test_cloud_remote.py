"""What is asked of a device, over a real broker and either database: sent until its end came, done once, told apart."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from cloud.ingest.metrics import IngestMetrics
from cloud.ingest.service import Ingest
from cloud.ingest.settings import BrokerSettings
from cloud.objects.uploads import NoUploads
from cloud.store.clock import SystemClock
from cloud.store.commands import Asked, CommandSlice
from cloud.store.database import Database
from cloud.store.fleet_tables import desired_heads
from cloud.store.intake import Intake
from cloud.store.outgoing import Post
from cloud.store.queries import Queries, Slice
from cloud.store.remote import Remote, remote_over
from contract.messages import CommandState
from tests.integration.test_cloud_ingest import until
from tests.support.asked_commands import DEED, HOUR_MS, ask, one, state, wish
from tests.support.cloud import opened
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.postgres import Postgres
from tests.support.remote_device import RemoteDevice


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture
def remote(database: Database) -> Remote:
    return remote_over(database)


@pytest.fixture
def device(broker: Mosquitto) -> Iterator[RemoteDevice]:
    found = RemoteDevice(broker.port, f"d{uuid.uuid4().hex[:8]}")
    yield found
    found.leave()


@asynccontextmanager
async def ingesting(database: Database, broker: Mosquitto, name: str = "one", **more: Any) -> AsyncIterator[Ingest]:
    settings = BrokerSettings(port=broker.port, client_id=f"cloud-{name}", send_every_ms=100, **more)
    found = Ingest(
        Intake(database),
        settings,
        post=Post(database),
        password=None,
        uploads=NoUploads(),
        metrics=IngestMetrics(CollectorRegistry()),
        clock=SystemClock(),
        rng=random.Random(1),
    )
    task = asyncio.create_task(found.run(), name="ingest")
    try:
        await until(lambda: found.connected)
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_command_asked_before_the_device_came_is_done_once_however_often_it_is_sent(
    database: Database, remote: Remote, broker: Mosquitto, device: RemoteDevice
) -> None:
    device.ends = False
    async with ingesting(database, broker):
        await ask(remote, device.name, "c1")
        await until(lambda: _is(remote, device, "sent"))
        device.come()
        await until(lambda: _is(remote, device, "accepted"))
        device.leave()
        device.come()
        await until(lambda: len(device.heard) >= 2)
        assert device.done == {"c1": "accepted"}
        said = CommandState(command_id="c1", name="snapshot", state="succeeded", outcome={"key": "k"})
        device.say(said)
        await until(lambda: _is(remote, device, "succeeded"))
        await until(lambda: _sends(remote, device, 3))  # before it came, and each time that it came
        device.leave()
        device.come()
        await asyncio.sleep(0.6)
        row = await one(remote, device.name, "c1")
        assert (row["sends"], row["outcome"], row["by"]) == (3, {"key": "k"}, "ada")
        command = device.heard[0]
        assert (command.name, command.arguments, command.by) == ("snapshot", {"camera": "door"}, "ada")


async def _sends(remote: Remote, device: RemoteDevice, wanted: int) -> bool:
    return bool((await one(remote, device.name, "c1"))["sends"] == wanted)


async def _is(remote: Remote, device: RemoteDevice, wanted: str) -> bool:
    return await state(remote, device.name, "c1") == wanted


async def test_a_desired_state_reaches_a_device_that_comes_later_and_again_one_that_lost_it(
    database: Database, remote: Remote, broker: Mosquitto, device: RemoteDevice
) -> None:
    async with ingesting(database, broker):
        first = await remote.desired.set(device.name, wish(10), DEED, expected=0, now_ms=SystemClock().now_ms())
        again = await remote.desired.set(device.name, wish(10), DEED, expected=1, now_ms=SystemClock().now_ms())
        assert first == again, "the same is no new version"
        device.come()
        await until(lambda: device.desired)
        assert (device.desired[0].version, device.desired[0].settings) == (1, wish(10).settings)
        device.report(version=1, seen=1, release="r1")
        await until(lambda: _reports(remote, device, 1))
        heard = len(device.desired)
        device.seq += 1
        device.report(version=0, seen=0)  # its folder was lost
        await until(lambda: len(device.desired) > heard)
        device.seq += 1
        device.report(version=0, seen=41)  # ours was
        await until(lambda: device.desired[-1].version == 42)
        assert device.desired[-1].settings == wish(10).settings


async def _reports(remote: Remote, device: RemoteDevice, seen: int) -> bool:
    found = await remote.fleet.about([device.name])
    return bool(found) and found[device.name]["seen_version"] == seen


async def test_a_device_that_left_leaves_nothing_at_the_broker(
    database: Database, remote: Remote, broker: Mosquitto, device: RemoteDevice
) -> None:
    device.deaf = True
    device.come()
    async with ingesting(database, broker):
        await remote.desired.set(device.name, wish(10), DEED, expected=0, now_ms=SystemClock().now_ms())
        await ask(remote, device.name, "c1")
        await until(lambda: device.heard and device.desired)
        device.report(version=0, seen=1)
        await until(lambda: _reports(remote, device, 1))
        device.leave()
        await until(lambda: _presence(database, device, "offline"))
        await remote.fleet.remove(device.name, DEED, now_ms=SystemClock().now_ms())
        await until(lambda: _is_cleared(database, device))
        assert await remote.fleet.known([device.name]) == set()
        assert await state(remote, device.name, "c1") == "cancelled"
    device.desired.clear()
    async with ingesting(database, broker):
        await asyncio.sleep(0.3)
        assert await remote.fleet.known([device.name]) == set(), "no retained birth brings it back"
    device.come()
    await asyncio.sleep(0.2)
    assert device.desired == []


async def _presence(database: Database, device: RemoteDevice, wanted: str) -> bool:
    (row,) = (await Queries(database).devices(Slice(device=device.name))).items
    return bool(row["state"] == wanted)


async def _is_cleared(database: Database, device: RemoteDevice) -> bool:
    query = select(desired_heads).where(desired_heads.c.device == device.name, desired_heads.c.sent_version == 0)
    async with database.read() as link:
        return (await link.execute(query)).first() is not None


async def test_two_ingests_send_each_command_once(postgres: Postgres, broker: Mosquitto, device: RemoteDevice) -> None:
    device.come()
    async with opened(postgres.migrated("two")) as database, opened(postgres.url("two")) as other:
        remote = remote_over(database)
        async with (
            ingesting(database, broker, "a", shared_group="two"),
            ingesting(other, broker, "b", shared_group="two"),
        ):
            await until(lambda: _is_online(remote, device))
            asked = [Asked(f"c{number}", "snapshot", {}, SystemClock().now_ms() + HOUR_MS) for number in range(60)]
            for one_asked in asked:
                await remote.commands.ask([device.name], one_asked, DEED, now_ms=SystemClock().now_ms())
            await until(lambda: len(device.done) == 60)
            await asyncio.sleep(0.5)
            assert len(device.heard) == 60
            await until(lambda: _all_ended(remote, device))


async def _is_online(remote: Remote, device: RemoteDevice) -> bool:
    return device.name in await remote.fleet.known([device.name])


async def _all_ended(remote: Remote, device: RemoteDevice) -> bool:
    return not await remote.commands.page(CommandSlice(device=device.name, state="open"))
