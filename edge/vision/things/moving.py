"""Plain motion: that something moves, whatever it is."""

import math
from collections.abc import Sequence
from typing import Final

from edge.vision.findings import BOXES, MOTION, Finding, Thing

_OFTEN: Final = 0.05
"""Share of time with movement at a place from which movement there is a habit."""
_LONGER: Final = 4.0
"""What only swings where movement is a habit, as a tree in the wind does, must do so for so many times as long."""


def find_motion(things: Sequence[Thing], min_motion_s: float) -> Finding | None:
    """That something has been moving for `min_motion_s` or longer."""
    lasting = [thing for thing in things if not thing.still and _lasts(thing, min_motion_s)]
    if not lasting:
        return None
    longest = max(lasting, key=lambda thing: thing.moving_s)
    words = f"{_counted(len(lasting), 'thing')} moving, the longest for {longest.moving_s:.1f} s"
    return Finding(
        type=MOTION,
        since_ns=longest.since_ns,
        severity="LOW",
        confidence=round(min(longest.moving_s / (4 * min_motion_s), 1.0), 3),
        reasoning=(words,),
        boxes=tuple(thing.box for thing in lasting[:BOXES]),
    )


def _lasts(thing: Thing, min_motion_s: float) -> bool:
    if thing.moving_s >= min_motion_s * _LONGER:
        return True
    return thing.moving_s >= min_motion_s and not (thing.habitual_share >= _OFTEN and _swings(thing))


def _swings(thing: Thing) -> bool:
    """Whether it is nearer to where it was first seen than it is large."""
    if thing.origin is None:
        return False
    box, (x, y) = thing.box, thing.origin
    return math.hypot(box.x + box.w / 2 - x, box.y + box.h - y) < max(box.w, box.h)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
