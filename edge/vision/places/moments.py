"""What happens in one moment: it waits until a detector has said what it was, and is told for a second."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from edge.vision.findings import Finding, Thing
from edge.vision.places.telling import fits

HOLD_NS: Final = 1_000_000_000
"""A moment is told for so long, so that it opens an event and ends it."""
_LABEL_NS: Final = 2_000_000_000
"""A detector looks seldom: so long after the moment it may still say what it was."""
_MOST: Final = 256
"""Moments that wait or are told; the oldest make room."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[_T]):
    what: _T
    labels: Sequence[str]
    thing: Thing
    at_ns: int


class Labelled(Generic[_T]):
    """Moments that are only meant if their thing is of a class."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting[_T]] = []

    def put(self, what: _T, labels: Sequence[str], thing: Thing, at_ns: int) -> None:
        """Something happened to `thing`, which is meant if its label is among `labels`, or these are none."""
        self._waiting.append(_Waiting(what, labels, thing, at_ns))

    def settle(self, things: Mapping[int | None, Thing], at_ns: int) -> list[tuple[_T, Thing]]:
        """Those that are meant, as far as is known by now, each with the thing as it was, by its newest label."""
        if not self._waiting:
            return []
        settled, waiting = [], []
        for one in self._waiting:
            now = things.get(one.thing.box.track, one.thing)
            meant = fits(one.labels, now.box.label)
            if meant:
                settled.append((one.what, now if one.labels else one.thing))
            elif meant is None and at_ns - one.at_ns <= _LABEL_NS:
                waiting.append(one)
        self._waiting = waiting[-_MOST:]
        return settled

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()


class Held:
    """Findings of one moment, told for `HOLD_NS`."""

    def __init__(self) -> None:
        self._held: list[tuple[int, Finding]] = []

    def put(self, finding: Finding, at_ns: int) -> None:
        """Tell this from now on."""
        self._held = [*self._held[1 - _MOST :], (at_ns, finding)]

    def going_on(self, at_ns: int) -> list[Finding]:
        """What is to be told now."""
        self._held = [(put_ns, finding) for put_ns, finding in self._held if at_ns - put_ns < HOLD_NS]
        return [finding for _, finding in self._held]

    def clear(self) -> None:
        """Forget all."""
        self._held.clear()
