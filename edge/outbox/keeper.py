"""Decides when and how far the store is brought back within its bounds."""

from collections.abc import Callable
from typing import Final

import aiosqlite

from edge.core.clock import Clock
from edge.outbox.boots import Boots
from edge.outbox.retention import CHUNK, Bounds, Eviction, trim_history, used_bytes
from edge.outbox.settings import OutboxSettings
from edge.outbox.writer import Writer

_LOW_WATER: Final = 0.9
"""Eviction goes on until this share of a bound is left, so that it does not run for every record."""


class Keeper:
    """Works chunk by chunk through the writer, so that records never wait long for it.

    `evicted` gets the number of records that each chunk gave up, and of rows that the outbox is shorter by;
    `under_way` tells whether a row may have been sent, which is then not evicted.
    """

    def __init__(
        self,
        reader: aiosqlite.Connection,
        writer: Writer,
        *,
        boots: Boots,
        clock: Clock,
        limits: OutboxSettings,
        evicted: Callable[[int, int], None],
        under_way: Callable[[int], bool] = lambda _row: False,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._boots = boots
        self._clock = clock
        self._limits = limits
        self._evicted = evicted
        self._under_way = under_way

    async def tidy(self, outbox_records: Callable[[], int]) -> None:
        """Trim the history, then evict what the outbox has too much of, then what the disk has. Raise `StoreError`."""
        while await self.trim(self._bounds()) >= CHUNK:
            pass
        if outbox_records() > self._limits.max_records:
            target = int(self._limits.max_records * _LOW_WATER)
            while (over := outbox_records() - target) > 0 and await self.evict(min(over, CHUNK)):
                pass
        if await used_bytes(self._reader) > self._limits.max_bytes:
            await self._shrink(int(self._limits.max_bytes * _LOW_WATER))

    async def trim(self, bounds: Bounds) -> int:
        """Take at most a chunk out of the history; return how many went."""
        trimmed = 0

        async def work(connection: aiosqlite.Connection) -> None:
            nonlocal trimmed
            trimmed = await trim_history(connection, bounds)

        await self._writer.execute(work)
        return trimmed

    async def evict(self, at_most: int) -> bool:
        """Give up records of the lowest rank there is; return whether there was anything to give up."""
        eviction = Eviction(self._boots, self._clock, at_most, self._under_way)
        await self._writer.execute(eviction.run, lambda: self._evicted(eviction.evicted, eviction.freed))
        return eviction.evicted > 0

    def _bounds(self) -> Bounds:
        now = self._clock.now()
        oldest_ms = now.wall_ms - int(self._limits.history_days * 86_400_000) if now.trusted else 0
        return Bounds(self._writer.next_row - 1 - self._limits.history_records, oldest_ms)

    async def _shrink(self, target_bytes: int) -> None:
        everything = Bounds(last_row=self._writer.next_row - 1, oldest_ms=0)
        while await used_bytes(self._reader) > target_bytes:
            if not await self.trim(everything) and not await self.evict(CHUNK):
                break
