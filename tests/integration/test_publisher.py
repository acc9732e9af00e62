"""Records from the outbox through a real mosquitto to a consumer that acknowledges as the cloud does."""

import asyncio
import threading
from asyncio import Future
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract.storage import StorageReply, StorageRequest
from contract.topics import REPLIES, REQUESTS, topic
from edge.core.errors import LinkError
from edge.core.health import PartHealth, State
from edge.sync.publisher import PART
from edge.sync.requests import RequestDesk
from tests.support.consumer import AckingConsumer
from tests.support.faults import faulty_link
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.outboxes import DEVICE, alarm, open_outbox, prediction
from tests.support.publishing import add, at, detail, publishing, until


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def consumer(broker: Mosquitto) -> Iterator[AckingConsumer]:
    consuming = AckingConsumer(broker.port, DEVICE)
    consuming.start()
    yield consuming
    consuming.stop()


async def test_everything_arrives_once_in_order_and_leaves_the_outbox(
    tmp_path: Path, broker: Mosquitto, consumer: AckingConsumer
) -> None:
    async with open_outbox(tmp_path) as outbox:
        await add(outbox, 700)
        async with publishing(tmp_path, outbox, at(broker.port, resend_after_s=120.0)) as (publisher, health):
            await until(lambda: not outbox.outbox_records)
            await add(outbox, 50)
            await until(lambda: not outbox.outbox_records)
            assert health.of(PART) is State.OK
            assert detail(health).startswith("MQTT 5 to")
            assert publisher.resent_total == 0
        await until(lambda: len(consumer.statuses) == 2)
    assert consumer.arrived == [(outbox.boot, seq) for seq in range(1, 751)]
    assert [status["state"] for status in consumer.statuses] == ["online", "offline"]
    assert consumer.properties[0] == {
        "specversion": "1.0",
        "id": f"{outbox.boot}:1",
        "source": f"/devices/{DEVICE}",
        "type": "afferent.prediction.v1",
        "time": consumer.kept[outbox.boot, 1]["t"],
    }


async def test_records_of_earlier_runs_go_first(tmp_path: Path, broker: Mosquitto, consumer: AckingConsumer) -> None:
    boots = []
    for _ in range(3):
        async with open_outbox(tmp_path) as outbox:
            boots.append(outbox.boot)
            await add(outbox, 5)
    async with open_outbox(tmp_path) as outbox, publishing(tmp_path, outbox, at(broker.port)):
        await until(lambda: not outbox.outbox_records)
    assert consumer.arrived == [(boot, seq) for boot in boots for seq in range(1, 6)]


async def test_a_killed_broker_costs_nothing(tmp_path: Path, broker: Mosquitto, consumer: AckingConsumer) -> None:
    async with open_outbox(tmp_path) as outbox:
        await add(outbox, 300)
        async with publishing(tmp_path, outbox, at(broker.port)) as (publisher, health):
            for stop in (broker.kill, broker.stop):
                await until(lambda: publisher.in_flight > 0 or not outbox.outbox_records)
                stop()
                await add(outbox, 100)
                await until(lambda: health.of(PART) is State.FAILED)
                assert "refuses the connection" in detail(health) or "ended the connection" in detail(health)
                broker.start()
            await until(lambda: not outbox.outbox_records)
            assert health.of(PART) is State.OK
    assert consumer.sequence(outbox.boot) == list(range(1, 501))


async def test_a_cut_reset_and_stalled_link_costs_nothing(
    tmp_path: Path, broker: Mosquitto, consumer: AckingConsumer
) -> None:
    with faulty_link(broker.port) as link:
        async with open_outbox(tmp_path) as outbox:
            await add(outbox, 300)
            async with publishing(tmp_path, outbox, at(link.port)) as (publisher, health):
                await until(lambda: bool(consumer.arrived))
                link.reset()
                await until(lambda: publisher.connects_total == 2)
                link.cut()
                await add(outbox, 100)
                await until(lambda: health.of(PART) is State.FAILED)
                link.mend()
                await until(lambda: publisher.connects_total == 3)
                link.stall()
                await add(outbox, 100)
                await until(lambda: health.of(PART) is State.FAILED)
                assert "stopped answering" in detail(health) or "does not answer" in detail(health)
                link.mend()
                await until(lambda: not outbox.outbox_records)
    arrived = consumer.sequence(outbox.boot)
    assert sorted(arrived) == list(range(1, 501)), "live ones may come before what waited (docs/decisions/0012)"


