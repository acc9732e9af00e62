"""Who is in which zone, since when, and who came in or left.

A thing is where its foot is. It is in a zone as soon as its foot is, and out only when the foot is clearly out or has
been out for a while: who stands on the border comes in once. One that is not seen for a moment is still where it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from contract.messages import Box
from contract.plan import Zone
from edge.vision.findings import Thing
from edge.vision.places.bits import ones
from edge.vision.places.geometry import Place, Polygons, distance, foot_of, within_picture

AWAITED_NS: Final = 2_500_000_000
"""Whoever is not seen for so long is gone; a little longer than tracks wait for one another."""
SEEN_NS: Final = 1_000_000_000
_BORDER: Final = 0.01
"""Shares of the picture's side: so far out of a zone is clearly out."""
_OUT_NS: Final = 1_000_000_000
_YOUNG_S: Final = 1.0
_FRAME: Final = 0.015
"""Whose box is so near to the picture's side comes in or goes out there."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A thing came into a zone (`entered`) or left it, at `at_ns`."""

    zone: Zone
    thing: Thing
    entered: bool
    at_ns: int


@dataclass(slots=True)
class Visitor:
    """A thing as last seen. Zones are bits, by their place in the plan: those it is in, those it was seen out of."""

    thing: Thing
    last_ns: int
    inside: int = 0
    was_out: int = 0
    since_ns: dict[int, int] = field(default_factory=dict)
    out_ns: dict[int, int] = field(default_factory=dict)


class Member(Struct, frozen=True):
    """A thing that is in a zone since `since_ns`."""

    thing: Thing
    since_ns: int


class Presence:
    """Who is in the zones of a plan."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._visitors: dict[int, Visitor] = {}
        self._draw(zones)

    def adopt(self, zones: Sequence[Zone]) -> None:
        """Watch these zones from now on; who is in one that is drawn as before stays in it."""
        before, drawn = self._zones, {zone.id: at for at, zone in enumerate(self._zones)}
        self._draw(zones)
        kept = {drawn[zone.id]: at for at, zone in enumerate(zones) if zone.id in drawn}
        kept = {old: new for old, new in kept.items() if before[old].points == zones[new].points}
        for visitor in self._visitors.values():
            visitor.inside, visitor.was_out = _moved(visitor.inside, kept), _moved(visitor.was_out, kept)
            visitor.since_ns = {kept[at]: ns for at, ns in visitor.since_ns.items() if at in kept}
            visitor.out_ns = {kept[at]: ns for at, ns in visitor.out_ns.items() if at in kept}

    def step(self, things: Sequence[Thing], feet: Sequence[Place], at_ns: int) -> list[Passage]:
        """Take one frame's things, each with its foot; return who came in and who left."""
        passages: list[Passage] = []
        for thing, foot in zip(things, feet, strict=True):
            now = self._polygons.holding(foot)
            visitor = self._visitors.get(thing.box.track or 0) or self._welcome(thing, now, at_ns)
            visitor.thing, visitor.last_ns = thing, at_ns
            if now != visitor.inside or visitor.out_ns:
                passages += self._change(visitor, now, foot, at_ns)
            visitor.was_out |= self._all & ~now
        return passages + self._forget(at_ns)

    def members(self, at_ns: int) -> list[list[Member]]:
        """Who is in each of the zones, in their order."""
        members: list[list[Member]] = [[] for _ in self._zones]
        for visitor in self._visitors.values():
            if visitor.inside and at_ns - visitor.last_ns <= SEEN_NS:
                for at, since_ns in visitor.since_ns.items():
                    members[at].append(Member(visitor.thing, since_ns))
        return members

    def reset(self) -> None:
        """Nobody is anywhere."""
        self._visitors.clear()

    def _draw(self, zones: Sequence[Zone]) -> None:
        self._zones = tuple(zones)
        self._polygons = Polygons([zone.points for zone in zones])
        self._all = 2 ** len(zones) - 1

    def _welcome(self, thing: Thing, now: int, at_ns: int) -> Visitor:
        """A thing that is new here: it comes from where it was first seen, or from outside of the picture."""
        was_out = self._all & ~self._polygons.holding(origin_of(thing))
        if _touches_frame(thing.box):
            was_out |= now
        visitor = self._visitors[thing.box.track or 0] = Visitor(thing, at_ns, was_out=was_out)
        return visitor

    def _change(self, visitor: Visitor, now: int, foot: Place, at_ns: int) -> Iterator[Passage]:
        for at in ones(now & ~visitor.inside):
            visitor.since_ns[at] = at_ns
            if visitor.was_out >> at & 1:
                yield Passage(self._zones[at], visitor.thing, entered=True, at_ns=at_ns)
        visitor.inside |= now
        for at in [at for at in visitor.out_ns if now >> at & 1]:
            del visitor.out_ns[at]
        for at in ones(visitor.inside & ~now):
            out_ns = visitor.out_ns.setdefault(at, at_ns)
            if at_ns - out_ns >= _OUT_NS or distance(self._zones[at].points, foot) > _BORDER:
                yield self._leave(visitor, at, at_ns)

    def _leave(self, visitor: Visitor, at: int, at_ns: int) -> Passage:
        visitor.inside &= ~(1 << at)
        del visitor.since_ns[at]
        visitor.out_ns.pop(at, None)
        return Passage(self._zones[at], visitor.thing, entered=False, at_ns=at_ns)

    def _forget(self, at_ns: int) -> list[Passage]:
        """Let go of those who are gone. Who was going out of the picture has left; who stood still is only not seen."""
        gone = [track for track, visitor in self._visitors.items() if at_ns - visitor.last_ns > AWAITED_NS]
        passages = []
        for track in gone:
            visitor = self._visitors.pop(track)
            if not visitor.thing.still and _touches_frame(visitor.thing.box):
                passages += [self._leave(visitor, at, visitor.last_ns) for at in ones(visitor.inside)]
        return passages


def origin_of(thing: Thing) -> Place:
    """Where the way of a thing begins that was not known here before: where it was first seen, if that was just now."""
    return within_picture(*thing.origin) if thing.origin and thing.age_s <= _YOUNG_S else foot_of(thing.box)


def _touches_frame(box: Box) -> bool:
    return min(box.x, box.y) <= _FRAME or max(box.x + box.w, box.y + box.h) >= 1 - _FRAME


def _moved(bits: int, kept: dict[int, int]) -> int:
    return sum(1 << kept[at] for at in ones(bits) if at in kept)
