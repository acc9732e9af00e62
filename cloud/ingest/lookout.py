"""Watches over what was asked of devices: ends what ran out, forgets what is long over, counts what is not as asked."""

import logging
from typing import Final

from cloud.ingest.metrics import WorkMetrics
from cloud.store.clock import Clock
from cloud.store.errors import StoreUnavailableError
from cloud.store.remote import Remote

_log = logging.getLogger(__name__)
_EVERY_S: Final = 5.0
_COUNT_S: Final = 30.0
_FORGET_S: Final = 3600.0
_GIVEN_UP_MS: Final = 14 * 86_400_000
"""So long after it ran out a command still ends as its device says, be that away meanwhile; then nobody waits."""
_KEPT_MS: Final = 400 * 86_400_000
"""Longer than any device remembers what it did, and than a year."""
_STATES: Final = ("online", "offline", "unknown")


class Lookout:
    """Runs until cancelled; a database that is away is looked at again."""

    def __init__(self, remote: Remote, *, metrics: WorkMetrics, clock: Clock) -> None:
        self._remote = remote
        self._metrics = metrics
        self._clock = clock
        self._counted_s = self._forgot_s = float("-inf")

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailableError as error:
                _log.debug("nothing was looked after: %s", error)
            await self._clock.sleep(_EVERY_S)

    async def look(self) -> None:
        """One round: commands each time, counts and what is long over less often."""
        now_ms, now_s = self._clock.now_ms(), self._clock.mono_s()
        if expired := await self._remote.commands.expire(now_ms):
            _log.warning("%d commands ran out before a device was heard to accept them", expired)
            self._metrics.commands_expired.inc(expired)
        if now_s - self._forgot_s >= _FORGET_S:
            await self._forget(now_ms)
            self._forgot_s = now_s
        if now_s - self._counted_s >= _COUNT_S:
            await self._count()
            self._counted_s = now_s

    async def _forget(self, now_ms: int) -> None:
        if lost := await self._remote.commands.give_up(now_ms - _GIVEN_UP_MS, now_ms):
            _log.warning("%d commands were accepted and never ended: given up", lost)
            self._metrics.commands_expired.inc(lost)
        await self._remote.commands.forget(now_ms - _KEPT_MS)

    async def _count(self) -> None:
        counts = await self._remote.fleet.counts()
        for state in _STATES:
            self._metrics.devices.labels(state).set(counts.devices.get(state, 0))
        self._metrics.behind.set(counts.behind)
        self._metrics.refused.set(counts.refused)
        self._metrics.commands_open.set(counts.commands_open)
