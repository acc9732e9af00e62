"""Throws away at the target what nobody is told of.

That is what was begun or completed of files that were given up, and uploads that an earlier life left behind.
"""

import logging
from collections.abc import Callable, Collection
from typing import Final

from contract.ids import check_id
from edge.core.clock import Clock
from edge.core.errors import LinkError
from edge.outbox.upload_rows import WHOLE, Stray
from edge.sync.upload_settings import UploadSettings
from edge.sync.uploading.carriage import Road

_ROOTS: Final = ("recordings", "sessions", "collected", "timelapses")
"""Of `contract.objects`: every key of a device begins with one of these and the device's name."""
_RARELY_NS: Final = 3_600_000_000_000
_REFUSALS: Final = 5
"""In one round: more of them would only tell the same of the target, each after a time-out."""
_FIRST: Final = Stray("", "")
_log = logging.getLogger(__name__)


class Sweep:
    """`run` is called again and again while the target is there. Belongs to the event loop.

    `under_way` gives the keys of what is being sent: what is to be thrown away of these may still come into being.
    """

    def __init__(
        self, device: str, settings: UploadSettings, clock: Clock, under_way: Callable[[], Collection[str]]
    ) -> None:
        self._prefixes = [f"{root}/{check_id(device, 'device')}/" for root in _ROOTS]
        self._settings = settings
        self._clock = clock
        self._under_way = under_way
        self._due = True
        self._strays_ns = 0
        self._tried = _FIRST
        """The last stray of a round that the target cut short: the next begins behind it."""
        self._abandoned_ns = 0
        self._refused = ""
        self.aborted_total = 0

    def soon(self) -> None:
        """There may be something to throw away."""
        self._due = True

    async def run(self, road: Road) -> None:
        """Throw away what is known to be of no use, and once an hour look for what is not known at all.

        A target that refuses is no reason not to upload: it is logged once, and asked again in an hour. Raise
        `StoreError`.
        """
        now = self._clock.mono_ns()
        if self._due and now >= self._strays_ns:
            self._due = False
            refused = await self._throw_away(road)
            self._strays_ns = now + _RARELY_NS if refused else 0
            self._tell(refused)
        if now >= self._abandoned_ns:
            self._abandoned_ns = now + _RARELY_NS
            try:
                await self._abort_abandoned(road)
            except LinkError as error:
                self._tell(str(error))

    async def _throw_away(self, road: Road) -> str:
        """Every stray once; one that the target refuses holds up no other. Return why one was refused, if any was."""
        refused, stray = [], self._tried
        while found := await road.uploads.strays(stray):
            for stray in found:
                if stray.key in self._under_way():
                    self._due = True
                elif why := await self._refusal(road, stray):
                    refused.append(why)
                if len(refused) >= _REFUSALS:
                    self._tried = stray
                    return refused[-1]
        again, self._tried = self._tried != _FIRST, _FIRST
        self._due = self._due or again
        return refused[-1] if refused else ""

    def _tell(self, refused: str) -> None:
        if refused and not self._refused:
            _log.warning("what nobody will complete could not be taken away from object storage: %s", refused)
        self._refused = refused

    async def _abort_abandoned(self, road: Road) -> None:
        for prefix in self._prefixes:
            async with road.beginning:
                old = await road.in_thread(road.target.abandoned, prefix, self._settings.abandoned_after_s)
                known = await road.uploads.begun() if old else frozenset()
                for left in old:
                    if left.upload_id not in known and left.key.startswith(prefix):
                        await road.in_thread(road.target.abort, left.key, left.upload_id)
                        self.aborted_total += 1

    async def _refusal(self, road: Road, stray: Stray) -> str:
        """Throw it away; return why the target does not."""
        try:
            if stray.upload_id == WHOLE:
                await road.in_thread(road.target.delete, stray.key)
            else:
                await road.in_thread(road.target.abort, stray.key, stray.upload_id)
        except LinkError as error:
            return str(error)
        await road.uploads.remove_stray(stray)
        self.aborted_total += 1
        return ""
