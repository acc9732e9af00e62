"""A place of the picture where something has come or gone: whether that still holds, since when, who is with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from contract.messages import Box
from edge.vision.findings import Thing
from edge.vision.pixels.luma import Floats, Plane
from edge.vision.places.patches import Patch, View, cut, state_of, stirs

_NEAR: Final = 0.03
"""Shares of the picture's side: whose box is so near touches it."""
_LOOK_NS: Final = 250_000_000
"""So often a spot is looked at."""
_DOUBT_NS: Final = 1_500_000_000
"""So long a spot must look as it did before."""
_SWAYS_NS: Final = 2_000_000_000
"""Who stands has swayed within so long."""
_HIDDEN_NS: Final = 120_000_000_000
"""What was not seen for so long is not known any more."""
_ATTENDED_NS: Final = 3_000_000_000
_PAUSE_NS: Final = 1_500_000_000
"""Who moves close by for so long, pauses apart, is with it and does not just walk past."""
_BELONGS_NS: Final = 3_600_000_000_000
"""What has been there for an hour belongs to the scene."""
_SAME: Final = 0.5
"""Boxes that overlap so much are of one thing."""
Kind = Literal["come", "gone"]


@dataclass(slots=True, kw_only=True)
class Spot:
    """A place where something has come or gone: whether that holds, since when, and when it was last sure.

    It is remembered when it holds no more: what is fetched again leaves no gap, and what is put back is not brought.
    """

    kind: Kind
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

    def watch(self, things: Sequence[Thing], luma: Plane, at_ns: int) -> None:
        """See who is with it, and now and then whether it still holds."""
        for thing in things:
            if not thing.still:
                self._note_company(thing, at_ns)
        if at_ns - self.looked_ns >= _LOOK_NS:
            self._look(luma, at_ns)

    def explains(self, kind: Kind, view: View) -> bool:
        """Whether what seems to have come here is only back, or what seems to be gone is only what had come before."""
        if self.kind == kind:
            return False
        if kind == "come":
            return state_of(self.patch, view.luma) == "undone"
        return state_of(self.patch, view.background) == "holds"

    def is_over(self, at_ns: int) -> bool:
        """Whether it need not be remembered any more."""
        return (self.holds and at_ns - self.sure_ns > _HIDDEN_NS) or at_ns - self.began_ns > _BELONGS_NS

    def _note_company(self, thing: Thing, at_ns: int) -> None:
        """Something moves: the object itself, or somebody who is with it."""
        box, size = thing.box, self.box.w * self.box.h
        if overlap(self.box, box) >= _SAME:
            self.since_ns = at_ns
        elif box.w * box.h >= size and _touches(self.box, box):
            if at_ns - self.touched_ns > _PAUSE_NS:
                self.attended_ns = at_ns
            self.touched_ns = at_ns
            if self.kind == "come" and at_ns - self.attended_ns >= _ATTENDED_NS:
                self.since_ns = at_ns

    def _look(self, luma: Plane, at_ns: int) -> None:
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


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    shared = _common(a.x, a.w, b.x, b.w) * _common(a.y, a.h, b.y, b.h)
    return shared / max(a.w * a.h + b.w * b.h - shared, 1e-9)


def _touches(a: Box, b: Box) -> bool:
    near = 2 * _NEAR
    return _common(a.x - _NEAR, a.w + near, b.x, b.w) > 0 and _common(a.y - _NEAR, a.h + near, b.y, b.h) > 0


def _common(start: float, length: float, other: float, span: float) -> float:
    return max(min(start + length, other + span) - max(start, other), 0.0)
