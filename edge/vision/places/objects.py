"""What somebody has brought and left, and what somebody has taken away.

Something that stands still where it did not belong has come, by its outline, if it moved there itself or somebody was
near when it came: light that falls through a window brings nothing. From then on its spot of the picture is watched,
whoever walks past and whatever the background learns. The reverse is taken away.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from contract.messages import Box
from contract.plan import LeftRule, RemovedRule, Zone
from edge.vision.findings import Finding, Thing
from edge.vision.places.geometry import Place, share_inside
from edge.vision.places.patches import View, kind_of, take
from edge.vision.places.spots import Spot, overlap
from edge.vision.places.telling import (
    OBJECT_LEFT,
    OBJECT_REMOVED,
    UNLABELLED,
    Case,
    When,
    against,
    fits,
    told,
    zone_name,
)

ObjectRule = tuple[Zone, LeftRule | RemovedRule]
_NEVER_NS: Final = -(2**62)
_GRID: Final = (12, 16)
"""Rows and columns in which is noted when somebody was last there."""
_NEAR: Final = 0.03
_CAME_S: Final = 0.5
"""What moved for so long before it stood still came by itself."""
_WALKS: Final = 0.03
"""Picture widths a second: who is faster goes somewhere, and does not just appear as light does."""
_BEFORE_NS: Final = 2_000_000_000
"""Who brought or took it was there at most so long before it stood still."""
_JUDGE_NS: Final = 500_000_000
"""A thing that stands still is looked at so often, until it is known what it is."""
_TOLD_NS: Final = 600_000_000_000
"""For so long it is told that something was left or taken; who does not care by then knows."""
_MOST: Final = 32
_LARGEST: Final = 0.25
"""A share of the picture; what is larger is no object."""
_WITHIN: Final = 0.5
"""An object is in a zone if so much of its box is."""
_TOGETHER: Final = 0.2
"""Boxes that overlap so much are about one spot."""
_PERSON: Final = "person"


class Objects:
    """The objects that were left in, or taken from, the zones of one camera."""

    def __init__(self) -> None:
        self._spots: list[Spot] = []
        self._judged: dict[int | None, int] = {}
        self._shape: tuple[int, ...] = ()
        self._moved_ns = np.full(_GRID, _NEVER_NS, np.int64)

    def step(self, things: Sequence[Thing], view: View, zones: Sequence[Zone], at_ns: int) -> None:
        """Look at one frame, in `zones`."""
        if view.luma.shape != self._shape:
            self.reset()
            self._shape = view.luma.shape
        for thing in things:
            self._note_movement(thing, at_ns)
        for spot in self._spots:
            if spot.holds:
                spot.watch(things, view.luma, at_ns)
        self._spots = [spot for spot in self._spots if not spot.is_over(at_ns)][-_MOST:]
        for thing in things:
            if thing.still and self._is_due(thing, at_ns) and _lies_in(zones, thing.box):
                self._judge(thing, view, at_ns)
        self._judged = {track: ns for track, ns in self._judged.items() if at_ns - ns < _JUDGE_NS}

    def findings(self, rules: Sequence[ObjectRule], when: When) -> list[Finding]:
        """What `rules`, in their order, have to say about the spots."""
        holding = [spot for spot in self._spots if spot.holds]
        if not holding:
            return []
        return [
            told(_case(spot, zone, rule, when.at_ns), zone, rule, when)
            for zone, rule in rules
            for spot in holding
            if _is_told(spot, rule, when.at_ns) and fits(rule.labels, spot.label) and _is_in(spot.box, zone.points)
        ]

    def reset(self) -> None:
        """Forget all spots."""
        self._spots.clear()
        self._judged.clear()
        self._moved_ns[:] = _NEVER_NS

    def _note_movement(self, thing: Thing, at_ns: int) -> None:
        if not thing.still and (thing.speed >= _WALKS or thing.moving_s >= _CAME_S):
            self._moved_ns[_cells(thing.box)] = at_ns

    def _is_due(self, thing: Thing, at_ns: int) -> bool:
        return thing.box.w * thing.box.h <= _LARGEST and thing.box.track not in self._judged

    def _judge(self, thing: Thing, view: View, at_ns: int) -> None:
        """Whether a still thing is one that has come, or the place of one that has gone."""
        self._judged[thing.box.track] = at_ns
        stopped_ns = thing.since_ns + round(thing.moving_s * 1e9)
        known = [spot for spot in self._spots if overlap(spot.box, thing.box) >= _TOGETHER]
        if thing.box.label == _PERSON or any(spot.holds for spot in known):
            return
        kind = kind_of(thing.box, view) if self._was_moved(thing, stopped_ns) else "none"
        patch = take(thing.box, view) if kind != "none" else None
        if patch is None or kind == "none" or any(spot.explains(kind, view) for spot in known):
            return
        self._spots.append(
            Spot(
                kind=kind,
                box=thing.box,
                label=thing.box.label,
                patch=patch,
                since_ns=stopped_ns,
                began_ns=stopped_ns,
                sure_ns=at_ns,
                looked_ns=at_ns,
                lately=patch.after,
                lately_ns=at_ns,
            )
        )

    def _was_moved(self, thing: Thing, stopped_ns: int) -> bool:
        """Whether it came by itself, or somebody was there when it came."""
        return thing.moving_s >= _CAME_S or bool(self._moved_ns[_cells(thing.box)].max() >= stopped_ns - _BEFORE_NS)


def _is_told(spot: Spot, rule: LeftRule | RemovedRule, at_ns: int) -> bool:
    is_meant = spot.kind == ("come" if isinstance(rule, LeftRule) else "gone")
    return is_meant and rule.after_s * 1e9 <= at_ns - spot.since_ns <= rule.after_s * 1e9 + _TOLD_NS


def _case(spot: Spot, zone: Zone, rule: LeftRule | RemovedRule, at_ns: int) -> Case:
    seconds = (at_ns - spot.since_ns) / 1e9
    what = "something" if spot.label in UNLABELLED else f"something ({spot.label})"
    if spot.kind == "come":
        kind = OBJECT_LEFT
        words = f"{what} was brought into {zone_name(zone)} and stands there alone for {seconds:.0f} s"
    else:
        kind = OBJECT_REMOVED
        words = f"{what} that belonged to {zone_name(zone)} is gone for {seconds:.0f} s"
    return Case(
        type=kind,
        since_ns=spot.since_ns,
        boxes=(spot.box,),
        confidence=against(seconds, rule.after_s),
        words=f"{words}; {rule.after_s:.0f} s is the limit",
    )


def _lies_in(zones: Sequence[Zone], box: Box) -> bool:
    return any(_is_in(box, zone.points) for zone in zones)


@lru_cache(maxsize=256)
def _is_in(box: Box, points: tuple[Place, ...]) -> bool:
    """Asked with each frame of what stands still."""
    return share_inside(box, points) >= _WITHIN


def _cells(box: Box) -> tuple[slice, slice]:
    """The cells of the grid that a box and a little around it touches."""
    rows, columns = _GRID
    return _span(box.y, box.h, rows), _span(box.x, box.w, columns)


def _span(start: float, length: float, cells: int) -> slice:
    first = min(max(int((start - _NEAR) * cells), 0), cells - 1)
    return slice(first, min(max(int((start + length + _NEAR) * cells), first), cells - 1) + 1)
