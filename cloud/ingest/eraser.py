"""Deletes from object storage what belongs to people who were erased, and tries again until nothing is left."""

import logging
import random
from typing import Final

from cloud.ingest.metrics import WorkMetrics
from cloud.objects.storage import ObjectMissingError, ObjectStorage, ObjectsUnavailableError
from cloud.store.clock import Backoff, Clock
from cloud.store.doomed import DoomedObject, DoomedObjects
from cloud.store.errors import StoreUnavailableError

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 100
_FIRST_S: Final = 5
_LONGEST_S: Final = 3600


class Eraser:
    """Runs until cancelled, looking every `every_s`; a database that is away is waited for."""

    def __init__(
        self,
        doomed: DoomedObjects,
        storage: ObjectStorage,
        *,
        metrics: WorkMetrics,
        clock: Clock,
        rng: random.Random,
        every_s: float = 5.0,
    ) -> None:
        self._doomed = doomed
        self._storage = storage
        self._metrics = metrics
        self._clock = clock
        self._backoff = Backoff(rng)
        self._every_s = every_s

    async def run(self) -> None:
        """Delete until cancelled."""
        while True:
            try:
                await self.delete_due()
            except StoreUnavailableError:
                await self._clock.sleep(self._backoff.next())
            else:
                self._backoff.reset()
                await self._clock.sleep(self._every_s)

    async def delete_due(self) -> None:
        """One round: everything whose time has come."""
        for one in await self._doomed.due(self._clock.now_ms(), _AT_ONCE):
            await self._delete(one)

    async def _delete(self, one: DoomedObject) -> None:
        try:
            await self._storage.delete(one.key)
        except ObjectsUnavailableError as error:
            self._metrics.erased_objects.labels("postponed").inc()
            wait_s = min(_FIRST_S << min(one.tries, 20), _LONGEST_S)
            _log.warning("an erased participant's object of %s is still there: %s", one.device, error)
            await self._doomed.again(one, self._clock.now_ms() + wait_s * 1000)
            return
        except ObjectMissingError:
            pass  # no key of an object: nothing can be there
        await self._doomed.done(one, self._clock.now_ms())
        self._metrics.erased_objects.labels("deleted").inc()
