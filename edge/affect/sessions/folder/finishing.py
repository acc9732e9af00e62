"""Makes folders whole and offers them, one at a time, beside everything else, and again later where that failed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from edge.affect.sessions.folder.catalogue import Catalogue
from edge.affect.sessions.folder.closing import Closing
from edge.affect.sessions.folder.sending import Sending
from edge.core.clock import Clock
from edge.core.errors import StoreError

AGAIN_S: Final = 60.0
"""After which a folder that could not be made whole is tried again; twice as long each time that it fails again."""
_LONGEST_S: Final = 3600.0


class Finishing:
    """Belongs to the event loop."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        closing: Closing,
        sending: Sending,
        clock: Clock,
        on_step: Callable[[], None],
        wrote: Callable[[int], None],
    ) -> None:
        """`on_step` is called after each folder, whatever came of it."""
        self._catalogue = catalogue
        self._closing = closing
        self._sending = sending
        self._clock = clock
        self._on_step = on_step
        self._wrote = wrote
        self._due: dict[str, int] = {}
        """By name, when to try next."""
        self._failed: dict[str, int] = {}
        """How often in a row, of those that failed."""
        self._at: tuple[str, asyncio.Task[None]] | None = None
        self.problem = ""
        """Why the newest folder that failed did; empty once none waits to be tried again."""
        self.host_boot = ""

    @property
    def waiting(self) -> int:
        """Folders that are not whole, or not offered, of sessions that ended."""
        return len(self._due)

    def add(self, name: str) -> None:
        """This one is to be made whole, or offered."""
        self._due[name] = 0

    def go_on(self) -> None:
        """Begin with the next, unless one is at work."""
        if self._at and not self._at[1].done():
            return
        if self._at and not self._at[1].cancelled():
            self._at[1].result()
        now_ns = self._clock.mono_ns()
        if not any(when_ns > now_ns for when_ns in self._due.values()):
            self.problem = ""
        name = next((one for one, when_ns in self._due.items() if when_ns <= now_ns), None)
        self._at = (name, asyncio.create_task(self._finish(name), name=f"session-folders.{name}")) if name else None

    async def leave(self, name: str) -> None:
        """Do nothing more with this one."""
        self._due.pop(name, None)
        if self._at and self._at[0] == name:
            await self.stop()
        self._due.pop(name, None)
        self._failed.pop(name, None)

    async def stop(self) -> None:
        """Let go of the one that is at work."""
        if self._at:
            await _ended(self._at[1])

    async def _finish(self, name: str) -> None:
        note = self._catalogue.notes[name]
        try:
            if note.state != "whole":
                note = await self._closing.run(name, note, self.host_boot)
                self._catalogue.put(name, note)
                self._wrote(sum(table.size_bytes for table in note.files))
            await self._sending.offer(name, note)
            self._due.pop(name, None)
            self._failed.pop(name, None)
        except (StoreError, OSError) as error:
            self._due.pop(name, None)  # to the end of the line
            failed = self._failed[name] = self._failed.get(name, 0) + 1
            wait_s = min(AGAIN_S * 2.0 ** min(failed - 1, 10), _LONGEST_S)
            self._due[name] = self._clock.mono_ns() + round(wait_s * 1e9)
            self.problem = str(error)
        finally:
            self._on_step()


async def _ended(task: Awaitable[None]) -> None:
    future = asyncio.ensure_future(task)
    future.cancel()
    await asyncio.gather(future, return_exceptions=True)
