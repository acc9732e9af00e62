"""A process that appends as fast as it can and prints each record only once it is durable; made to be killed."""

import asyncio
import sys
from pathlib import Path

from edge.outbox.store import Outbox
from tests.support.outboxes import open_outbox, prediction


async def main(folder: Path) -> None:
    """Append for ever with several writers at once."""
    async with open_outbox(folder) as outbox, asyncio.TaskGroup() as group:
        for writer in range(8):
            group.create_task(append(outbox, writer * 1_000_000))


async def append(outbox: Outbox, index: int) -> None:
    """One writer: print `boot seq index` after each commit."""
    while True:
        record = await outbox.append(prediction(index))
        sys.stdout.write(f"{record.boot} {record.seq} {index}\n")
        sys.stdout.flush()
        index += 1


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
