"""How many records a second become durable, against one commit for each with plain sqlite3 in the same run."""

import asyncio
import sqlite3
import statistics
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
_PAUSE_S = 0.02


async def measure(tmp: Path) -> dict[str, Any]:
    """`outbox_durable_per_s`: appended by many at once, each told only after its commit, with the default settings;
    `outbox_commit_p50_ms`: by one alone."""
    value = await _grouped(tmp)
    commit_ms = await _alone(tmp)
    baseline = await asyncio.to_thread(_one_by_one, tmp)
    return {
        "outbox_durable_per_s": {
            "value": round(value),
            "unit": "records/s",
            "baseline": round(baseline),
            "ratio": round(value / baseline, 1),
        },
        "outbox_commit_p50_ms": {
            "value": round(commit_ms, 2),
            "unit": "ms",
            "baseline": round(1000 / baseline, 2),
            "ratio": round(commit_ms * baseline / 1000, 2),
        },
    }


async def _grouped(tmp: Path) -> float:
    async with open_outbox(tmp, limits=OutboxSettings()) as outbox:

        async def write() -> None:
            for index in range(_RECORDS // _WRITERS):
                await outbox.append(prediction(index))

        begun = time.perf_counter()
        await asyncio.gather(*(write() for _ in range(_WRITERS)))
        return _RECORDS / (time.perf_counter() - begun)


async def _alone(tmp: Path) -> float:
    """Median milliseconds until one record is durable, when nobody else brings any, with the default settings."""
    async with open_outbox(tmp / "alone", limits=OutboxSettings()) as outbox:
        taken = []
        for index in range(_PLAIN_RECORDS):
            begun = time.perf_counter()
            await outbox.append(prediction(index))
            taken.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(_PAUSE_S)
        return statistics.median(taken)


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
