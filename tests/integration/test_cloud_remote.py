"""What is asked of a device, over a real broker and either database: sent until its end came, done once, told apart."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select, update

from cloud.ingest.lookout import Lookout
from cloud.ingest.metrics import IngestMetrics, WorkMetrics
from cloud.ingest.service import Ingest
from cloud.ingest.settings import BrokerSettings
from cloud.objects.uploads import NoUploads
from cloud.store.audit import Deed
from cloud.store.clock import SystemClock
from cloud.store.commands import Asked, CommandConflictError, CommandSlice, NotCancellableError
from cloud.store.database import Database
from cloud.store.desired import ANY, VersionConflictError, Wish
from cloud.store.fleet_tables import desired, desired_heads
from cloud.store.intake import Intake
from cloud.store.outgoing import LEASE_MS, Post
from cloud.store.queries import Queries, Slice
from cloud.store.remote import Remote, remote_over
from contract.messages import CommandState, Status
from contract.remote import Command, Desired
from contract.times import to_wire
from tests.integration.test_cloud_ingest import until
from tests.support.cloud import BOOT, START_MS, StillClock, incoming, opened
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.postgres import Postgres, running_postgres
from tests.support.remote_device import NAME, RemoteDevice

DEED = Deed(actor="ada", action="test", target=NAME)
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'cloud.db'}"
    else:
        url = request.getfixturevalue("postgres").migrated(f"db{uuid.uuid4().hex[:10]}")
    async with opened(url) as found:
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


async def ask(remote: Remote, device: str, command_id: str, *, for_ms: int = HOUR_MS, now_ms: int | None = None) -> int:
    now = SystemClock().now_ms() if now_ms is None else now_ms
    asked = Asked(command_id, "snapshot", {"camera": "door"}, now + for_ms)
    return await remote.commands.ask([device], asked, DEED, now_ms=now)


async def one(remote: Remote, device: str, command_id: str) -> dict[str, Any]:
    (row,) = await remote.commands.page(CommandSlice(device=device, command_id=command_id))
    return row


async def state(remote: Remote, device: str, command_id: str) -> str:
    return str((await one(remote, device, command_id))["state"])


def wish(fps: int) -> Wish:
    return Wish({"cameras": {"front": {"fps": fps}}}, {}, [])


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
        sends = (await one(remote, device.name, "c1"))["sends"]
        device.leave()
        device.come()
        await asyncio.sleep(0.6)
        row = await one(remote, device.name, "c1")
        assert (row["sends"], row["outcome"], row["by"]) == (sends, {"key": "k"}, "ada")
        command = device.heard[0]
        assert (command.name, command.arguments, command.by) == ("snapshot", {"camera": "door"}, "ada")


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


async def test_what_a_killed_sender_took_is_due_again(database: Database, remote: Remote) -> None:
    """Killed between the database and the broker: nothing is marked as sent, and nobody else waits for long."""
    post, now_ms = Post(database), START_MS
    await ask(remote, NAME, "c1", now_ms=now_ms)
    await remote.desired.set(NAME, wish(5), DEED, expected=0, now_ms=now_ms)
    taken = await post.take(now_ms, 10)
    assert [type(one.message).__name__ for one in taken] == ["Command", "Desired"]
    assert await post.take(now_ms + LEASE_MS - 1, 10) == []
    assert await state(remote, NAME, "c1") == "queued"
    again = await post.take(now_ms + LEASE_MS, 10)
    assert [one.message for one in again] == [one.message for one in taken]
    await post.sent(again, now_ms + LEASE_MS, again_ms=now_ms + HOUR_MS)
    assert await state(remote, NAME, "c1") == "sent"
    assert await post.take(now_ms + HOUR_MS - 1, 10) == []


async def test_a_desired_state_that_this_release_cannot_read_stops_no_other_and_can_be_replaced(
    database: Database, remote: Remote
) -> None:
    """It ended each run of the ingest."""
    for name in ("other", NAME):
        await remote.desired.set(name, wish(5), DEED, expected=0, now_ms=START_MS)
    async with database.write() as link:
        broken = update(desired).where(desired.c.device == NAME).values(body='{"plans":{"door":{"zones":3}}}')
        await link.execute(broken)
    seen: list[Desired | None] = []
    assert [one.device for one in await Post(database).take(START_MS, 10)] == ["other"]
    assert await remote.desired.newest(NAME) is None
    assert await remote.desired.history(NAME, limit=9) == []
    await remote.desired.set(NAME, wish(7), DEED, expected=ANY, now_ms=START_MS, check=seen.append)
    assert seen == [None]
    assert [one.device for one in await Post(database).take(START_MS, 10)] == [NAME]


async def test_what_ran_out_is_expired_unless_the_device_says_otherwise(database: Database, remote: Remote) -> None:
    clock, post, intake = StillClock(), Post(database), Intake(database)
    lookout = Lookout(remote, metrics=WorkMetrics(CollectorRegistry()), clock=clock)
    for name in ("c1", "c2"):
        await ask(remote, NAME, name, for_ms=10_000, now_ms=clock.ms)
    accepted = CommandState(command_id="c2", name="snapshot", state="accepted")
    await intake.add([incoming(accepted, 1)], clock.ms)
    clock.ms += 10_000
    assert await post.take(clock.ms, 10) == [], "it would be too late"
    await lookout.look()
    assert (await state(remote, NAME, "c1"), await state(remote, NAME, "c2")) == ("expired", "accepted")
    assert (await one(remote, NAME, "c1"))["reason"]
    late = CommandState(command_id="c1", name="snapshot", state="succeeded")
    await intake.add([incoming(late, 2)], clock.ms)
    assert await state(remote, NAME, "c1") == "succeeded", "what happened goes before what was thought"
    steps = CommandState(command_id="c1", name="snapshot", state="accepted")
    await intake.add([incoming(steps, 1, boot="00000000-deadbeef")], clock.ms)
    assert await state(remote, NAME, "c1") == "succeeded", "an older step changes nothing"


async def test_what_was_accepted_and_never_ended_does_not_stay_open(database: Database, remote: Remote) -> None:
    """A box that was replaced tells no ends; a hundred such commands would keep its successor from any."""
    clock, intake = StillClock(), Intake(database)
    await intake.set_status(Status(device=NAME, boot=BOOT, state="online", t=to_wire(clock.ms)), clock.ms)
    for name in ("c1", "c2", "c3"):
        await ask(remote, NAME, name, for_ms=10_000, now_ms=clock.ms)
    await remote.commands.cancel(NAME, "c3", DEED, now_ms=clock.ms)
    said = [CommandState(command_id=f"c{n}", name="snapshot", state="accepted") for n in (1, 2, 3)]
    await intake.add([incoming(one, number) for number, one in enumerate(said, 1)], clock.ms)
    metrics = WorkMetrics(CollectorRegistry())
    clock.ms += 14 * 24 * HOUR_MS
    await Lookout(remote, metrics=metrics, clock=clock).look()
    assert (await remote.fleet.about([NAME]))[NAME]["commands_open"] == 3, "its device may be on a ship"
    clock.ms += 10_001
    await Lookout(remote, metrics=metrics, clock=clock).look()
    await Lookout(remote, metrics=metrics, clock=clock).look()
    assert metrics.commands_expired._value.get() == 3
    found = await one(remote, NAME, "c1")
    assert (found["state"], found["state_ms"]) == ("expired", clock.ms)
    assert "not heard to end it" in found["reason"]
    assert (await remote.fleet.about([NAME]))[NAME]["commands_open"] == 0
    assert await remote.commands.page(CommandSlice(device=NAME, state="open")) == []
    assert len(await remote.commands.page(CommandSlice(device=NAME, state="expired"))) == 3
    late = CommandState(command_id="c1", name="snapshot", state="running")
    await intake.add([incoming(late, 4)], clock.ms)
    assert await state(remote, NAME, "c1") == "expired"
    done = CommandState(command_id="c1", name="snapshot", state="succeeded")
    await intake.add([incoming(done, 5)], clock.ms)
    assert await state(remote, NAME, "c1") == "succeeded", "what happened goes before what was thought"


async def test_a_cancelled_command_is_not_sent_and_an_accepted_one_cannot_be(
    database: Database, remote: Remote
) -> None:
    post = Post(database)
    await ask(remote, NAME, "c1", now_ms=START_MS)
    assert not await remote.commands.cancel(NAME, "none", DEED, now_ms=START_MS)
    assert await remote.commands.cancel(NAME, "c1", DEED, now_ms=START_MS)
    assert await remote.commands.cancel(NAME, "c1", DEED, now_ms=START_MS)
    assert await state(remote, NAME, "c1") == "cancelled"
    assert await post.take(START_MS + 1, 10) == []
    await ask(remote, NAME, "c2", now_ms=START_MS)
    await Intake(database).add(
        [incoming(CommandState(command_id="c2", name="snapshot", state="accepted"), 1)], START_MS
    )
    with pytest.raises(NotCancellableError):
        await remote.commands.cancel(NAME, "c2", DEED, now_ms=START_MS)


async def test_the_same_id_asks_once_and_never_for_something_else(remote: Remote) -> None:
    found = await asyncio.gather(*(ask(remote, NAME, "c1", now_ms=START_MS) for _ in range(5)))
    assert len(await remote.commands.page(CommandSlice(device=NAME))) == 1
    assert max(found) == 1
    other = Asked("c1", "restart", {}, START_MS + HOUR_MS)
    with pytest.raises(CommandConflictError):
        await remote.commands.ask(["other", NAME], other, DEED, now_ms=START_MS)
    assert await remote.commands.page(CommandSlice(device="other")) == [], "all or none"


async def test_versions_only_grow_and_of_those_who_saw_the_same_one_wins(remote: Remote) -> None:
    async def put(number: int, expected: int) -> int:
        try:
            found = await remote.desired.set(NAME, wish(number), DEED, expected=expected, now_ms=START_MS)
        except VersionConflictError as error:
            return -error.version
        return found.version

    found = await asyncio.gather(*(put(number, 0) for number in range(1, 9)))
    assert sorted(found) == [-1] * 7 + [1]
    found = await asyncio.gather(*(put(number + 20, ANY) for number in range(8)))
    assert sorted(found) == list(range(2, 10))
    history = await remote.desired.history(NAME, limit=50)
    assert [one.version for one in history] == list(range(9, 0, -1))
    assert await remote.desired.newest(NAME) == history[0]


async def test_what_waits_for_a_device_that_is_away_waits_at_the_broker(database: Database, remote: Remote) -> None:
    """A device that is off for a month costs no message, and gets everything when it comes."""
    post, intake, now_ms = Post(database), Intake(database), START_MS
    will = Status(device=NAME, state="offline", boot=BOOT, t=to_wire(now_ms))
    await intake.set_status(will, now_ms)
    await ask(remote, NAME, "c1", for_ms=30 * 24 * HOUR_MS, now_ms=now_ms)
    taken = await post.take(now_ms, 10)
    await post.sent(taken, now_ms, again_ms=now_ms + 1000)
    assert [len(await post.take(now_ms + 2000 * (turn + 1), 10)) for turn in range(20)] == [0] * 20
    birth = Status(device=NAME, state="online", boot=BOOT, t=to_wire(now_ms + 60_000))
    assert await intake.set_status(birth, now_ms + 60_000)
    (again,) = await post.take(now_ms + 60_000, 10)
    assert isinstance(again.message, Command)
    await post.sent([again], now_ms + 60_000, again_ms=now_ms + HOUR_MS)
    assert not await intake.set_status(birth, now_ms + 61_000), "the same birth, retained, from another ingest"
    assert await post.take(now_ms + 61_000, 10) == []
