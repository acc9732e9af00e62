"""Whom the room tells of its videos: the store of records, the queue of uploads, and through them the cloud."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from contract.messages import File, Loss, Record
from edge.collecting.sheets import VideoSheet
from edge.core.errors import StoreDelayedError
from edge.core.records import RecordSink

Phase = Literal["closed", "uploaded", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outward:
    """`offer` is `Uploads.offer`, `known` is `Uploads.phases`, `forget` is `Uploads.forget`; all by the file's id."""

    device: str
    sink: RecordSink
    offer: Callable[[File, Path], Awaitable[Record]]
    known: Callable[[str], Awaitable[frozenset[Phase]]]
    forget: Callable[[str], Awaitable[None]]
    delayed: set[str] = field(default_factory=set)
    """Files whose `Loss` waits for the disk in the store's memory, and is not to be made again."""

    async def tell_loss(self, sheet: VideoSheet, *, reason: str, size_bytes: int) -> None:
        """Make the `Loss` of a file durable, once, whatever was killed in between; raise `StoreError`."""
        file_id = sheet.file_id
        if "lost" in await self.known(file_id):
            self.delayed.discard(file_id)
            return
        if file_id in self.delayed:
            raise StoreDelayedError(f"the loss of {file_id} still waits for the disk")
        try:
            await self.sink.append(Loss(what="file", reason=reason, count=1, size_bytes=size_bytes, file_id=file_id))
        except StoreDelayedError:
            self.delayed.add(file_id)
            raise
