"""The emotion model's features in plain numpy: what the graph must compute, and what learning stands on.

`step` is one 5 s segment. It sees only the past minute, and what its memory carries of the time before. Everything is
chosen so that a rare sample (CASE as published: one in 6 s) and a 4 Hz stream give the same figure up to noise: levels
and slopes are least squares over whatever samples there are, weighted by age, and nothing counts peaks.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.training.emotion_change import CHANGE_COLUMNS, change_step

CHANNELS: Final = ("gsr_us", "hr_bpm", "skin_c", "ibi_ms")
RATE_HZ: Final = 4.0
CELLS: Final = 240
SEGMENT_S: Final = 5.0
LOWEST: Final = (0.05, 25.0, 15.0, 300.0)
HIGHEST: Final = (100.0, 220.0, 45.0, 2000.0)
"""Values outside are no body's: open electrodes, a lost beat, a sensor on the table. They count as absent."""
LOGARITHMIC: Final = (True, False, False, True)
"""Conductance is in ln(microsiemens) and the time between beats in ln(milliseconds): a person's changes are shares."""
CENTRE: Final = (0.0, 70.0, 32.0, 6.7)
"""Taken off before sums are made, for the sake of single precision."""
FAST_S, SLOW_S = 10.0, 30.0
"""Time constants of the two weightings by age."""
SLOPE_DAMPING_S2: Final = 25.0
"""Added to the variance of the samples' ages: one sample, or a burst, has no slope."""
PRIOR_SPREAD: Final = (0.1, 4.0, 0.2, 0.06)
PRIOR_TRUST: Final = 6.0
"""Segments for which the prior spread of a channel counts."""
MEMORY: Final = 720.0
"""Segments (an hour) after which the person's baseline begins to forget."""
ONSET_FADE: Final = 1 / 36
"""By how much of its distance the onset's level follows the level in a segment: a stimulus is over in minutes, and a
run without one must not drift away from its first moment for hours."""
COURSE: Final = 36.0
"""Segments (three minutes) after which the mean since the onset begins to forget: a run may have no other onset."""
REST_WEIGHT: Final = 4.0
"""How much a segment of a declared rest counts in the person's normal, beside any other segment's 1."""
REST_SEGMENTS: Final = 12.0
"""Segments (a minute) of declared rest that make a baseline complete."""
LIMIT: Final = 4.0
SLOT_S: Final = 2.0
COVERED_S: Final = 30.0
QUALITY_SHARE: Final = (0.7, 0.1, 0.15, 0.05)
"""What each channel's coverage counts for in the quality: emotion was learned from conductance first."""
ACQUAINTED: Final = 24.0
"""Segments (two minutes) after which a channel counts fully. Nobody was measured sooner: CASE's films begin later."""
BASELINE_COLUMNS: Final = ("segments seen", "mean", "sum of squares", "level at onset", "onset known")
COURSE_COLUMNS: Final = ("segments since onset", "mean of its distance from the onset")
KINDS: Final = ("level", "trend", "slope_fast", "slope_slow", "since_onset", "course")
FEATURES: Final = tuple(f"{channel}.{kind}" for kind in KINDS for channel in CHANNELS)

Array = NDArray[np.float64]


class Memory(NamedTuple):
    """What is carried from segment to segment; all zeros for a new person."""

    baseline: Array
    """`[channels, 5]`: the person's normal, and the level at the last onset."""
    course: Array
    """`[channels, 2]`: the course since the last onset."""
    change: Array
    """`[channels, 5]`: see `emotion_change`."""
    rested: Array
    """`[1]`: segments of declared rest so far."""


class Look(NamedTuple):
    """By channel: levels and slopes a second, by the fast and slow weighting; and the share of slots with values."""

    level: Array
    slope: Array
    slow_level: Array
    slow_slope: Array
    covered: Array


class Step(NamedTuple):
    """`features` `[kinds, channels]` in standard deviations of the person, `quality` 0..1, `change` in thresholds."""

    features: Array
    quality: float
    change: float
    baseline_state: int
    """0 no rest was declared, 1 too little of it yet, 2 enough."""
    memory: Memory


def ages_s() -> Array:
    """Age of the middle of each cell at the end of the window: negative seconds, oldest first."""
    ages: Array = (np.arange(CELLS, dtype=np.float64) - CELLS + 0.5) / RATE_HZ
    return ages


def kernels() -> Array:
    """`[6, cells]`: for each time constant the weights, and these times age and age squared."""
    age = ages_s()
    rows = [np.exp(age / tau) * age**power for tau in (FAST_S, SLOW_S) for power in (0, 1, 2)]
    return np.stack(rows)


def slots() -> Array:
    """`[15, cells]`: which cells of the last half minute lie in which slot of two seconds."""
    slot = np.floor(-ages_s() / SLOT_S)
    members: Array = (slot == np.arange(int(COVERED_S / SLOT_S))[:, None]).astype(np.float64)
    return members


