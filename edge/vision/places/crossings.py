"""Who crosses which line, and which way: each crossing once.

A thing is clearly on one side of a line once its foot is farther from it than a foot trembles. It has crossed when it
is clearly on the other side and its way went through the line between its ends: who dithers on the line, or goes around
its end, has not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from contract.plan import Line
from edge.vision.findings import Thing
from edge.vision.places.bits import ones
from edge.vision.places.geometry import Place, crossing
from edge.vision.places.presence import AWAITED_NS, origin_of

_LEAST: Final = 0.008
_MOST: Final = 0.03
_OF_HEIGHT: Final = 0.1
"""A foot trembles by about this share of the height of its box, within these bounds."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """A thing has crossed a line, `forward` or back, at `at_ns`."""

    line: Line
    thing: Thing
    forward: bool
    at_ns: int


@dataclass(slots=True)
class _Walk:
    """The way of one thing. Lines are bits: those it is to the right of; those whose side it is clearly on, and which
    that is. `through` counts how often its way went through each line since then, forward less backward."""

    foot: Place
    last_ns: int
    right: int
    known: int = 0
    clear_right: int = 0
    through: dict[int, int] = field(default_factory=dict)


class Crossings:
    """Who crosses the lines of a plan."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._walks: dict[int, _Walk] = {}
        self._draw(lines)

    def adopt(self, lines: Sequence[Line]) -> None:
        """Watch these lines from now on. Where any of them was drawn anew, ways begin where things are now."""
        if [(line.a, line.b) for line in lines] != [(line.a, line.b) for line in self._lines]:
            self._walks.clear()
        self._draw(lines)

    def step(self, things: Sequence[Thing], feet: Sequence[Place], at_ns: int) -> list[Crossed]:
        """Take one frame's things, each with its foot; return who has crossed."""
        if not self._lines:
            return []
        crossed: list[Crossed] = []
        for thing, foot in zip(things, feet, strict=True):
            right, clear = self._sides(foot, thing.box.h)
            walk = self._walks.get(thing.box.track or 0) or self._begin(thing, at_ns)
            for at in self._advance(walk, foot, right, clear):
                forward = bool(right >> at & 1)
                crossed.append(Crossed(self._lines[at], thing, forward, at_ns))
            walk.last_ns = at_ns
        self._walks = {track: walk for track, walk in self._walks.items() if at_ns - walk.last_ns <= AWAITED_NS}
        return crossed

    def reset(self) -> None:
        """Forget all ways."""
        self._walks.clear()

    def _draw(self, lines: Sequence[Line]) -> None:
        self._lines = tuple(lines)
        ways = [(*line.a, line.b[0] - line.a[0], line.b[1] - line.a[1]) for line in lines]
        self._ways = [(1 << at, *way, math.hypot(way[2], way[3])) for at, way in enumerate(ways)]

    def _sides(self, foot: Place, height: float) -> tuple[int, int]:
        """As bits, the lines that a foot is to the right of, and those that it is clearly away from."""
        margin = min(max(_OF_HEIGHT * height, _LEAST), _MOST)
        right = clear = 0
        for bit, x, y, across, down, length in self._ways:
            turned = across * (foot[1] - y) - down * (foot[0] - x)
            if turned >= 0:
                right |= bit
            if abs(turned) > margin * length:
                clear |= bit
        return right, clear

    def _begin(self, thing: Thing, at_ns: int) -> _Walk:
        """The way of a thing that is new here, from where it was first seen."""
        origin = origin_of(thing)
        right, clear = self._sides(origin, thing.box.h)
        walk = self._walks[thing.box.track or 0] = _Walk(origin, at_ns, right, clear, right & clear)
        return walk

    def _advance(self, walk: _Walk, foot: Place, right: int, clear: int) -> list[int]:
        """Go on to `foot`; the lines, by their place, that are crossed by now."""
        crossed: list[int] = []
        if right != walk.right or walk.through:
            for at in ones(right ^ walk.right):
                line = self._lines[at]
                walk.through[at] = walk.through.get(at, 0) + crossing(line.a, line.b, walk.foot, foot)
            crossed = [at for at in ones(clear & walk.known & (right ^ walk.clear_right)) if walk.through.get(at)]
            walk.through = {at: times for at, times in walk.through.items() if not clear >> at & 1}
        walk.foot, walk.right = foot, right
        walk.clear_right = (walk.clear_right & ~clear) | (right & clear)
        walk.known |= clear
        return crossed
