"""Intervals between beats, with what is wrong with them corrected and marked.

After Lipponen and Tarvainen, A robust algorithm for heart rate variability time series artefact correction, J. Med.
Eng. Technol. 43, 2019: an interval is wrong when it differs from its neighbours, or from the median around, by more
than 5.2 quartile deviations of the differences that there were lately (90 beats); its neighbour tells what it is: a
missed beat, an extra one, or one out of place (ectopic). A causal form: one interval of delay, and the past alone.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

Kind = Literal["valid", "missed", "extra", "ectopic"]

_LATELY: Final = 90
_AROUND: Final = 11
_DEVIATIONS: Final = 5.2
_LEAST_LIMIT: Final = 0.12
_MOST_LIMIT: Final = 0.30
"""Bounds of the threshold, as shares of the median interval: no heart is steadier, none that is well less steady."""
_SETTLED: Final = 5
_ALIKE: Final = 3
"""So many in a row that fit nothing before, but each other, are the heart: it has changed its pace."""
_ERRORS: Final = 6
"""So many corrections of one sort and nothing valid between them are none: the pace has doubled, or halved."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From a beat to the next. Only a `valid` one was measured; the others are what it probably was.

    `follows`: it begins with the beat that the interval before it ended with.
    """

    end_ns: int
    ms: float
    kind: Kind
    follows: bool


class IntervalCorrector:
    """Intervals in, one late; `lowest` and `highest` bound in milliseconds what is believed at all."""

    def __init__(self, *, lowest_ms: float, highest_ms: float) -> None:
        self._bounds = (lowest_ms, highest_ms)
        self._steps: deque[float] = deque(maxlen=_LATELY)
        self._around: deque[float] = deque(maxlen=_AROUND)
        self._held: tuple[int, float] | None = None
        self._last_ms: float | None = None
        self._doubted: list[tuple[int, float]] = []
        self._errors: list[Kind] = []

    def cut(self) -> list[Interval]:
        """The beats were interrupted; the interval that was held is given out if nothing is wrong with it."""
        found = []
        if self._held is not None and not self._wrong(self._held[1]):
            found = [self._valid(*self._held)]
        self._held = self._last_ms = None
        self._doubted.clear()
        return found

    def add(self, end_ns: int, ms: float) -> list[Interval]:
        """What is known now of the interval before."""
        if self._held is None:
            self._held = (end_ns, ms)
            return []
        held_ns, held_ms = self._held
        self._held = (end_ns, ms)
        if not self._wrong(held_ms):
            return [self._valid(held_ns, held_ms)]
        return self._corrected(held_ns, held_ms, end_ns, ms)

    def _limit(self, usual: float) -> float:
        if len(self._steps) < _SETTLED:
            return _MOST_LIMIT * usual
        ordered = sorted(self._steps)
        low, high = ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4]
        return min(_MOST_LIMIT * usual, max(_LEAST_LIMIT * usual, _DEVIATIONS * (high - low) / 2))

    def _wrong(self, ms: float) -> bool:
        if not self._bounds[0] <= ms <= self._bounds[1]:
            return True
        if len(self._around) < _SETTLED:
            return False
        usual = median(self._around)
        limit = self._limit(usual)
        near = self._last_ms is not None and abs(ms - self._last_ms) <= limit
        return abs(ms - usual) > 2 * limit or (not near and abs(ms - usual) > limit)

    def _valid(self, end_ns: int, ms: float) -> Interval:
        self._doubted.clear()
        self._errors.clear()
        follows = self._last_ms is not None
        if self._last_ms is not None:
            self._steps.append(ms - self._last_ms)
        self._around.append(ms)
        self._last_ms = ms
        return Interval(end_ns, ms, "valid", follows)

    def _corrected(self, held_ns: int, held_ms: float, next_ns: int, next_ms: float) -> list[Interval]:
        """What the wrong interval that is held probably was; nothing where that cannot be told."""
        self._last_ms = None
        found = self._explained(held_ns, held_ms, next_ns, next_ms) if len(self._around) >= _SETTLED else []
        if not found:
            return self._unknown(held_ns, held_ms)
        self._errors = [*self._errors[1 - _ERRORS :], found[0].kind]
        self._doubted.clear()
        return found

    def _explained(self, held_ns: int, held_ms: float, next_ns: int, next_ms: float) -> list[Interval]:
        usual = median(self._around)
        limit = self._limit(usual)
        both_ms = held_ms + next_ms
        if held_ms > usual and abs(held_ms / 2 - usual) <= limit and not self._only("missed"):
            return _halves(held_ns, held_ms, "missed")
        if held_ms < usual and abs(both_ms - usual) <= limit and not self._only("extra"):
            self._held = None
            return [Interval(next_ns, both_ms, "extra", False)]
        if abs(both_ms - 2 * usual) <= 2 * limit:
            self._held = None
            return _halves(next_ns, both_ms, "ectopic")
        return []

    def _only(self, kind: Kind) -> bool:
        return self._errors.count(kind) == _ERRORS

    def _unknown(self, end_ns: int, ms: float) -> list[Interval]:
        """Whatever it is, should it last it will be the usual."""
        self._doubted = [*self._doubted[1 - _ALIKE :], (end_ns, ms)]
        if not self._lasts([one for _, one in self._doubted]):
            self._around.append(min(max(ms, self._bounds[0]), self._bounds[1]))
            return []
        doubted, self._doubted = self._doubted, []
        self._around.clear()
        return [self._valid(*one) for one in doubted]

    def _lasts(self, doubted: list[float]) -> bool:
        low, high = min(doubted), max(doubted)
        believed = self._bounds[0] <= low and high <= self._bounds[1]
        return len(doubted) == _ALIKE and believed and high - low <= self._limit(median(doubted))


def _halves(end_ns: int, ms: float, kind: Kind) -> list[Interval]:
    half = ms / 2
    return [Interval(end_ns - round(half * 1e6), half, kind, False), Interval(end_ns, half, kind, False)]
