"""Makes the sheet of every recording once it is whole, one after the other, and lets go of those that are gone."""

import asyncio
from typing import Final

from edge.core.clock import Clock
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.recording.previews.settings import PreviewSettings
from edge.recording.previews.sheet import make_sheet
from edge.recording.previews.shelf import SheetShelf
from edge.recording.retention_index import SpoolIndex
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool

PART: Final = "previews"
_LOOK_EVERY_S: Final = 5.0
_TIDY_EVERY: Final = 60
"""Looks between two deletions of what belongs to recordings that are gone."""
_WHOLE: Final = frozenset({"closed", "recorded", "uploaded"})


class PreviewService:
    """A `Service` for the whole spool. Health part: `previews`. Work on pixels is done in a thread, one at a time."""

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
        self._looks = 0

    async def run(self) -> None:
        """Work until cancelled."""
        if not self._settings.sheets:
            self._health.set(PART, State.STOPPED, "switched off by previews.sheets")
        while True:
            self.pulse.beat()
            if self._settings.sheets:
                await self._try()
            await self._clock.sleep(_LOOK_EVERY_S)

    async def run_once(self) -> None:
        """Make every sheet that is missing; raise `OSError` if the disk refuses one."""
        for sidecar in await asyncio.to_thread(self._missing):
            self.pulse.beat()
            await asyncio.to_thread(self._make, sidecar)
        if self._looks % _TIDY_EVERY == 0:
            await asyncio.to_thread(self._tidy)
        self._looks += 1

    async def _try(self) -> None:
        try:
            await self.run_once()
        except OSError as error:
            self._health.set(PART, State.DEGRADED, f"sheets cannot be kept: {error.strerror or error}")
        else:
            self._health.set(PART, State.OK)

    def _missing(self) -> list[Sidecar]:
        """Whole recordings without a sheet, the newest first: that is where people look."""
        sidecars = [entry.sidecar for entry in self._index.entries() if entry.sidecar.step in _WHOLE]
        return sorted((one for one in sidecars if not self._shelf.has(one.recording_id)), key=lambda one: -one.start_ms)

    def _make(self, sidecar: Sidecar) -> None:
        try:
            sheet = make_sheet(
                self._spool.path(sidecar),
                duration_ms=max(1, sidecar.end_ms - sidecar.start_ms),
                tile_px=self._settings.tile_px,
                most=self._settings.most_tiles,
            )
        except FileNotFoundError:  # it gave way meanwhile
            return
        self.made_total += sheet is not None
        self.undecodable_total += sheet is None
        self._shelf.put(sidecar.recording_id, sheet)

    def _tidy(self) -> None:
        self._shelf.keep_only(entry.sidecar.recording_id for entry in self._index.entries())
