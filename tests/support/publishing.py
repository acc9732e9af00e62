"""A publisher at work between an outbox and a broker."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.outbox.store import Outbox
from edge.sync.publisher import PART, Publisher
from edge.sync.requests import RequestDesk
from edge.sync.settings import BrokerSettings
from tests.support.outboxes import prediction

QUICK = BrokerSettings(resend_after_s=1.0, keepalive_s=5, connect_timeout_s=2)


def at(port: int, **changes: object) -> BrokerSettings:
    """Quick settings for a broker on loopback."""
    return msgspec.structs.replace(QUICK, port=port, **changes)


@asynccontextmanager
async def publishing(
    folder: Path, outbox: Outbox, settings: BrokerSettings, requests: RequestDesk | None = None
) -> AsyncIterator[tuple[Publisher, Health]]:
    """A publisher at work."""
    clock = SystemClock()
    health = Health(clock)
    publisher = Publisher(
        settings,
        outbox=outbox,
        clock=clock,
        health=health,
        rng=random.Random(1),
        secrets_dir=folder,
        software="test",
        requests=requests,
        identity_dir=folder / "identity",
    )
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher, health
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), task.exception()


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Return once it holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - conditions of several threads
            await asyncio.sleep(0.02)


async def add(outbox: Outbox, count: int) -> None:
    """Append predictions."""
    await asyncio.gather(*(outbox.append(prediction(index)) for index in range(count)))


def detail(health: Health) -> str:
    """What the broker's health says."""
    return next(part.detail for part in health.parts() if part.part == PART)
