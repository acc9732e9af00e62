"""Tells of recordings of which nobody else would: of cameras that are no longer configured, and with a damaged note.

Else they would stay, in no list, for ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Final

from edge.core.clock import Clock
from edge.core.errors import RecordInvalidError, StoreError
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.recording.ledger import RecordingTeller, tell
from edge.recording.orphanage import Orphanage
from edge.recording.salvage import left_behind, salvage
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool

PART: Final = "stranded"
_RETRY_S: Final = 5.0
_LOOK_EVERY_S: Final = 600.0


class StrandedService:
    """A `Service` that salvages at the start what no camera of `configured` will, and tells of it.

    From then on it looks again and again for what the `orphanage` knows to place. `on_nothing` hears of a recording of
    which nothing could be saved; `boot` is this run of the host. Health part: `stranded`, once something cannot be
    told, or is set aside.
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
        orphanage: Orphanage | None = None,
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
        self._orphanage = orphanage
        self._looking = asyncio.Lock()
        self._degraded = False

    async def run(self) -> None:
        """Work until cancelled. What is refused is tried ever more seldom: each look reads every note of the card."""
        done, retry_s = False, _RETRY_S
        while True:
            done = await self._patiently(self.look if done else self.run_once)
            await self._rest(_LOOK_EVERY_S if done else retry_s)
            retry_s = _RETRY_S if done else min(2 * retry_s, _LOOK_EVERY_S)

    async def run_once(self) -> None:
        """Tell of each; may be done again. Raise `StoreError` if that is refused, `OSError` once each was tried."""
        refused: OSError | None = None
        for camera in sorted(await asyncio.to_thread(self._spool.cameras)):
            if camera in self._configured:
                continue
            for sidecar in await asyncio.to_thread(left_behind, self._spool, camera):
                self.pulse.beat()
                try:
                    with suppress(RecordInvalidError):  # its note was tampered with: the next look goes by the video
                        await self._tell(sidecar)
                except OSError as error:
                    refused = refused or error
        await self.look()
        if refused:
            raise refused

    async def look(self) -> None:
        """Place every video that no note speaks of; may be done again. Raise as `run_once` does."""
        if self._orphanage is None:
            return
        async with self._looking:
            async for sidecar in self._orphanage.place(self.pulse.beat):
                try:
                    await self._tell(sidecar)
                except RecordInvalidError:  # what its video says cannot be told either
                    await self._orphanage.give_up(sidecar)
                self._orphanage.placed(sidecar)

    async def clear(self) -> int:
        """Look, then delete what nobody can place: it may be of whoever is being erased; how many files that were."""
        await self.look()
        return await asyncio.to_thread(self._orphanage.aside.clear) if self._orphanage else 0

    async def _rest(self, seconds: float) -> None:
        while seconds > 0:
            self.pulse.beat()
            await self._clock.sleep(min(seconds, _RETRY_S))
            seconds -= _RETRY_S

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do it to the end, with proof of progress: a slow card may take its time. Whether nothing was refused."""
        working = asyncio.ensure_future(self._try(work))
        try:
            while not working.done():
                self.pulse.beat()
                await asyncio.wait({working}, timeout=_RETRY_S)
            return await working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except (StoreError, OSError) as error:
            self._show(f"a recording that nobody else tells of cannot be told: {error}")
            return False
        self._show(await asyncio.to_thread(self._orphanage.problem) if self._orphanage else "")
        return True

    def _show(self, problem: str) -> None:
        if problem or self._degraded:
            self._health.set(PART, State.DEGRADED if problem else State.OK, problem)
        self._degraded = bool(problem)

    async def _tell(self, sidecar: Sidecar) -> None:
        found = await asyncio.to_thread(salvage, self._spool, sidecar)
        if found.empty:
            self._on_nothing(sidecar.recording_id)
        timed = found.sidecar.timed(self._clock.now(), self._boot)
        await tell(self._teller, self._spool, replace(found, sidecar=timed))
