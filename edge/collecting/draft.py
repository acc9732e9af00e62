"""A chunk while it comes in: a little of it in memory, the rest on the disk, its digest known when it is whole."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final, TypeVar

from edge.collecting.facts import ChunkFacts, ChunkTaken
from edge.core.errors import StoreError

_T = TypeVar("_T")
Work = Callable[..., Awaitable[Any]]
OnKeep = Callable[["Draft", ChunkFacts], Awaitable[ChunkTaken]]
_BUFFER: Final = 1 << 20
"""Bytes in memory: the usual chunk goes to the disk in one go."""


class Draft:
    """Bytes of a chunk that nobody asked for yet. Ends with `discard`, also after it was kept."""

    def __init__(self, path: Path, *, most: int, work: Work, on_keep: OnKeep, on_end: Callable[[], None]) -> None:
        self.path = path
        self.size = 0
        self._most = most
        self._work = work
        self._on_keep = on_keep
        self._on_end: Callable[[], None] | None = on_end
        self._buffer = bytearray()
        self._hash = hashlib.sha256()

    async def write(self, data: bytes) -> None:
        """Take some more; raise `StoreError` for a chunk that is too large, `OSError` if the disk fails."""
        self.size += len(data)
        if self.size > self._most:
            raise StoreError(f"a chunk may have {self._most} bytes at most")
        self._buffer += data
        if len(self._buffer) >= _BUFFER:
            taken, self._buffer = self._buffer, bytearray()
            await self._work(self._spill, taken)

    async def keep(self, facts: ChunkFacts) -> ChunkTaken:
        """It is whole, and this is what it is."""
        return await self._on_keep(self, facts)

    def seal(self) -> bytes:
        """Make it durable as it is; return its SHA-256. Blocks."""
        self._spill(self._buffer)
        self._buffer = bytearray()
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        return self._hash.digest()

    async def discard(self) -> None:
        """Nobody wants it, or it has become a chunk."""
        self._buffer = bytearray()
        ended, self._on_end = self._on_end, None
        if ended is None:
            return
        try:
            await self._work(self._remove)
        finally:
            ended()

    def _spill(self, data: bytearray) -> None:
        self._hash.update(data)
        with self.path.open("ab") as file:
            file.write(data)

    def _remove(self) -> None:
        self.path.unlink(missing_ok=True)


async def run_to_end(pool: Executor, call: Callable[..., _T], *args: Any) -> _T:
    """`call` in a thread of `pool`; who is cancelled meanwhile waits for its end, for it cannot be broken off."""
    future = asyncio.get_running_loop().run_in_executor(pool, call, *args)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise
