"""Tells of what the recorder's thread finished: each recording once, the oldest first, and what was missed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from contract.messages import Loss
from edge.core.errors import RecordInvalidError, StoreDelayedError
from edge.recording.desk import Desk
from edge.recording.ledger import RecordingTeller, tell
from edge.recording.salvage import Found
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool


class Telling:
    """Of one camera; belongs to the event loop.

    `timed` gives a sidecar the times that are known by now; `on_nothing` hears of a recording that came to nothing.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        teller: RecordingTeller,
        spool: Spool,
        camera: str,
        timed: Callable[[Sidecar], Sidecar],
        on_nothing: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._teller = teller
        self._spool = spool
        self._camera = camera
        self._timed = timed
        self._on_nothing = on_nothing
        self._one_at_a_time = asyncio.Lock()
        self._lost = 0
        self.clips = 0
        self.salvaged = 0

    async def all(self) -> None:
        """Tell of every recording that waits; may be done again. Raise `StoreError` if that is refused, `OSError` once
        each was tried: the disk may refuse one alone."""
        refused: dict[str, OSError] = {}
        async with self._one_at_a_time:
            while found := self._desk.waiting(refused):
                try:
                    await self._tell(found)
                except OSError as error:
                    refused[found.sidecar.recording_id] = error
                else:
                    self._desk.done(found)
        if refused:
            raise next(iter(refused.values()))

    async def lost(self, frames: int) -> None:
        """So many frames were missed in all; those that are new are told. Raise `StoreError` if that is refused."""
        if frames == self._lost:
            return
        reason = f"no room on the disk to record {self._camera}"
        with suppress(StoreDelayedError):  # it stands in line
            await self._teller.sink.append(Loss(what="frames", reason=reason, count=frames - self._lost))
        self._lost = frames

    async def _tell(self, found: Found) -> None:
        with suppress(RecordInvalidError):  # its note was tampered with: the next look goes by the video
            if found.empty:
                self._on_nothing(found.sidecar.recording_id)
            await tell(self._teller, self._spool, replace(found, sidecar=self._timed(found.sidecar)))
            self.clips += not found.empty
            self.salvaged += found.sidecar.salvaged