async def test_lost_acknowledgements_are_asked_for_by_sending_again(
    tmp_path: Path, broker: Mosquitto, consumer: AckingConsumer
) -> None:
    consumer.swallow_acks = 20
    async with open_outbox(tmp_path) as outbox:
        await add(outbox, 20)
        async with publishing(tmp_path, outbox, at(broker.port)) as (publisher, health):
            said: list[PartHealth] = []
            health.on_change = said.append
            await until(lambda: len(consumer.arrived) == 20)
            assert outbox.outbox_records == 20, "the broker has them, and that is not enough"
            await until(lambda: not outbox.outbox_records)
            assert "has not acknowledged 20 records" in said[1].detail
            assert publisher.resent_total == 20
            await until(lambda: health.of(PART) is State.OK)
    assert consumer.sequence(outbox.boot) == list(range(1, 21))
    assert len(consumer.arrived) > 20, "twice, and kept once"


async def test_what_the_cloud_misses_goes_again(tmp_path: Path, broker: Mosquitto, consumer: AckingConsumer) -> None:
    consumer.swallow_acks = 10_000
    async with open_outbox(tmp_path) as outbox:
        await add(outbox, 30)
        async with publishing(tmp_path, outbox, at(broker.port, resend_after_s=4.0)):
            await until(lambda: len(consumer.arrived) == 30)
            consumer.acknowledge(outbox.boot, 10, [(12, 13), (20, 20)])
            await until(lambda: outbox.outbox_records == 12)
            assert [one.seq for one in await outbox.pending()] == [12, 13, 20, *range(22, 31)], "not what is proven"
            assert len(consumer.arrived) == 30, "sent a moment ago: it may still be under way"
            await asyncio.sleep(1.2)
            consumer.acknowledge(outbox.boot, 10, [(12, 13), (20, 20)])
            await until(lambda: len(consumer.arrived) == 33)
            assert [seq for _, seq in consumer.arrived[30:]] == [12, 13, 20]
            consumer.acknowledge(outbox.boot, 30)
            await until(lambda: not outbox.outbox_records)


async def test_nonsense_on_the_ack_topic_changes_nothing(
    tmp_path: Path, broker: Mosquitto, consumer: AckingConsumer
) -> None:
    consumer.swallow_acks = 10_000
    async with open_outbox(tmp_path) as outbox:
        await add(outbox, 3)
        async with publishing(tmp_path, outbox, at(broker.port)):
            await until(lambda: len(consumer.arrived) == 3)
            for payload in (b"", b"{}", b"\xff\xfe", b'{"v":1,"boot":"x","seq":-1}', b"[" * 10_000):
                consumer._client.publish(f"afferent/v1/{DEVICE}/ack", payload, qos=1)
            consumer.acknowledge("00000099-ffffffff", 3)
            consumer.acknowledge(outbox.boot, 2)
            await until(lambda: outbox.outbox_records == 1)


async def test_the_broker_alone_is_enough_if_so_configured(
    tmp_path: Path, broker: Mosquitto, consumer: AckingConsumer
) -> None:
    consumer.swallow_acks = 10_000
    async with open_outbox(tmp_path) as outbox:
        await add(outbox, 1200)
        async with publishing(tmp_path, outbox, at(broker.port, ack="broker")):
            await until(lambda: not outbox.outbox_records)
    await until(lambda: len(consumer.arrived) == 1200)


async def test_a_message_to_nobody_is_not_delivered(tmp_path: Path, broker: Mosquitto) -> None:
    async with open_outbox(tmp_path) as outbox:
        await add(outbox, 10)
        async with publishing(tmp_path, outbox, at(broker.port, ack="broker")) as (_, health):
            await until(lambda: health.of(PART) is State.DEGRADED)
            assert "nobody who listens" in detail(health)
            assert outbox.outbox_records == 10
            late = AckingConsumer(broker.port, DEVICE)
            late.swallow_acks = 10_000
            late.start()
            await until(lambda: not outbox.outbox_records)
            late.stop()
    assert late.sequence(outbox.boot) == list(range(1, 11))


