"""The emotion model's features in plain numpy: what the graph must compute, and what learning stands on.

`step` is one 5 s segment. It sees only the past minute, and what the baseline carries of the time before. Everything is
chosen so that a rare sample (CASE as published: one in 6 s) and a 4 Hz stream give the same figure up to noise: levels
and slopes are least squares over whatever samples there are, weighted by age, and nothing counts peaks.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

CHANNELS: Final = ("gsr_us", "hr_bpm", "skin_c")
RATE_HZ: Final = 4.0
CELLS: Final = 240
SEGMENT_S: Final = 5.0
LOWEST: Final = (0.05, 25.0, 15.0)
HIGHEST: Final = (100.0, 220.0, 45.0)
"""Values outside are no body's: open electrodes, a lost beat, a sensor on the table. They count as absent."""
CENTRE: Final = (0.0, 70.0, 32.0)
"""Taken off before sums are made, for the sake of single precision; conductance is in ln(microsiemens)."""
FAST_S, SLOW_S = 10.0, 30.0
"""Time constants of the two weightings by age."""
SLOPE_DAMPING_S2: Final = 25.0
"""Added to the variance of the samples' ages: one sample, or a burst, has no slope."""
PRIOR_SPREAD: Final = (0.1, 4.0, 0.2)
PRIOR_TRUST: Final = 6.0
"""Segments for which the prior spread of a channel counts."""
MEMORY: Final = 720.0
"""Segments (an hour) after which the person's baseline begins to forget."""
ONSET_FADE: Final = 1 / 36
"""By how much of its distance the onset's level follows the level in a segment: a stimulus is over in minutes, and a
run without one must not drift away from its first moment for hours."""
LIMIT: Final = 4.0
SLOT_S: Final = 2.0
COVERED_S: Final = 30.0
QUALITY_SHARE: Final = (0.7, 0.15, 0.15)
"""What each channel's coverage counts for in the quality: emotion was learned from conductance first."""
ACQUAINTED: Final = 24.0
"""Segments (two minutes) after which a channel counts fully. Nobody was measured sooner: CASE's films begin later."""
BASELINE_COLUMNS: Final = ("segments seen", "mean", "sum of squares", "level at onset", "onset known")
FEATURES: Final = ("level", "trend", "slope_fast", "slope_slow", "since_onset")

Array = NDArray[np.float64]


class Step(NamedTuple):
    """`features` `[5, channels]` in standard deviations of the person, `quality` 0..1, `baseline` `[channels, 5]`."""

    features: Array
    quality: float
    baseline: Array


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


def fresh_baseline() -> Array:
    """The baseline of somebody of whom nothing is known."""
    return np.zeros((len(CHANNELS), len(BASELINE_COLUMNS)))


def step(values: NDArray[np.floating], valid: NDArray[np.floating], onset: bool, baseline: Array) -> Step:
    """One segment: `values` and `valid` are `[cells, channels]`; `onset` says that a new stimulus began with it."""
    plain, mask = _prepared(values, valid)
    fast, slow = _moments(plain, mask)
    covered = (slots() @ mask > 0).astype(float)
    present = (covered.sum(0) > 0).astype(float)
    after = _updated(baseline, fast[0], present, onset)
    spread = _spread(after)
    features = np.stack(
        [
            fast[0] - after[:, 1],
            fast[0] - slow[0],
            fast[1] * FAST_S,
            slow[1] * SLOW_S,
            fast[0] - after[:, 3],
        ]
    )
    acquainted = np.minimum(after[:, 0] / ACQUAINTED, 1.0)
    quality = float(covered.mean(0) @ (acquainted * np.array(QUALITY_SHARE)))
    return Step(np.clip(features / spread, -LIMIT, LIMIT) * present, quality, after)


def _prepared(values: NDArray[np.floating], valid: NDArray[np.floating]) -> tuple[Array, Array]:
    plain = np.asarray(values, float)
    mask = (valid > 0) & (plain >= LOWEST) & (plain <= HIGHEST)
    inside = np.where(mask, plain, 1.0)
    inside[:, 0] = np.log(inside[:, 0])
    return (inside - CENTRE) * mask, mask.astype(float)


def _moments(plain: Array, mask: Array) -> list[tuple[Array, Array]]:
    """Level and slope per channel, for each time constant: weighted least squares of value on age."""
    weighted, counted = kernels() @ plain, kernels() @ mask
    result = []
    for row in (0, 3):
        total = np.maximum(counted[row], 1e-6)
        level, age = weighted[row] / total, counted[row + 1] / total
        spread = counted[row + 2] / total - age**2 + SLOPE_DAMPING_S2
        result.append((level, (weighted[row + 1] / total - age * level) / spread))
    return result


def _updated(baseline: Array, level: Array, present: Array, onset: bool) -> Array:
    """Welford's update where the channel is present, with a bounded memory; the onset's level is the first one seen."""
    segments, mean, squares, at_onset, known = baseline.T
    grown = segments + present
    step = (level - mean) * present
    moved = mean + step / np.maximum(grown, 1.0)
    squares = squares + step * (level - moved)
    kept = np.minimum(grown, MEMORY) / np.maximum(grown, 1.0)
    known = known * (1.0 - onset)
    start = np.where(known > 0, at_onset, level)
    at_onset = at_onset + (start + (level - start) * ONSET_FADE - at_onset) * present
    return np.stack([grown * kept, moved, squares * kept, at_onset, np.maximum(known, present)], axis=1)


def _spread(baseline: Array) -> Array:
    prior = np.array(PRIOR_SPREAD) ** 2 * PRIOR_TRUST
    spread: Array = np.sqrt((baseline[:, 2] + prior) / (baseline[:, 0] + PRIOR_TRUST))
    return spread
