"""How each part is. A change of state is logged once, shown at once and counted; repetition is silence."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from edge.core.clock import Clock, Stamp

_log = logging.getLogger(__name__)


class State(StrEnum):
    """What a part is able to do now."""

    STARTING = "starting"
    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PartHealth:
    """The state of one part (`camera.front`, `broker`, `store`), since when, why, and how often it changed."""

    part: str
    state: State
    detail: str
    since: Stamp
    changes: int


class Health:
    """The states of all parts. Belongs to the event loop."""

    def __init__(self, clock: Clock, on_change: Callable[[PartHealth], None] | None = None) -> None:
        self._clock = clock
        self._parts: dict[str, PartHealth] = {}
        self.on_change = on_change

    def set(self, part: str, state: State, detail: str = "") -> None:
        """Say how `part` is. The same state with another detail is kept, but neither logged nor announced."""
        before = self._parts.get(part)
        if before and before.state is state:
            if before.detail != detail:
                self._parts[part] = PartHealth(part, state, detail, before.since, before.changes)
            return
        now = PartHealth(part, state, detail, self._clock.now(), before.changes + 1 if before else 0)
        self._parts[part] = now
        level = logging.INFO if state in {State.OK, State.STARTING, State.STOPPED} else logging.WARNING
        _log.log(level, "%s is %s%s", part, state.value, f": {detail}" if detail else "")
        if self.on_change:
            self.on_change(now)

    def of(self, part: str) -> State:
        """The state of a part; `STOPPED` for one that never spoke."""
        known = self._parts.get(part)
        return known.state if known else State.STOPPED

    def part(self, name: str) -> PartHealth | None:
        """Everything known of a part; None for one that never spoke."""
        return self._parts.get(name)

    def parts(self) -> list[PartHealth]:
        """Every part, by name."""
        return [self._parts[name] for name in sorted(self._parts)]

    @property
    def ready(self) -> bool:
        """Whether no part failed and none is still starting."""
        return not any(part.state in {State.STARTING, State.FAILED} for part in self._parts.values())
