"""Whose turn it is: alarms first, cameras in turns, the oldest of each, and none that has to rest."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.core.backoff import Backoff
from edge.core.clock import Clock

_MOST_RESTING: Final = 1000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file of which something can be sent now."""

    id: str
    rank: int
    lane: str
    order: int


@dataclass(slots=True)
class _Rest:
    backoff: Backoff
    until_ns: int = 0
    proofs: int = 0
    restarts: int = 0


@dataclass(slots=True)
class Lineup:
    """Belongs to the event loop. `limit_s`: the longest rest of one file."""

    clock: Clock
    rng: random.Random
    limit_s: float
    busy: set[str] = field(default_factory=set)
    proofs: int = 0
    """How often something got through: what shows that the target is not to blame."""
    _turns: dict[str, int] = field(default_factory=dict)
    _turn: int = 0
    _rests: dict[str, _Rest] = field(default_factory=dict)

    def unavailable(self) -> set[str]:
        """Those that are on their way, or rest."""
        now = self.clock.mono_ns()
        return self.busy | {id_ for id_, rest in self._rests.items() if rest.until_ns > now}

    def take(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """Of the least rank, from the lane whose last turn is longest ago, the oldest; it is busy until `release`."""
        free = [one for one in candidates if one.id not in self.busy]
        if not free:
            return None
        chosen = min(free, key=lambda one: (one.rank, self._turns.get(one.lane, 0), one.order, one.id))
        self._turn += 1
        self._turns[chosen.lane] = self._turn
        self.busy.add(chosen.id)
        return chosen

    def release(self, upload_id: str) -> None:
        """It had its turn."""
        self.busy.discard(upload_id)

    def succeeded(self, upload_id: str) -> bool:
        """A part of it got through. Whether it had failed before for want of the target, and is forgiven."""
        self.proofs += 1
        rest = self._rests.get(upload_id)
        if rest is None or rest.restarts:
            return False
        del self._rests[upload_id]
        return True

    def failed(self, upload_id: str, *, restarted: bool = False) -> bool:
        """Let it rest, longer each time. Whether it is to blame itself.

        It is if others got through since it failed before, or if it had to begin again. Otherwise the target is, and
        it only lets others try first.
        """
        rest = self._rests.get(upload_id)
        known = rest is not None
        if rest is None:
            self._bound()
            rest = self._rests[upload_id] = _Rest(Backoff(self.rng, first_s=1.0, limit_s=self.limit_s))
        to_blame = restarted or (known and self.proofs > rest.proofs)
        rest.until_ns = self.clock.mono_ns() + int(rest.backoff.next() * 1e9)
        rest.proofs = self.proofs
        rest.restarts += restarted
        return to_blame

    def forget(self, upload_id: str | None) -> None:
        """Somebody wants it, or all of them, tried at once; or it is done."""
        if upload_id is None:
            self._rests.clear()
        else:
            self._rests.pop(upload_id, None)

    def rest_s(self, upload_id: str) -> float | None:
        """Seconds until it may be tried again; None if it need not wait."""
        rest = self._rests.get(upload_id)
        left = (rest.until_ns - self.clock.mono_ns()) / 1e9 if rest else 0.0
        return left if left > 0 else None

    def next_s(self) -> float | None:
        """Seconds until the first of those that rest may be tried again."""
        return min((left for id_ in self._rests if (left := self.rest_s(id_))), default=None)

    def _bound(self) -> None:
        if len(self._rests) >= _MOST_RESTING:
            del self._rests[min(self._rests, key=lambda id_: self._rests[id_].until_ns)]
