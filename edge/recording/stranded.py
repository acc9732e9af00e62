"""Tells of recordings that cameras left which are no longer configured: else they would stay, in no list, for ever."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Final

from edge.core.clock import Clock
from edge.core.errors import RecordInvalidError, StoreError
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.recording.ledger import RecordingTeller, tell
from edge.recording.salvage import left_behind, salvage
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool

PART: Final = "stranded"
_RETRY_S: Final = 5.0


class StrandedService:
    """A `Service` that salvages at the start what no camera of `configured` will, and tells of it.

    `on_nothing` hears of a recording of which nothing could be saved; `boot` is this run of the host. Health part:
    `stranded`, once something cannot be told.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        configured: Collection[str],
        teller: RecordingTeller,
        on_nothing: Callable[[str], None],
        clock: Clock,
        health: Health,
        boot: str = "",
    ) -> None:
        self.name = PART
        self.pulse = Pulse(clock)
        self._spool = spool
        self._configured = frozenset(configured)
        self._teller = teller
        self._on_nothing = on_nothing
        self._clock = clock
        self._health = health
        self._boot = boot
        self._refused = False

    async def run(self) -> None:
        """Work until cancelled."""
        done = False
        while True:
            self.pulse.beat()
            done = done or await self._try()
            await self._clock.sleep(_RETRY_S)

    async def run_once(self) -> None:
        """Tell of each; may be done again. Raise `StoreError` if that is refused, `OSError` once each was tried."""
        refused: OSError | None = None
        for camera in sorted(await asyncio.to_thread(self._spool.cameras)):
            if camera in self._configured:
                continue
            for sidecar in await asyncio.to_thread(left_behind, self._spool, camera):
                self.pulse.beat()
                try:
                    with suppress(RecordInvalidError):  # its note was tampered with: the file stays
                        await self._tell(sidecar)
                except OSError as error:
                    refused = refused or error
        if refused:
            raise refused

    async def _try(self) -> bool:
        try:
            await self.run_once()
        except (StoreError, OSError) as error:
            self._refused = True
            self._health.set(PART, State.DEGRADED, f"a recording of a former camera cannot be told: {error}")
            return False
        if self._refused:
            self._health.set(PART, State.OK)
        return True

    async def _tell(self, sidecar: Sidecar) -> None:
        found = await asyncio.to_thread(salvage, self._spool, sidecar)
        if found.empty:
            self._on_nothing(sidecar.recording_id)
        timed = found.sidecar.timed(self._clock.now(), self._boot)
        await tell(self._teller, self._spool, replace(found, sidecar=timed))
