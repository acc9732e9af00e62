"""How soon the first record arrives after the link to the broker returns, over many cuts of various kind and length."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.outbox.store import Outbox
from edge.sync.publisher import Publisher
from edge.sync.settings import BrokerSettings
from tests.support.consumer import AckingConsumer
from tests.support.faults import FaultyLink, faulty_link
from tests.support.mosquitto import mosquitto
from tests.support.outboxes import DEVICE, open_outbox, prediction

_DEVICES = 24
"""Cut off side by side, each with a broker link of its own, so that many cuts take little time."""
_CUTS = 3
_LONGEST_S = 45.0
_EVERY_S = 1.0


async def measure(tmp: Path) -> dict[str, Any]:
    """`recovery_first_record_p50_s`, `_p99_s`: default settings; half of the cuts refuse, half swallow everything."""
    with mosquitto(tmp / "broker") as broker:
        found = await asyncio.gather(*(_device(tmp / str(number), number, broker.port) for number in range(_DEVICES)))
    waits = sorted(wait for waits in found for wait in waits)
    figures = {"p50": waits[len(waits) // 2], "p99": waits[min(len(waits) - 1, int(len(waits) * 0.99))]}
    return {f"recovery_first_record_{name}_s": {"value": wait, "unit": "s"} for name, wait in figures.items()}


async def _device(folder: Path, number: int, broker_port: int) -> list[float]:
    name, rng, clock = f"{DEVICE}-{number}", random.Random(number), SystemClock()
    consumer = AckingConsumer(broker_port, name, client_id=f"cloud-{number}")
    await asyncio.to_thread(consumer.start)
    with faulty_link(broker_port) as link:
        async with open_outbox(folder, device=name) as outbox:
            publisher = Publisher(
                BrokerSettings(port=link.port),
                outbox=outbox,
                clock=clock,
                health=Health(clock),
                rng=rng,
                secrets_dir=folder,
            )
            tasks = [asyncio.create_task(publisher.run()), asyncio.create_task(_make(outbox))]
            await _until_more(consumer, 0)
            waits = [await _cut(link, consumer, rng, swallow=bool((number + cut) % 2)) for cut in range(_CUTS)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(consumer.stop)
    return waits


async def _cut(link: FaultyLink, consumer: AckingConsumer, rng: random.Random, *, swallow: bool) -> float:
    """Seconds from the end of one cut to the first record that arrives."""
    await asyncio.sleep(rng.uniform(0.5, 3))
    await asyncio.to_thread(link.stall if swallow else link.cut)
    await asyncio.sleep(_LONGEST_S * rng.random() ** 2)
    before = len(consumer.kept)
    if swallow:
        await asyncio.to_thread(link.reset)
    await asyncio.to_thread(link.mend)
    begun = time.perf_counter()
    await _until_more(consumer, before)
    return time.perf_counter() - begun


async def _make(outbox: Outbox) -> None:
    for index in range(1_000_000):
        await outbox.append(prediction(index))
        await asyncio.sleep(_EVERY_S)


async def _until_more(consumer: AckingConsumer, before: int) -> None:
    while len(consumer.kept) <= before:  # noqa: ASYNC110 - told by another thread
        await asyncio.sleep(0.01)
