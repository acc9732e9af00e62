"""When did the body change: a causal change-point statistic in plain numpy, which the graph must compute too.

Page's two-sided cumulative sum (E. S. Page, Biometrika 41, 1954) over how far each channel's level moved in a segment,
in the spread of its own past moves. Neither the moment of a stimulus nor any label goes into it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CHANGE_COLUMNS: Final = ("moves seen", "level before", "sum of squared moves", "sum of rises", "sum of falls")
ALLOWANCE: Final = 0.5
"""What a move may be, in standard deviations, without adding to a sum; half of the shift that is looked for."""
THRESHOLD: Final = 5.0
"""A sum that counts as a change, in standard deviations."""
MOVE_LIMIT: Final = 4.0
CHANGE_MEMORY: Final = 120.0
"""Segments (ten minutes) after which old moves are forgotten."""
PRIOR_MOVE: Final = (0.03, 1.5, 0.04, 0.03)
"""Standard deviation of a move, by channel, before any was seen."""
PRIOR_MOVES: Final = 6.0
FIRST_MOVES: Final = 6.0
"""Segments of a channel that add nothing: its level is only just being found."""


def change_step(change: Array, level: Array, present: Array) -> tuple[float, Array]:
    """The score of a segment (1: a change) and the state after it. A sum that reached 1 begins anew."""
    seen, before, squares, rises, falls = change.T
    known = present * (seen > 0)
    move = (level - before) * known
    spread = np.sqrt((squares + np.square(PRIOR_MOVE) * PRIOR_MOVES) / (np.maximum(seen - 1.0, 0.0) + PRIOR_MOVES))
    scaled = np.clip(move / spread, -MOVE_LIMIT, MOVE_LIMIT)
    counted = known * (seen >= FIRST_MOVES)
    rises = np.maximum(rises + (scaled - ALLOWANCE) * counted, 0.0)
    falls = np.maximum(falls - (scaled + ALLOWANCE) * counted, 0.0)
    score = float(np.maximum(rises, falls).max()) / THRESHOLD
    kept = 1.0 - (score >= 1.0)
    grown = seen + present
    share = np.minimum(grown, CHANGE_MEMORY) / np.maximum(grown, 1.0)
    before = before + (level - before) * present
    return score, np.stack([grown * share, before, (squares + move**2) * share, rises * kept, falls * kept], axis=1)
