"""Staying in one place for long, anywhere in the picture."""

from collections.abc import Sequence
from typing import Final

from edge.vision.findings import (
    ALARM_SIGMA,
    BOXES,
    LOITERING,
    Finding,
    Thing,
    confidence_of,
    place_of,
    severity_of,
)

_HABITUAL: Final = 0.2
"""Where something moves in more than this share of all frames, staying is no loitering: trees, flags, a till."""
_LOITERING_WORST: Final = 5.0


def find_loitering(things: Sequence[Thing], loitering_s: float) -> Finding | None:
    """That something stays in one place for `loitering_s` or longer, where movement is not the habit."""
    staying = [thing for thing in things if thing.dwell_s >= loitering_s and thing.habitual_share <= _HABITUAL]
    if not loitering_s or not staying:
        return None
    longest = max(staying, key=lambda thing: thing.dwell_s)
    score = min(ALARM_SIGMA * longest.dwell_s / loitering_s + 0.01, _LOITERING_WORST)
    place = place_of(longest.box.x + longest.box.w / 2, longest.box.y + longest.box.h / 2)
    return Finding(
        type=LOITERING,
        since_ns=longest.since_ns,
        severity=severity_of(score),
        confidence=confidence_of(score),
        reasoning=(
            f"something stays in the {place} for {longest.dwell_s:.0f} s; {loitering_s:.0f} s is the limit",
            f"movement there is seen in {longest.habitual_share:.1%} of all frames",
        ),
        boxes=tuple(thing.box for thing in staying[:BOXES]),
    )
