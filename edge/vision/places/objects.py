"""What somebody has brought and left, and what somebody has taken away.

Something that stands still where it did not belong has come, by its outline, if it moved there itself or somebody was
near when it came: light that falls through a window brings nothing. From then on its spot of the picture is watched,
whoever walks past and whatever the background learns. The reverse is taken away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from contract.messages import Box
from contract.plan import LeftRule, RemovedRule, Zone
from edge.vision.findings import Finding, Thing
from edge.vision.pixels.luma import Floats, Plane
from edge.vision.places.geometry import share_inside
from edge.vision.places.patches import Patch, View, cut, kind_of, state_of, stirs, take
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
_GRID: Final = (12, 16)
_NEAR: Final = 0.03
_CAME_S: Final = 0.5
_WALKS: Final = 0.03
_BEFORE_NS: Final = 2_000_000_000
_LOOK_NS: Final = 250_000_000
_JUDGE_NS: Final = 500_000_000
_DOUBT_NS: Final = 1_500_000_000
"""So long a spot must look as it did before."""
_SWAYS_NS: Final = 2_000_000_000
_HIDDEN_NS: Final = 120_000_000_000
_ATTENDED_NS: Final = 3_000_000_000
_PAUSE_NS: Final = 500_000_000
_BELONGS_NS: Final = 3_600_000_000_000
"""What has been there for an hour belongs to the scene."""
_TOLD_NS: Final = 600_000_000_000
"""For so long it is told that something was left or taken; who does not care by then knows."""
_MOST: Final = 32
_LARGEST: Final = 0.25
_WITHIN: Final = 0.5
_SAME: Final = 0.5
_TOGETHER: Final = 0.2
_PERSON: Final = "person"


@dataclass(slots=True, kw_only=True)
class _Spot:
    """A place where something has come or gone: whether that holds, since when, and when it was last sure.

    It is remembered when it holds no more: what is fetched again leaves no gap, and what is put back is not brought.
    """

    kind: Literal["come", "gone"]
    box: Box
    label: str
    patch: Patch
    since_ns: int
    began_ns: int
    sure_ns: int
    looked_ns: int
    lately: Floats
    lately_ns: int
    holds: bool = True
    doubt_ns: int | None = None
    attended_ns: int = 0
    touched_ns: int = -_BELONGS_NS

    def look(self, luma: Plane, at_ns: int) -> None:
        """See whether it still holds."""
        self.looked_ns = at_ns
        state = state_of(self.patch, luma)
        if state == "hidden":
            return
        self.sure_ns = at_ns
        if state == "holds":
            self.doubt_ns = None
            self._look_whether_it_stirs(luma, at_ns)
        elif self.doubt_ns is None:
            self.doubt_ns = at_ns
        elif at_ns - self.doubt_ns >= _DOUBT_NS:
            self.holds = False

    def _look_whether_it_stirs(self, luma: Plane, at_ns: int) -> None:
        """Who stands and waits is no object: a person sways, an object does not."""
        if at_ns - self.lately_ns < _SWAYS_NS:
            return
        before, self.lately = self.lately, cut(self.patch, luma)
        if self.touched_ns < self.lately_ns and stirs(self.patch, before, self.lately):
            self.since_ns = at_ns
        self.lately_ns = at_ns


class Objects:
    """The objects that were left in, or taken from, the zones of one camera."""

    def __init__(self) -> None:
        self._spots: list[_Spot] = []
        self._judged: dict[int | None, int] = {}
        self._shape: tuple[int, ...] = ()
        self._moved_ns = np.full(_GRID, -_BELONGS_NS, np.int64)

    def step(self, things: Sequence[Thing], view: View, rules: Sequence[ObjectRule], at_ns: int) -> None:
        """Look at one frame, where rules ask for it."""
        if view.luma.shape != self._shape:
            self.reset()
            self._shape = view.luma.shape
        for thing in things:
            self._note_movement(thing, at_ns)
        for spot in self._spots:
            if spot.holds:
                self._watch(spot, things, view.luma, at_ns)
        self._spots = [spot for spot in self._spots if not _is_over(spot, at_ns)][-_MOST:]
        for thing in things:
            if thing.still and self._is_due(thing, at_ns) and _concerns(rules, thing.box):
                self._judge(thing, view, at_ns)
        self._judged = {track: ns for track, ns in self._judged.items() if at_ns - ns < _JUDGE_NS}

    def findings(self, zone: Zone, rule: LeftRule | RemovedRule, when: When) -> list[Finding]:
        """What `rule` has to say about the spots in `zone`."""
        kind = "come" if isinstance(rule, LeftRule) else "gone"
        spots = [spot for spot in self._spots if spot.kind == kind and _is_told(spot, rule, when.at_ns)]
        return [
            told(_case(spot, zone, rule, when.at_ns), zone, rule, when)
            for spot in spots
            if fits(rule.labels, spot.label) and share_inside(spot.box, zone.points) >= _WITHIN
        ]

    def reset(self) -> None:
        """Forget all spots."""
        self._spots.clear()
        self._judged.clear()
        self._moved_ns[:] = -_BELONGS_NS

    def _note_movement(self, thing: Thing, at_ns: int) -> None:
        if not thing.still and (thing.speed >= _WALKS or thing.moving_s >= _CAME_S):
            self._moved_ns[_cells(thing.box)] = at_ns

    def _watch(self, spot: _Spot, things: Sequence[Thing], luma: Plane, at_ns: int) -> None:
        for thing in things:
            if not thing.still:
                _note_company(spot, thing, at_ns)
        if at_ns - spot.looked_ns >= _LOOK_NS:
            spot.look(luma, at_ns)

    def _is_due(self, thing: Thing, at_ns: int) -> bool:
        return thing.box.w * thing.box.h <= _LARGEST and thing.box.track not in self._judged

    def _judge(self, thing: Thing, view: View, at_ns: int) -> None:
        """Whether a still thing is one that has come, or the place of one that has gone."""
        self._judged[thing.box.track] = at_ns
        stopped_ns = thing.since_ns + round(thing.moving_s * 1e9)
        known = [spot for spot in self._spots if _overlap(spot.box, thing.box) >= _TOGETHER]
        if thing.box.label == _PERSON or any(spot.holds for spot in known):
            return
        kind = kind_of(thing.box, view) if self._was_moved(thing, stopped_ns) else "none"
        patch = take(thing.box, view) if kind != "none" else None
        if patch is None or kind == "none" or any(spot.kind != kind for spot in known):
            return
        self._spots.append(
            _Spot(
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


def _note_company(spot: _Spot, thing: Thing, at_ns: int) -> None:
    """Something moves: the object itself, or somebody who is with it."""
    if _overlap(spot.box, thing.box) >= _SAME:
        spot.since_ns = at_ns
    elif thing.box.w * thing.box.h >= spot.box.w * spot.box.h and _touches(spot.box, thing.box):
        if at_ns - spot.touched_ns > _PAUSE_NS:
            spot.attended_ns = at_ns
        spot.touched_ns = at_ns
        if spot.kind == "come" and at_ns - spot.attended_ns >= _ATTENDED_NS:
            spot.since_ns = at_ns


def _is_over(spot: _Spot, at_ns: int) -> bool:
    return (spot.holds and at_ns - spot.sure_ns > _HIDDEN_NS) or at_ns - spot.began_ns > _BELONGS_NS


def _is_told(spot: _Spot, rule: LeftRule | RemovedRule, at_ns: int) -> bool:
    return spot.holds and rule.after_s * 1e9 <= at_ns - spot.since_ns <= rule.after_s * 1e9 + _TOLD_NS


def _case(spot: _Spot, zone: Zone, rule: LeftRule | RemovedRule, at_ns: int) -> Case:
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


def _concerns(rules: Sequence[ObjectRule], box: Box) -> bool:
    return any(share_inside(box, zone.points) >= _WITHIN for zone, _ in rules)


def _cells(box: Box) -> tuple[slice, slice]:
    """The cells of the grid that a box and a little around it touches."""
    rows, columns = _GRID
    return _span(box.y, box.h, rows), _span(box.x, box.w, columns)


def _span(start: float, length: float, cells: int) -> slice:
    first = min(max(int((start - _NEAR) * cells), 0), cells - 1)
    return slice(first, min(max(int((start + length + _NEAR) * cells), first), cells - 1) + 1)


def _overlap(a: Box, b: Box) -> float:
    shared = _common(a.x, a.w, b.x, b.w) * _common(a.y, a.h, b.y, b.h)
    return shared / max(a.w * a.h + b.w * b.h - shared, 1e-9)


def _touches(a: Box, b: Box) -> bool:
    near = 2 * _NEAR
    return _common(a.x - _NEAR, a.w + near, b.x, b.w) > 0 and _common(a.y - _NEAR, a.h + near, b.y, b.h) > 0


def _common(start: float, length: float, other: float, span: float) -> float:
    return max(min(start + length, other + span) - max(start, other), 0.0)
