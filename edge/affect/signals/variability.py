"""Heart rate and its variability from intervals, over windows, and only from what was measured.

RMSSD and SDNN as in Task Force of the ESC and NASPE, Heart rate variability: standards of measurement, Circulation 93,
1996: SDNN over five minutes, RMSSD over one (enough for it: Munoz et al., PLoS ONE 10(9): e0138921, 2015). A corrected
interval counts in neither, and ends the chain of neighbours; too few of them give None, never a poor number.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from edge.affect.signals.intervals import Interval


def within(intervals: Iterable[Interval], until_ns: int, seconds: float) -> list[Interval]:
    """Those that ended in the `seconds` up to and with `until_ns`."""
    since = until_ns - round(seconds * 1e9)
    return [one for one in intervals if since < one.end_ns <= until_ns]


def rate_bpm(intervals: Sequence[Interval], *, least: int) -> float | None:
    """Beats a minute by the mean valid interval; None for fewer than `least` of them."""
    valid = [one.ms for one in intervals if one.kind == "valid"]
    return 60_000.0 * len(valid) / sum(valid) if len(valid) >= least else None


def rmssd_ms(intervals: Sequence[Interval], *, least: int) -> float | None:
    """Root of the mean squared difference of neighbouring valid intervals; None for fewer than `least` differences."""
    squares = [
        (after.ms - before.ms) ** 2
        for before, after in pairwise(intervals)
        if after.follows and before.kind == after.kind == "valid"
    ]
    return math.sqrt(sum(squares) / len(squares)) if len(squares) >= least else None


def sdnn_ms(intervals: Sequence[Interval], *, least: int) -> float | None:
    """Standard deviation (n - 1) of the valid intervals; None for fewer than `least`."""
    valid = [one.ms for one in intervals if one.kind == "valid"]
    if len(valid) < least:
        return None
    mean = sum(valid) / len(valid)
    return math.sqrt(sum((one - mean) ** 2 for one in valid) / (len(valid) - 1))
