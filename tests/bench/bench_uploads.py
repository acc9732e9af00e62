"""How fast recordings get into a bucket, against boto3's `upload_fileobj` of the same files to the same server."""

import asyncio
import os
import statistics
import time
from pathlib import Path
from typing import Any

from edge.core.clock import SystemClock
from edge.core.health import State
from edge.sync.settings import S3Settings
from edge.sync.targets.s3 import S3Target
from edge.sync.uploader import PART
from tests.support.outboxes import open_outbox
from tests.support.s3 import KEYS, S3Server, s3_server
from tests.support.uploads import clip, until, uploading

_FILES = 4
_FILE_BYTES = 48 << 20
_PART_BYTES = 8 << 20
_ROUNDS = 3


async def measure(tmp: Path) -> dict[str, Any]:
    """`upload_vs_raw`: with the default settings, each part durable in the store and each file hashed and confirmed."""
    with s3_server() as server:
        server.make_bucket("bench")
        ours, raw = [], []
        for number in range(_ROUNDS):
            folder = tmp / f"round-{number}"
            folder.mkdir()
            files = [folder / f"rec-{number}-{index}.mp4" for index in range(_FILES)]
            for file in files:
                file.write_bytes(os.urandom(_FILE_BYTES))
            raw.append(await asyncio.to_thread(_raw, server, files))
            ours.append(await _uploader(server, folder, files))
    value, baseline = statistics.median(ours), statistics.median(raw)
    return {
        "upload_vs_raw": {
            "value": round(value / 1e6, 1),
            "unit": "MB/s",
            "baseline": round(baseline / 1e6, 1),
            "ratio": round(statistics.median(mine / theirs for mine, theirs in zip(ours, raw, strict=True)), 2),
        }
    }


async def _uploader(server: S3Server, folder: Path, files: list[Path]) -> float:
    """Bytes per second from the first file that waits to the last that is told of."""
    settings = S3Settings(bucket="bench", endpoint=server.endpoint, part_size_bytes=_PART_BYTES)
    async with (
        open_outbox(folder) as outbox,
        uploading(outbox, lambda: S3Target(settings, KEYS), clock=SystemClock()) as (uploader, health),
    ):
        for file in files:
            await outbox.append(clip(file.stem, await asyncio.to_thread(file.read_bytes)))
        await until(lambda: health.of(PART) is State.OK)
        begun = time.perf_counter()
        for file in files:
            await outbox.uploads.add(file.stem, file)
        await until(lambda: uploader.uploaded_total == len(files), within_s=300)
        return len(files) * _FILE_BYTES / (time.perf_counter() - begun)


def _raw(server: S3Server, files: list[Path]) -> float:
    """One file after the other, each with boto3's ten threads."""
    client = server.client()
    begun = time.perf_counter()
    for file in files:
        with file.open("rb") as opened:
            client.upload_fileobj(opened, "bench", f"raw/{file.name}")
    taken = time.perf_counter() - begun
    client.close()
    return _FILES * _FILE_BYTES / taken
