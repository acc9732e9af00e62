"""Takes away what nobody will complete: uploads that were given up, and those that an earlier life left behind."""

import logging
from typing import Final

from contract.ids import check_id
from edge.core.clock import Clock
from edge.core.errors import LinkError
from edge.sync.upload_settings import UploadSettings
from edge.sync.uploading.carriage import Road

_ROOTS: Final = ("recordings", "sessions", "collected", "timelapses")
"""Of `contract.objects`: every key of a device begins with one of these and the device's name."""
_RARELY_NS: Final = 3_600_000_000_000
_log = logging.getLogger(__name__)


class Sweep:
    """`run` is called every now and then while the target is there. Belongs to the event loop."""

    def __init__(self, device: str, settings: UploadSettings, clock: Clock) -> None:
        self._prefixes = [f"{root}/{check_id(device, 'device')}/" for root in _ROOTS]
        self._settings = settings
        self._clock = clock
        self._next_ns = 0
        self._refused = ""
        self.aborted_total = 0

    async def run(self, road: Road) -> None:
        """Abort what is known to be of no use, and once an hour look for what is not known at all.

        A target that refuses is no reason not to upload: it is logged once. Raise `StoreError`.
        """
        try:
            await self._abort_strays(road)
            if self._clock.mono_ns() >= self._next_ns:
                await self._abort_abandoned(road)
                self._next_ns = self._clock.mono_ns() + _RARELY_NS
            self._refused = ""
        except LinkError as error:
            if not self._refused:
                _log.warning("uploads that nobody will complete could not be taken away: %s", error)
            self._refused = str(error)
            self._next_ns = self._clock.mono_ns() + _RARELY_NS

    async def _abort_strays(self, road: Road) -> None:
        for key, name in await road.uploads.strays():
            await road.in_thread(road.target.abort, key, name)
            await road.uploads.remove_stray(key, name)
            self.aborted_total += 1

    async def _abort_abandoned(self, road: Road) -> None:
        for prefix in self._prefixes:
            async with road.beginning:
                old = await road.in_thread(road.target.abandoned, prefix, self._settings.abandoned_after_s)
                known = await road.uploads.begun() if old else frozenset()
                for left in old:
                    if left.upload_id not in known and left.key.startswith(prefix):
                        await road.in_thread(road.target.abort, left.key, left.upload_id)
                        self.aborted_total += 1
