"""What a camera has learned to be normal: of the whole day, and of each hour of it."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

HOURS: Final = 24
SCORES_KEPT: Final = 6000
STATES: Final = ("count", "mean", "variance", "usual")
Floats = NDArray[np.float32]


class Cells:
    """One set of the anomaly model's state tensors for a grid of (rows, columns), and how long it was learned."""

    def __init__(self, grid: tuple[int, int]) -> None:
        self.whole: Floats = np.zeros((1, 6, *grid), np.float32)
        """All tensors, one after the other; those below are parts of it."""
        self.count, self.mean = self.whole[:, :1], self.whole[:, 1:3]
        self.variance, self.usual = self.whole[:, 3:5], self.whole[:, 5:]
        """Share of time with movement."""
        self.seconds = 0.0
        self.frames = 0
        self.active_frames = 0

    def tensors(self) -> dict[str, Floats]:
        """The model's state by the names of its inputs: always the same arrays."""
        return {"count": self.count, "mean": self.mean, "variance": self.variance, "usual": self.usual}

    def note(self, seconds: float, *, active: bool) -> None:
        """One more frame, so long after the last."""
        self.seconds += seconds
        self.frames += 1
        self.active_frames += active


class Baseline:
    """All that is known of a camera's normal. Belongs to one thread."""

    def __init__(self, grid: tuple[int, int]) -> None:
        self.grid = grid
        self.day = Cells(grid)
        self.hours = [Cells(grid) for _ in range(HOURS)]
        self.threshold = 0.0
        """Sigma; 0 until it was learned."""
        self.scores: deque[float] = deque(maxlen=SCORES_KEPT)
        """Of the last normal frames in which something moved."""
        self.taught: tuple[float, ...] = ()
        """Scores of alarms that people called normal."""
