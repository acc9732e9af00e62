"""Makes the sheet of every recording once it is whole, one after the other, and lets go of those that are gone."""

import asyncio
from functools import partial
from typing import Final

from edge.core.clock import Clock
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.core.stash import Holding
from edge.recording.previews.quiet import GoOn, quietly
from edge.recording.previews.settings import PreviewSettings
from edge.recording.previews.sheet import make_sheet
from edge.recording.previews.shelf import SheetShelf
from edge.recording.retention.index import SpoolIndex
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Entry, Spool

PART: Final = "previews"
_LOOK_EVERY_S: Final = 5.0
_WHOLE: Final = frozenset({"closed", "recorded", "uploaded"})


class PreviewService:
    """A `Service` for the whole spool, and the `Stash` of what it makes. Health part: `previews`.

    Work on pixels is done one recording at a time, in a thread that lets every other go first. Nothing of it gives way
    by itself: it goes with its recording, at the next look.
    """

    def __init__(
        self, spool: Spool, shelf: SheetShelf, *, settings: PreviewSettings, clock: Clock, health: Health
    ) -> None:
        self.name = PART
        self.pulse = Pulse(clock)
        self.made_total = 0
        self.undecodable_total = 0
        self._spool = spool
        self._index = SpoolIndex(spool)
        self._shelf = shelf
        self._settings = settings
        self._clock = clock
        self._health = health
        self._used_bytes = 0
        self._looked_at = -1
        """The version of the index of which all is made and nothing else is kept."""

    async def run(self) -> None:
        """Work until cancelled."""
        if not self._settings.sheets:
            self._health.set(PART, State.STOPPED, "switched off by previews.sheets")
        while True:
            self.pulse.beat()
            await self._try()
            await self._clock.sleep(_LOOK_EVERY_S)

    async def run_once(self) -> None:
        """Make every sheet that is missing and delete what is left of recordings that are gone.

        Raise `OSError` if the disk refuses one, once each was tried.
        """
        entries = await asyncio.to_thread(self._index.entries)
        if (version := self._index.version) == self._looked_at:
            return
        refused: OSError | None = None
        for sidecar in await asyncio.to_thread(self._missing, entries):
            self.pulse.beat()
            try:
                await quietly(partial(self._make, sidecar))
            except OSError as error:
                refused = refused or error
        await asyncio.to_thread(self._shelf.keep_only, [entry.sidecar.recording_id for entry in entries])
        self._used_bytes = await asyncio.to_thread(self._shelf.used_bytes)
        if refused:
            raise refused
        self._looked_at = version

    def holdings(self) -> list[Holding]:
        """See `Stash`: none."""
        return []

    def used_bytes(self) -> int:
        """See `Stash`: as of the last look."""
        return self._used_bytes

    async def evict(self, holding: Holding) -> None:
        """See `Stash`: there is nothing that may give way."""

    async def _try(self) -> None:
        try:
            await self.run_once()
        except OSError as error:
            self._health.set(PART, State.DEGRADED, f"sheets cannot be kept: {error.strerror or error}")
        else:
            if self._settings.sheets:
                self._health.set(PART, State.OK)

    def _missing(self, entries: list[Entry]) -> list[Sidecar]:
        """Whole recordings without a sheet, the newest first: that is where people look."""
        sidecars = [entry.sidecar for entry in entries if self._settings.sheets and entry.sidecar.step in _WHOLE]
        missing = (one for one in sidecars if not self._shelf.has(one.recording_id))
        return sorted(missing, key=lambda one: one.age, reverse=True)

    def _make(self, sidecar: Sidecar, go_on: GoOn) -> None:
        try:
            sheet = make_sheet(
                self._spool.path(sidecar),
                duration_ms=max(1, sidecar.end_ms - sidecar.start_ms),
                tile_px=self._settings.tile_px,
                most=self._settings.most_tiles,
                beat=go_on,
            )
        except FileNotFoundError:  # it gave way meanwhile
            return
        except OSError:  # the disk cannot read it: others can be looked through all the same
            sheet = None
        self.made_total += sheet is not None
        self.undecodable_total += sheet is None
        self._shelf.put(sidecar.recording_id, sheet)
        if self._spool.find(sidecar.recording_id) is None:  # erased while it was looked at
            self._shelf.discard(sidecar.recording_id)