def fresh_memory() -> Memory:
    """The memory of somebody of whom nothing is known."""
    count = len(CHANNELS)
    shapes = (count, len(BASELINE_COLUMNS)), (count, len(COURSE_COLUMNS)), (count, len(CHANGE_COLUMNS)), (1,)
    return Memory(*(np.zeros(shape) for shape in shapes))


def step(
    values: NDArray[np.floating], valid: NDArray[np.floating], memory: Memory, *, onset: bool, rest: bool = False
) -> Step:
    """One segment: `values` and `valid` are `[cells, channels]`.

    `onset` says that a new stimulus began with it, `rest` that it belongs to a declared rest. The first one of a rest
    begins the person's normal anew.
    """
    return advance(look(values, valid), memory, onset=onset, rest=rest)


def look(values: NDArray[np.floating], valid: NDArray[np.floating]) -> Look:
    """What the window alone shows; any number of windows `[..., cells, channels]` at once."""
    plain, mask = _prepared(values, valid)
    fast, slow = _moments(plain, mask)
    covered = (_SLOTS @ mask > 0).mean(-2)
    return Look(*fast, *slow, covered)


def advance(seen: Look, memory: Memory, *, onset: bool, rest: bool = False) -> Step:
    """`step` for a window that was looked at."""
    level = seen.level
    present = (seen.covered > 0).astype(float)
    rested = np.minimum(memory.rested + rest, MEMORY)
    known = memory.baseline * np.array([[1.0 - (rested[0] == 1 and rest)] * 3 + [1.0] * 2])
    after = _updated(known, level, present, onset, 1.0 + (REST_WEIGHT - 1.0) * rest)
    since = level - after[:, 3]
    course = _course(memory.course, since, present, onset)
    slopes = seen.slope * FAST_S, seen.slow_slope * SLOW_S
    rows = [level - after[:, 1], level - seen.slow_level, *slopes, since, course[:, 1]]
    acquainted = np.minimum(after[:, 0] / ACQUAINTED, 1.0)
    change, changed = change_step(memory.change, level, present)
    return Step(
        np.clip(np.stack(rows) / _spread(after), -LIMIT, LIMIT) * present,
        float(seen.covered @ (acquainted * np.array(QUALITY_SHARE))),
        change,
        int(rested[0] > 0) + int(rested[0] >= REST_SEGMENTS),
        Memory(after, course, changed, rested),
    )


def _prepared(values: NDArray[np.floating], valid: NDArray[np.floating]) -> tuple[Array, Array]:
    plain = np.asarray(values, float)
    mask = (valid > 0) & (plain >= LOWEST) & (plain <= HIGHEST)
    inside = np.where(mask, plain, 1.0)
    inside = np.where(LOGARITHMIC, np.log(inside), inside)
    return (inside - CENTRE) * mask, mask.astype(float)


def _moments(plain: Array, mask: Array) -> list[tuple[Array, Array]]:
    """Level and slope per channel, for each time constant: weighted least squares of value on age."""
    weighted, counted = _KERNELS @ plain, _KERNELS @ mask
    result = []
    for row in (0, 3):
        value, moment = (weighted[..., at, :] for at in (row, row + 1))
        count, ages, squares = (counted[..., at, :] for at in (row, row + 1, row + 2))
        total = np.maximum(count, 1e-6)
        level, age = value / total, ages / total
        spread = squares / total - age**2 + SLOPE_DAMPING_S2
        result.append((level, (moment / total - age * level) / spread))
    return result


def _updated(baseline: Array, level: Array, present: Array, onset: bool, weight: float) -> Array:
    """Welford's update where the channel is present, with a bounded memory; the onset's level is the first one seen."""
    segments, mean, squares, at_onset, known = baseline.T
    grown = segments + present * weight
    step = (level - mean) * present * weight
    moved = mean + step / np.maximum(grown, 1.0)
    squares = squares + step * (level - moved)
    kept = np.minimum(grown, MEMORY) / np.maximum(grown, 1.0)
    known = known * (1.0 - onset)
    start = np.where(known > 0, at_onset, level)
    at_onset = at_onset + (start + (level - start) * ONSET_FADE - at_onset) * present
    return np.stack([grown * kept, moved, squares * kept, at_onset, np.maximum(known, present)], axis=1)


def _course(course: Array, since: Array, present: Array, onset: bool) -> Array:
    """The mean distance from the onset so far."""
    count, mean = (course * (1.0 - onset)).T
    count = np.minimum(count + present, COURSE)
    return np.stack([count, mean + (since - mean) * present / np.maximum(count, 1.0)], axis=1)


def _spread(baseline: Array) -> Array:
    prior = np.array(PRIOR_SPREAD) ** 2 * PRIOR_TRUST
    spread: Array = np.sqrt((baseline[:, 2] + prior) / (baseline[:, 0] + PRIOR_TRUST))
    return spread


_KERNELS: Final = kernels()
_SLOTS: Final = slots()
