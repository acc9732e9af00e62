"""What goes wrong, when and for how long: drawn from the seed alone, so that a run can be repeated."""

import random
from dataclasses import dataclass
from typing import Final

QUIET_END_S: Final = 20.0
"""No fault begins so late that its end would come after the end of minting."""
_WAYS: Final = ("link", "broker", "cloud", "database")
"""What of these is at fault holds up the records."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: what it hits, how long it holds, and how often it comes compared to others."""

    name: str
    target: str
    shortest_s: float
    longest_s: float
    weight: int = 2


KINDS: Final = (
    Kind("device killed", "device", 0.0, 2.0, 4),
    Kind("power cut", "device", 0.0, 2.0, 4),
    Kind("cloud killed", "cloud", 0.0, 4.0, 3),
    Kind("broker killed", "broker", 0.0, 3.0),
    Kind("broker emptied", "broker", 0.0, 3.0),
    Kind("broker overflow", "cloud", 4.0, 9.0),
    Kind("database killed", "database", 0.0, 4.0),
    Kind("bucket killed", "bucket", 1.0, 6.0),
    Kind("bucket 500", "bucket", 1.0, 8.0, 1),
    Kind("bucket 503", "bucket", 1.0, 8.0, 1),
    Kind("bucket slow", "bucket", 2.0, 8.0, 1),
    Kind("bucket reset", "bucket", 1.0, 8.0, 1),
    Kind("bucket truncated", "bucket", 1.0, 8.0, 1),
    Kind("bucket unanswered", "bucket", 1.0, 8.0, 1),
    Kind("disk full", "disk", 2.0, 8.0),
    Kind("clock forward", "clock", 0.0, 0.0, 1),
    Kind("clock back", "clock", 0.0, 0.0, 1),
    Kind("clock untrusted", "clock", 1.0, 8.0, 1),
    Kind("link cut", "link", 1.0, 10.0, 3),
    Kind("link delayed", "link", 2.0, 8.0),
    Kind("link broken off", "link", 1.0, 4.0),
    Kind("link reset", "link", 0.0, 0.0),
    Kind("link black hole", "link", 2.0, 8.0),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: from `at_s` for `hold_s`. `draw` decides what is left open, from 0 to 1."""

    kind: Kind
    at_s: float
    hold_s: float
    draw: float

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.at_s + self.hold_s

    @property
    def in_the_way(self) -> bool:
        """Whether records wait for its end."""
        return self.kind.target in _WAYS


def schedule(seed: int, seconds: float, *, first_s: float = 4.0) -> list[Fault]:
    """The faults of a run in order; of two at a time, each hits another target."""
    rng = random.Random(f"schedule-{seed}")
    busy: dict[str, float] = {}
    found: list[Fault] = []
    at_s = first_s
    while True:
        at_s += rng.uniform(1.5, 6.0)
        kind = rng.choices(KINDS, [kind.weight for kind in KINDS])[0]
        fault = Fault(kind, at_s, rng.uniform(kind.shortest_s, kind.longest_s), rng.random())
        if fault.end_s > seconds - QUIET_END_S:
            return found
        if busy.get(kind.target, 0.0) <= at_s:
            found.append(fault)
            busy[kind.target] = fault.end_s + 1.0