async def test_a_cloud_that_is_not_there_costs_one_record_at_a_time_and_is_noticed_soon(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """Its session at the broker is gone with it, so nothing of what is sent is kept for it."""
    async with open_outbox(tmp_path) as outbox:
        await add(outbox, 400)
        async with publishing(tmp_path, outbox, at(broker.port, resend_after_s=1.0)) as (publisher, health):
            await until(lambda: health.of(PART) is State.DEGRADED)
            assert "nobody who listens" in detail(health)
            before = publisher.published_total
            await until(lambda: publisher.published_total >= before + 2)
            assert publisher.in_flight <= 1
            late = AckingConsumer(broker.port, DEVICE)
            late.start()
            await until(lambda: not outbox.outbox_records)
            late.stop()
    assert late.sequence(outbox.boot) == list(range(1, 401))


def answering(port: int, version: MQTTProtocolVersion) -> mqtt.Client:
    """What the cloud's ingest does with questions; one about `forbidden` it leaves without an answer."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="test-answers", protocol=version)
    subscribed = threading.Event()

    def answer(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        asked = msgspec.json.decode(message.payload, type=StorageRequest)
        if asked.key != "forbidden":
            reply = StorageReply(request_id=asked.request_id, url=f"https://storage/{asked.key}")
            client.publish(topic(DEVICE, REPLIES), msgspec.json.encode(reply), qos=1)

    client.on_message = answer
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe(topic(DEVICE, REQUESTS), qos=1)
    assert subscribed.wait(10)
    return client


@pytest.mark.parametrize(
    ("version", "mqtt_version"), [("5", MQTTProtocolVersion.MQTTv5), ("3.1.1", MQTTProtocolVersion.MQTTv311)]
)
async def test_questions_are_answered_over_the_same_connection(
    tmp_path: Path, broker: Mosquitto, version: str, mqtt_version: MQTTProtocolVersion
) -> None:
    desk = RequestDesk()
    cloud = answering(broker.port, mqtt_version)

    def ask(number: int, key: str = "devices/clip.mp4") -> Future[StorageReply]:
        request = StorageRequest(request_id=f"q-{number}", operation="put", key=key)
        return asyncio.get_running_loop().run_in_executor(threads, desk.ask, request, 20.0)

    with ThreadPoolExecutor(8) as threads:
        async with open_outbox(tmp_path) as outbox:
            with pytest.raises(LinkError, match="no link"):
                await ask(0)
            async with publishing(tmp_path, outbox, at(broker.port, version=version), desk) as (_, health):
                await until(lambda: health.of(PART) is State.OK)
                await add(outbox, 200)
                replies = await asyncio.gather(*(ask(number) for number in range(20)))
                assert {one.url for one in replies} == {"https://storage/devices/clip.mp4"}
                unanswered = ask(99, "forbidden")
                await until(lambda: desk.waiting == 1)
                broker.kill()
                with pytest.raises(LinkError):
                    await asyncio.wait_for(unanswered, 10)
    cloud.disconnect()
    cloud.loop_stop()


async def test_after_days_away_alarms_come_first_and_live_records_beside_the_rest(
    tmp_path: Path, broker: Mosquitto, consumer: AckingConsumer
) -> None:
    async with open_outbox(tmp_path) as outbox:
        for index in range(1500):
            await outbox.append(alarm() if index % 300 == 299 else prediction(index))
        patient = at(broker.port, resend_after_s=10.0, keepalive_s=60)
        async with publishing(tmp_path, outbox, patient) as (publisher, _):
            await until(lambda: bool(consumer.arrived))
            await add(outbox, 100)
            await outbox.append(alarm())
            await until(lambda: not outbox.outbox_records, within_s=90)
            assert publisher.resent_total == 0, "what is still to come is not missing"
    order = consumer.sequence(outbox.boot)
    assert sorted(order) == list(range(1, 1602)), "everything, once"
    assert len(consumer.arrived) == 1601
    assert order[:5] == [300, 600, 900, 1200, 1500]
    rest = [seq for seq in order if seq not in {300, 600, 900, 1200, 1500, 1601}]
    backlog, live = [seq for seq in rest if seq <= 1500], [seq for seq in rest if seq > 1500]
    assert (backlog, live) == (sorted(backlog), sorted(live))
    assert order.index(1601) < order.index(1499), "an alarm of now does not wait for days"
    assert rest.index(1501) < rest.index(1499), "nor does what is live"
