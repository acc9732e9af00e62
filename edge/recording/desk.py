"""Where the recorder's thread leaves word for the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable, Container

from edge.recording.encoder import SOFTWARE, Chosen
from edge.recording.salvage import Found
from edge.recording.sidecar import Sidecar


class Desk:
    """A `Report` that the event loop reads. Made within the loop, where it calls `on_growth(sidecar, safe_bytes)`."""

    def __init__(self, on_growth: Callable[[Sidecar, int], None]) -> None:
        self._on_growth = on_growth
        self.chosen = Chosen(SOFTWARE)
        self.frames_written = 0
        self.bytes_written = 0
        self.frames_missed = 0
        self.refused: OSError | None = None
        self.failures = 0
        self._loop = asyncio.get_running_loop()
        self._found: deque[Found] = deque()
        self._news = asyncio.Event()
        self._end: asyncio.Future[BaseException | None] = self._loop.create_future()

    def found(self, found: Found) -> None:
        """A recording is closed, or was left by a former process."""
        self._loop.call_soon_threadsafe(self._add, found)

    def wrote(self, frames: int, size_bytes: int, *, whole: bool) -> None:
        """So many frames and bytes more were written; a fragment that became safe ends a refusal."""
        self.frames_written += frames
        self.bytes_written += size_bytes
        if whole:
            self.refused = None

    def grew(self, sidecar: Sidecar, safe_bytes: int) -> None:
        """So many bytes of a recording that grows are safe."""
        self._loop.call_soon_threadsafe(self._on_growth, sidecar, safe_bytes)

    def encodes(self, chosen: Chosen) -> None:
        """With what H.264 is made."""
        self.chosen = chosen

    def missed(self, frames: int) -> None:
        """So many frames were not written."""
        self.frames_missed += frames

    def failed(self, error: OSError) -> None:
        """The disk refused, or the encoder."""
        self.refused = error
        self.failures += 1
        self._loop.call_soon_threadsafe(self._news.set)

    def ended(self, error: BaseException | None) -> None:
        """The thread is done."""
        self._loop.call_soon_threadsafe(self._finish, error)

    async def next(self) -> Found | None:
        """The oldest recording that waits to be told, which stays until `done`; None when there is other news.

        Raise what ended the thread, if it ended badly.
        """
        if not self._found:
            await self._news.wait()
            self._news.clear()
        if self._end.done() and (error := self._end.result()):
            raise error
        return self._found[0] if self._found else None

    def waiting(self, refused: Container[str] = ()) -> Found | None:
        """The oldest recording that waits to be told now, and is not among the `refused` ids."""
        return next((found for found in self._found if found.sidecar.recording_id not in refused), None)

    def holds(self, recording_id: str) -> bool:
        """Whether this one is told now, or waits to be."""
        return any(found.sidecar.recording_id == recording_id for found in self._found)

    def done(self, found: Found) -> None:
        """This one is told."""
        self._found.remove(found)

    async def gone(self) -> None:
        """Return when the thread is done."""
        await asyncio.shield(self._end)

    def _add(self, found: Found) -> None:
        self._found.append(found)
        self._news.set()

    def _finish(self, error: BaseException | None) -> None:
        self._end.set_result(error)
        self._news.set()
