"""A process that uploads what is in a store, prints `id number` of each part as it begins, and ends when all is sent.

With a recording's id and its bytes it takes that for a recording which still grows, and never ends.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Callable
from pathlib import Path

from cloud.objects.settings import S3Settings as CloudBucket
from edge.core.clock import SystemClock
from edge.core.growth import Growth
from edge.core.health import Health
from edge.sync.settings import S3Settings
from edge.sync.targets.s3 import S3Target
from edge.sync.targets.target import Object, Sending, Target
from edge.sync.uploader import Uploader
from tests.support import s3
from tests.support.asking import AskedCloud
from tests.support.outboxes import open_outbox, recording

PART_BYTES = 5 << 20


def told(target: Target) -> Target:
    """The same target, which says which part it sends."""
    send = target.put_part

    def put_part(thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        sys.stdout.write(f"{Path(thing.key).stem} {number}\n")
        sys.stdout.flush()
        return send(thing, upload_id, number, data, sending)

    target.put_part = put_part  # type: ignore[method-assign]
    return target


def target_of(given: argparse.Namespace) -> Callable[[], Target]:
    """A bucket with keys, or by addresses that a cloud in this process lends."""
    keys = (given.access_key, given.secret_key)
    if given.lent:
        bucket = CloudBucket(bucket=given.bucket, endpoint=given.endpoint, ca_file=given.ca_file)
        ca_file = Path(given.ca_file) if given.ca_file else None
        return lambda: told(AskedCloud(bucket, keys).target(ca_file=ca_file, part_bytes=PART_BYTES))
    settings = S3Settings(
        bucket=given.bucket, endpoint=given.endpoint, ca_file=given.ca_file, part_size_bytes=PART_BYTES
    )
    return lambda: told(S3Target(settings, keys))


async def main(given: argparse.Namespace) -> None:
    """Upload until nothing is left."""
    clock = SystemClock()
    async with open_outbox(given.folder) as outbox:
        uploader = Uploader(target_of(given), outbox=outbox, clock=clock, health=Health(clock), rng=random.Random(1))
        task = asyncio.create_task(uploader.run())
        if given.growing:
            key, path = recording(given.growing, b"").key, given.folder / f"{given.growing}.mp4"
            uploader.grew(Growth(given.growing, "front", path, key, given.safe_bytes, "continuous"))
        while given.growing or await outbox.uploads.pending():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("endpoint")
    parser.add_argument("bucket")
    parser.add_argument("--growing", default="")
    parser.add_argument("--safe-bytes", type=int, default=0)
    parser.add_argument("--ca-file", default="")
    parser.add_argument("--access-key", default=s3.KEYS[0])
    parser.add_argument("--secret-key", default=s3.KEYS[1])
    parser.add_argument("--lent", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
