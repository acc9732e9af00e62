"""Aborts uploads that devices began and left behind: their parts cost room, and no list of objects shows them."""

import logging
from typing import Final

from cloud.ingest.metrics import WorkMetrics
from cloud.objects.storage import ObjectsError, ObjectStorage
from cloud.store.clock import Clock

_log = logging.getLogger(__name__)
_EVERY_S: Final = 3600.0


class Tidier:
    """Runs until cancelled, looking once an hour; storage that is away is looked at the next time."""

    def __init__(self, storage: ObjectStorage, *, metrics: WorkMetrics, clock: Clock, older_than_s: float) -> None:
        self._storage = storage
        self._clock = clock
        self._older_than_s = older_than_s
        self._metrics = metrics

    async def run(self) -> None:
        """Tidy until cancelled."""
        while True:
            await self.tidy()
            await self._clock.sleep(_EVERY_S)

    async def tidy(self) -> None:
        """One round."""
        try:
            aborted = await self._storage.tidy(self._older_than_s)
        except ObjectsError as error:
            _log.debug("uploads left behind were not looked for: %s", error)
            return
        self._metrics.aborted_uploads.inc(aborted)
        if aborted:
            _log.info("aborted %d uploads that devices left behind", aborted)
