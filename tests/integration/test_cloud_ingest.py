"""From a real broker into a real database: once each, acked when committed and not before, whatever goes away."""

import asyncio
import inspect
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from cloud.ingest.embedded import EmbeddedBroker
from cloud.ingest.metrics import IngestMetrics
from cloud.ingest.service import Ingest
from cloud.ingest.settings import BrokerSettings
from cloud.objects.uploads import NoUploads
from cloud.store import tables
from cloud.store.clock import SystemClock
from cloud.store.database import Database
from cloud.store.errors import UnstorableError
from cloud.store.intake import Intake, Stored
from cloud.store.outgoing import Post
from cloud.store.queries import Queries, Slice
from cloud.store.rows import Incoming
from contract.codec import decode, encode
from contract.messages import Ack, AnyBody, Status
from contract.storage import StorageReply, StorageRequest
from contract.topics import REPLIES, REQUESTS, leaf_of, topic
from tests.support.cloud import BOOT, loss, opened, payload, prediction
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.ports import free_port
from tests.support.postgres import Postgres, running_postgres

WITHIN_S = 60.0


class Device:
    """A device that says what the test wants, and hears its acks."""

    def __init__(self, port: int, name: str = "gate", *, modern: bool = True) -> None:
        self.name = name
        self.acks: list[Ack] = []
        version = MQTTProtocolVersion.MQTTv5 if modern else MQTTProtocolVersion.MQTTv311
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"device-{name}", protocol=version)
        self.replies: list[StorageReply] = []
        self._client.on_message = self._heard
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(topic(name, "ack"), 1), (topic(name, REPLIES), 1)]
        )
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.max_inflight_messages_set(500)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(WITHIN_S), "the device could not subscribe"

    def say(self, body: AnyBody, seq: int, boot: str = BOOT) -> None:
        """Publish a record."""
        self.send(leaf_of(body), payload(body, seq, boot))

    def send(self, leaf: str, raw: bytes, *, retain: bool = False) -> None:
        """Publish bytes."""
        self._client.publish(f"afferent/v1/{self.name}/{leaf}", raw, qos=1, retain=retain)

    def _heard(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith(REPLIES):
            self.replies.append(decode(bytes(message.payload), StorageReply))
        else:
            self.acks.append(decode(bytes(message.payload), Ack))

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def acked(self) -> int:
        """Up to which record of the boot it may forget."""
        return max((ack.seq for ack in self.acks if ack.boot == BOOT), default=0)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as found:
        yield found


@pytest.fixture
def device(broker: Mosquitto) -> Iterator[Device]:
    found = Device(broker.port)
    yield found
    found.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(f"sqlite:///{tmp_path / 'cloud.db'}") as found:
        yield found


@asynccontextmanager
async def ingesting(database: Database, settings: BrokerSettings) -> AsyncIterator[Ingest]:
    """Ingest that runs inside the block and is connected."""
    metrics = IngestMetrics(CollectorRegistry())
    found = Ingest(
        Intake(database),
        settings,
        post=Post(database),
        password=None,
        uploads=NoUploads(),
        metrics=metrics,
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


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something, which may have to be awaited, to become true; fail the test where it does not."""
    deadline = time.monotonic() + WITHIN_S
    while not (await found if inspect.isawaitable(found := condition()) else found):
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.02)


async def count(database: Database, name: str = "records") -> int:
    async with database.read() as link:
        return int((await link.execute(select(func.count()).select_from(tables.metadata.tables[name]))).scalar_one())


async def test_records_arrive_once_and_are_acked_up_to_the_last(
    broker: Mosquitto, device: Device, database: Database
) -> None:
    async with ingesting(database, BrokerSettings(port=broker.port)):
        order = [*range(1, 301), *range(50, 120)]
        random.Random(3).shuffle(order)
        for seq in order:
            device.say(prediction(seq), seq)
        await until(lambda: device.acked == 300)
        assert await count(database) == await count(database, "predictions") == 300
        assert device.acks[-1].missing == []
        assert [ack.seq for ack in device.acks] == sorted(ack.seq for ack in device.acks)


async def test_a_gap_is_named_and_a_loss_closes_it(broker: Mosquitto, device: Device, database: Database) -> None:
    async with ingesting(database, BrokerSettings(port=broker.port)):
        for seq in (1, 2, 6, 9):
            device.say(prediction(seq), seq)
        await until(lambda: device.acks and device.acks[-1].missing == [(3, 5), (7, 8)])
        assert device.acked == 2
        device.say(loss(3, 5), 7)
        device.say(prediction(8), 8)
        await until(lambda: device.acked == 9)
        assert (await Queries(database).devices(Slice())).items[0]["missing"] == 0


async def test_rubbish_is_counted_and_kept_and_blocks_nobody(
    broker: Mosquitto, device: Device, database: Database
) -> None:
    rng = random.Random(5)
    async with ingesting(database, BrokerSettings(port=broker.port)):
        for seq in range(1, 31):
            device.send("events", rng.randbytes(rng.randrange(200)))
            device.say(prediction(seq), seq)
        device.send("predictions", payload(prediction(31), 31).replace(b'"prediction"', b'"hologram"'))
        device.send("predictions", b" " * 300_000)
        await until(lambda: device.acked == 31)

        async def all_rejected() -> bool:
            return await count(database, "rejected") == 32

        await until(all_rejected)
        assert await count(database) == 31


async def test_a_record_that_the_database_refuses_stops_nobody_and_is_asked_for_no_more(
    broker: Mosquitto, device: Device, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Intake.add

    async def picky(intake: Intake, batch: Sequence[Incoming], now_ms: int) -> Stored:
        if any(one.at.seq == 3 and one.typed for one in batch):
            raise UnstorableError("no column takes it")
        return await add(intake, batch, now_ms)

    monkeypatch.setattr(Intake, "add", picky)
    async with ingesting(database, BrokerSettings(port=broker.port)):
        for seq in range(1, 6):
            device.say(prediction(seq), seq)
        await until(lambda: device.acked == 5)

        async def kept() -> bool:
            return await count(database, "rejected") == 1

        await until(kept)
    assert (await count(database), await count(database, "predictions")) == (5, 4)


async def test_births_and_wills_show_also_when_they_came_before_us(
    broker: Mosquitto, device: Device, database: Database
) -> None:
    def status(state: str) -> bytes:
        return encode(Status(device="gate", state=state, boot=BOOT, t="2026-11-21T08:00:00.000Z"))  # type: ignore[arg-type]

    async def shows(state: str) -> bool:
        items = (await Queries(database).devices(Slice())).items
        return bool(items) and items[0]["state"] == state

    device.send("status", status("online"), retain=True)
    await asyncio.sleep(0.3)
    async with ingesting(database, BrokerSettings(port=broker.port)):
        await until(lambda: shows("online"))
        device.send("status", status("offline"), retain=True)
        await until(lambda: shows("offline"))


async def test_two_ingests_share_the_work_and_agree_on_the_acks(
    broker: Mosquitto, device: Device, postgres: Postgres
) -> None:
    url = postgres.create("shared")
    async with opened(url) as first, opened(url) as second:
        one = BrokerSettings(port=broker.port, client_id="ingest-1")
        two = BrokerSettings(port=broker.port, client_id="ingest-2")
        async with ingesting(first, one), ingesting(second, two):
            for seq in range(1, 401):
                device.say(prediction(seq), seq)
            await until(lambda: device.acked == 400)
        assert await count(first) == 400


async def test_a_database_that_goes_away_costs_nothing(broker: Mosquitto, device: Device, postgres: Postgres) -> None:
    async with opened(postgres.create("away")) as database:
        async with ingesting(database, BrokerSettings(port=broker.port)) as ingest:
            for seq in range(1, 101):
                device.say(prediction(seq), seq)
            await until(lambda: device.acked == 100)
            postgres.stop()
            try:
                for seq in range(101, 1501):
                    device.say(prediction(seq), seq)
                await until(lambda: ingest.store_detail)
                await asyncio.sleep(0.5)
                assert device.acked == 100, "acked without a database"
            finally:
                postgres.start()
            await until(lambda: device.acked == 1500)
            assert ingest.store_detail == ""
        assert await count(database) == 1500


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_broker_that_goes_away_is_found_again(
    broker: Mosquitto, device: Device, database: Database, how: str
) -> None:
    async with ingesting(database, BrokerSettings(port=broker.port)) as ingest:
        device.say(prediction(1), 1)
        await until(lambda: device.acked == 1)
        getattr(broker, how)()
        await until(lambda: not ingest.connected)
        broker.start()
        await until(lambda: ingest.connected)
        device.say(prediction(2), 2)
        await until(lambda: device.acked == 2)


async def test_what_came_while_we_were_away_waits_in_our_session(
    broker: Mosquitto, device: Device, database: Database
) -> None:
    settings = BrokerSettings(port=broker.port)
    async with ingesting(database, settings):
        device.say(prediction(1), 1)
        await until(lambda: device.acked == 1)
    for seq in range(2, 200):
        device.say(prediction(seq), seq)
    await asyncio.sleep(0.3)
    async with ingesting(database, settings):
        await until(lambda: device.acked == 199)
        assert await count(database) == 199


async def test_a_refused_sign_in_is_told_and_ends_nothing(tmp_path: Path, database: Database) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    with mosquitto(tmp_path / "closed", password_file=passwords) as closed:
        ingest = Ingest(
            Intake(database),
            BrokerSettings(port=closed.port, username="cloud"),
            post=Post(database),
            password="wrong",  # noqa: S106
            uploads=NoUploads(),
            metrics=IngestMetrics(CollectorRegistry()),
            clock=SystemClock(),
            rng=random.Random(1),
        )
        task = asyncio.create_task(ingest.run())
        await until(lambda: "Not authorized" in ingest.broker_detail or "disconnected" in ingest.broker_detail)
        assert not ingest.connected
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_the_embedded_broker_carries_records_on_loopback_alone(database: Database) -> None:
    port = free_port()
    serving = asyncio.create_task(EmbeddedBroker(port, SystemClock()).run())
    try:
        async with ingesting(database, BrokerSettings(port=port, embedded=True)):
            device = await asyncio.to_thread(Device, port, modern=False)
            for seq in range(1, 101):
                device.say(prediction(seq), seq)
            await until(lambda: device.acked == 100)
            await asyncio.to_thread(device.close)
            listening = [words.split()[1] for words in await asyncio.to_thread(_sockets) if words.split()[3] == "0A"]
            assert [place for place in listening if place.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _sockets() -> list[str]:
    """What the kernel lists of IPv4 TCP sockets; state 0A listens."""
    return Path("/proc/net/tcp").read_text().splitlines()[1:]


async def test_a_question_is_answered_beside_the_records(broker: Mosquitto, device: Device, database: Database) -> None:
    async with ingesting(database, BrokerSettings(port=broker.port)):
        device.say(prediction(1), 1)
        device.send(REQUESTS, encode(StorageRequest(request_id="q1", operation="check")))
        device.send(REQUESTS, b"nonsense")
        device.say(prediction(2), 2)
        await until(lambda: device.replies and device.acked == 2)
    assert [(reply.request_id, reply.refused) for reply in device.replies] == [("q1", "forbidden")]
    assert await count(database, "rejected") == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_thread_of_the_connection_that_dies_is_noticed(
    broker: Mosquitto, device: Device, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """paho ends its thread at what it did not expect, and says nothing to anybody."""
    monkeypatch.setattr("cloud.ingest.service._WATCH_S", 0.1)
    async with ingesting(database, BrokerSettings(port=broker.port)) as ingest:
        first, whole = ingest._link._client, mqtt.Client._handle_publish

        def die(client: Any) -> Any:
            if client is first:
                raise RuntimeError("what nobody expected")
            return whole(client)

        monkeypatch.setattr(mqtt.Client, "_handle_publish", die)
        device.say(prediction(1), 1)
        await until(lambda: device.acked == 1)
        device.say(prediction(2), 2)
        await until(lambda: device.acked == 2)
