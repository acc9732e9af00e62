"""The latest-wins slot: one writer, any number of readers, and nobody ever waits for a slow one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class SlotClosedError(Exception):
    """The slot was closed; no further item will come."""


class Slot(Generic[_T]):
    """Holds the newest item. A reader that comes late sees only the newest: it skips, it never queues.

    Belongs to one event loop; another thread hands over with `loop.call_soon_threadsafe(slot.put, item)`.
    """

    def __init__(self) -> None:
        self._item: _T | None = None
        self._version = 0
        self._clears = 0
        self._waiters: list[tuple[asyncio.Future[None], Callable[[int, _T], bool] | None]] = []
        self._closed = False
        self._takers = 0
        self._rest_until_ns = 0

    @property
    def latest(self) -> _T | None:
        """The newest item, or None before the first and after `clear`."""
        return self._item

    @property
    def version(self) -> int:
        """How many items were ever put."""
        return self._version

    @property
    def clears(self) -> int:
        """How often it was cleared: an item taken before the last time must not be used any more."""
        return self._clears

    def rest(self, until_ns: int) -> None:
        """Who waits for items of its own choice wants none from before that moment (monotonic)."""
        self._rest_until_ns = until_ns

    def resting(self, at_ns: int) -> bool:
        """Whether nobody wants an item of that moment, so that it may come with the next one. For any thread."""
        return at_ns < self._rest_until_ns and not self._takers

    def put(self, item: _T) -> None:
        """Replace the item and wake every reader. Does nothing once closed."""
        if self._closed:
            return
        self._item = item
        self._version += 1
        if self._waiters:
            self._wake(item)

    def clear(self) -> None:
        """Forget the item, so that a new reader waits for a fresh one."""
        self._item = None
        self._clears += 1

    def close(self) -> None:
        """End every reader, now and later."""
        self._closed = True
        waiters, self._waiters = self._waiters, []
        _release(waiter for waiter, _ in waiters)

    async def next(self, seen: int = 0, wanted: Callable[[int, _T], bool] | None = None) -> tuple[int, _T]:
        """Wait for an item newer than version `seen`; return it with its version.

        An item that comes while it waits does not wake it if `wanted(version, item)` is false; that is called by `put`
        and must be quick. Raise `SlotClosedError` at the end.
        """
        while self._item is None or self._version <= seen:
            if self._closed:
                raise SlotClosedError
            await self._wait(wanted)
        if self._closed:
            raise SlotClosedError
        return self._version, self._item

    async def items(self, *, fresh: bool = False) -> AsyncIterator[_T]:
        """Every item this reader is quick enough for, until the slot closes; `fresh` skips the one already there."""
        seen = self._version if fresh else 0
        self._takers += 1
        try:
            while True:
                seen, item = await self.next(seen)
                yield item
        except SlotClosedError:
            return
        finally:
            self._takers -= 1

    async def _wait(self, wanted: Callable[[int, _T], bool] | None) -> None:
        """Until it is woken; who gives up leaves nothing behind, also where no item ever comes."""
        entry = asyncio.get_running_loop().create_future(), wanted
        self._waiters.append(entry)
        try:
            await entry[0]
        except asyncio.CancelledError:
            if entry in self._waiters:
                self._waiters.remove(entry)
            raise

    def _wake(self, item: _T) -> None:
        """Release those who want `item`."""
        waiters, self._waiters = self._waiters, []
        version = self._version
        for waiter, wanted in waiters:
            if wanted and not waiter.done() and not wanted(version, item):
                self._waiters.append((waiter, wanted))
            else:
                _release((waiter,))


def _release(waiters: Iterable[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
