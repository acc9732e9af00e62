"""Plain motion: that something moves, whatever it is."""

from collections.abc import Sequence

from edge.vision.findings import BOXES, MOTION, Finding, Thing


def find_motion(things: Sequence[Thing], min_motion_s: float) -> Finding | None:
    """That something has been moving for `min_motion_s` or longer."""
    lasting = [thing for thing in things if not thing.still and thing.moving_s >= min_motion_s]
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


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
