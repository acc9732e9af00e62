"""A process that uploads what is in a store, prints each part's number as it begins, and ends when all is sent."""

import asyncio
import random
import sys
from pathlib import Path

from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.sync.settings import S3Settings
from edge.sync.targets.s3 import S3Target
from edge.sync.targets.target import Object, Sending
from edge.sync.uploader import Uploader
from tests.support.outboxes import open_outbox
from tests.support.s3 import KEYS


class Telling(S3Target):
    """Says which part it sends."""

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """Print, then send."""
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        return super().put_part(thing, upload_id, number, data, sending)


async def main(folder: Path, endpoint: str, bucket: str) -> None:
    """Upload until nothing is left."""
    clock = SystemClock()
    settings = S3Settings(bucket=bucket, endpoint=endpoint, part_size_bytes=5 << 20)
    async with open_outbox(folder) as outbox:
        uploader = Uploader(
            lambda: Telling(settings, KEYS), outbox=outbox, clock=clock, health=Health(clock), rng=random.Random(1)
        )
        task = asyncio.create_task(uploader.run())
        while await outbox.uploads.pending():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
