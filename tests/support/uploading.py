"""A process that uploads what is in a store, prints each part's number as it begins, and ends when all is sent.

With a recording's id and its bytes it takes that for a recording which still grows, and never ends.
"""

import asyncio
import random
import sys
from pathlib import Path

from edge.core.clock import SystemClock
from edge.core.growth import Growth
from edge.core.health import Health
from edge.sync.settings import S3Settings
from edge.sync.targets.s3 import S3Target
from edge.sync.targets.target import Object, Sending
from edge.sync.uploader import Uploader
from tests.support.outboxes import open_outbox, recording
from tests.support.s3 import KEYS


class Telling(S3Target):
    """Says which part it sends."""

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """Print, then send."""
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        return super().put_part(thing, upload_id, number, data, sending)


async def main(folder: Path, endpoint: str, bucket: str, growing: str = "", safe_bytes: str = "0") -> None:
    """Upload until nothing is left."""
    clock = SystemClock()
    settings = S3Settings(bucket=bucket, endpoint=endpoint, part_size_bytes=5 << 20)
    async with open_outbox(folder) as outbox:
        uploader = Uploader(
            lambda: Telling(settings, KEYS), outbox=outbox, clock=clock, health=Health(clock), rng=random.Random(1)
        )
        task = asyncio.create_task(uploader.run())
        if growing:
            body = recording(growing, b"")
            uploader.grew(Growth(growing, "front", folder / f"{growing}.mp4", body.key, int(safe_bytes), "continuous"))
        while growing or await outbox.uploads.pending():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
