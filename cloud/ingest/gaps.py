"""Asks devices again for what is missing, as long as it is: an ack that named a gap may have been lost itself.

Each boot with gaps is asked for after a while, then ever more seldom; whatever changes its gaps begins anew. A gap ends
by the records coming, or by a loss that names them.
"""

import random
from collections.abc import Callable
from typing import Final, NamedTuple

from cloud.ingest.metrics import IngestMetrics
from cloud.store.clock import Backoff, Clock
from cloud.store.coverage import Coverage
from cloud.store.errors import StoreUnavailableError
from cloud.store.intake import Boot, Intake

_LOOK_S: Final = 10.0
_FIRST_S: Final = 30.0
_LONGEST_S: Final = 3600.0


class _Asked(NamedTuple):
    coverage: Coverage
    due_s: float
    backoff: Backoff


class GapReminder:
    """Runs until cancelled. `note` sends an ack with the gaps of these boots."""

    def __init__(
        self,
        intake: Intake,
        note: Callable[[dict[Boot, Coverage]], None],
        *,
        metrics: IngestMetrics,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._intake = intake
        self._note = note
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._asked: dict[Boot, _Asked] = {}

    async def run(self) -> None:
        """Look every few seconds."""
        while True:
            await self._clock.sleep(_LOOK_S)
            try:
                self.remind(await self._intake.with_gaps())
            except StoreUnavailableError:
                continue  # the consumer says so

    def remind(self, found: dict[Boot, Coverage]) -> None:
        """Ask for those that are due; forget those that have no gap any more."""
        now = self._clock.mono_s()
        self._asked = {boot: self._of(boot, coverage, now) for boot, coverage in found.items()}
        due = {boot: asked.coverage for boot, asked in self._asked.items() if asked.due_s <= now}
        for boot in due:
            asked = self._asked[boot]
            self._asked[boot] = asked._replace(due_s=now + asked.backoff.next())
        self._metrics.incomplete_boots.set(len(found))
        if due:
            self._metrics.reminders.inc(len(due))
            self._note(due)

    def _of(self, boot: Boot, coverage: Coverage, now: float) -> _Asked:
        known = self._asked.get(boot)
        if known and known.coverage.gaps == coverage.gaps:
            return known._replace(coverage=coverage)
        backoff = Backoff(self._rng, first_s=_FIRST_S, limit_s=_LONGEST_S)
        return _Asked(coverage, now + backoff.next(), backoff)
