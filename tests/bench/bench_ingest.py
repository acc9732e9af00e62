"""How many records a second go from a device's outbox through broker and database and back as acks.

The baseline is what bare paho-mqtt can publish at QoS 1 to the same broker: no outbox, no database, nobody listening.
"""

import asyncio
import random
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract.codec import encode
from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.outbox.rows import make_row
from edge.outbox.settings import OutboxSettings
from edge.outbox.store import Outbox
from edge.sync.publisher import Publisher
from edge.sync.settings import BrokerSettings
from tests.support.cloud import cloud_process
from tests.support.mosquitto import mosquitto
from tests.support.outboxes import open_outbox, prediction
from tests.support.ports import free_port
from tests.support.postgres import running_postgres

_RECORDS = 10_000
_PLAIN_RECORDS = 10_000
_PLAIN_IN_FLIGHT = 100


async def measure(tmp: Path) -> dict[str, Any]:
    """`drain_with_cloud_ack_per_s`: default settings, mosquitto, `cloud run` a process; PostgreSQL, then SQLite."""
    with mosquitto(tmp / "broker") as broker:
        with running_postgres() as postgres:
            url = postgres.create("bench")
            on_postgres = await _carried(tmp / "postgres", broker.port, f'[store]\ndatabase_url = "{url}"')
        on_sqlite = await _carried(tmp / "sqlite", broker.port, "")
        baseline = await asyncio.to_thread(_plain, broker.port)
    return {
        "drain_with_cloud_ack_per_s": _figure(on_postgres, baseline),
        "drain_with_cloud_ack_sqlite_per_s": _figure(on_sqlite, baseline),
    }


def _figure(value: float, baseline: float) -> dict[str, Any]:
    ratio = round(value / baseline, 2)
    return {"value": round(value), "unit": "records/s", "baseline": round(baseline), "ratio": ratio}


async def _carried(folder: Path, broker_port: int, store: str) -> float:
    """Records a second, from the start of the publisher until its outbox is empty."""
    settings = f"{store}\n[broker]\nport = {broker_port}\nclient_id = '{folder.name}'\nshared_group = ''"
    with cloud_process(folder / "cloud", settings, free_port()) as cloud:
        await asyncio.to_thread(cloud.start)
        async with open_outbox(folder, limits=OutboxSettings()) as outbox:
            await asyncio.gather(*(outbox.append(prediction(number)) for number in range(_RECORDS)))
            taken = await _until_empty(outbox, broker_port, folder)
        await asyncio.to_thread(cloud.end)
    return _RECORDS / taken


async def _until_empty(outbox: Outbox, port: int, folder: Path) -> float:
    clock = SystemClock()
    publisher = Publisher(
        BrokerSettings(port=port),
        outbox=outbox,
        clock=clock,
        health=Health(clock),
        rng=random.Random(1),
        secrets_dir=folder,
    )
    begun = time.perf_counter()
    running = asyncio.create_task(publisher.run())
    while outbox.outbox_records:  # noqa: ASYNC110 - the outbox tells nobody when it is empty
        await asyncio.sleep(0.005)
    taken = time.perf_counter() - begun
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return taken


def _plain(port: int) -> float:
    """Messages a second that the broker takes from paho with 100 in flight, the last one included."""
    record = make_row(1, boot="00000001-00000000", seq=1, at=SystemClock().now(), body=prediction()).record
    payload, done = encode(record), threading.Event()
    taken = 0

    def on_publish(*_: Any) -> None:
        nonlocal taken
        taken += 1
        if taken == _PLAIN_RECORDS:
            done.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_publish = on_publish
    client.max_inflight_messages_set(_PLAIN_IN_FLIGHT)
    client.connect("127.0.0.1", port)
    client.loop_start()
    begun = time.perf_counter()
    for _ in range(_PLAIN_RECORDS):
        client.publish("bench/plain", payload, qos=1)
    done.wait(120)
    seconds = time.perf_counter() - begun
    client.disconnect()
    client.loop_stop()
    return _PLAIN_RECORDS / seconds
