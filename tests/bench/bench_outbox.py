"""How many records a second become durable, against one commit for each with plain sqlite3 in the same run."""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

from contract.codec import encode
from edge.core.clock import SystemClock
from edge.outbox.rows import make_row
from edge.outbox.settings import OutboxSettings
from tests.support.outboxes import open_outbox, prediction

_RECORDS = 20_000
_WRITERS = 1000
_PLAIN_RECORDS = 300


async def measure(tmp: Path) -> dict[str, Any]:
    """`outbox_durable_per_s`: appended by many at once, each told only after its commit, with the default settings."""
    value = await _grouped(tmp)
    baseline = await asyncio.to_thread(_one_by_one, tmp)
    return {
        "outbox_durable_per_s": {
            "value": round(value),
            "unit": "records/s",
            "baseline": round(baseline),
            "ratio": round(value / baseline, 1),
        }
    }


async def _grouped(tmp: Path) -> float:
    async with open_outbox(tmp, limits=OutboxSettings()) as outbox:

        async def write() -> None:
            for index in range(_RECORDS // _WRITERS):
                await outbox.append(prediction(index))

        begun = time.perf_counter()
        await asyncio.gather(*(write() for _ in range(_WRITERS)))
        return _RECORDS / (time.perf_counter() - begun)


def _one_by_one(tmp: Path) -> float:
    payload = encode(make_row(1, boot="00000001-00000000", seq=1, at=SystemClock().now(), body=prediction()).record)
    database = sqlite3.connect(tmp / "plain.db", isolation_level=None)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE records (payload BLOB)"):
        database.execute(statement)
    begun = time.perf_counter()
    for _ in range(_PLAIN_RECORDS):
        database.execute("INSERT INTO records VALUES (?)", (payload,))
    taken = time.perf_counter() - begun
    database.close()
    return _PLAIN_RECORDS / taken
