"""Anomaly: runs the model of the task `anomaly`, and learns from its scores where the alarm begins.

The normal is learned in the model's state tensors, the alarm's threshold here: `MARGIN` times the `QUANTILE` of the
scores of normal moving frames (measured on UCSD Ped2: no false alarm, two thirds of the abnormal frames, every clip).
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.models.session import Model
from edge.vision.pixels.luma import CELL, Plane
from edge.vision.unusual.baseline import Baseline

MARGIN: Final = 1.25
QUANTILE: Final = 0.995
LEAST_THRESHOLD: Final = 4.0
"""However calm the scene, less than this many standard deviations is no alarm."""
_SMOOTHED: Final = 5
_TOP: Final = 3
_REVIEW_EVERY: Final = 100
_CREEP: Final = 0.005
"""Once learned, the threshold moves by at most this share with every `_REVIEW_EVERY` normal moving frames."""
_LEAST_SCORES: Final = 20
_PATIENCE: Final = 10
FEATURES: Final = ("change", "speed")


@dataclass(frozen=True, slots=True)
class Cell:
    """An unusual cell: its place in normalised picture coordinates, its features and their deviations in sigma."""

    x: float
    y: float
    w: float
    h: float
    change: float
    speed: float
    change_sigma: float
    speed_sigma: float


@dataclass(frozen=True, slots=True)
class Reading:
    """How unusual one frame is. `cells` are the most unusual ones, empty unless `over`."""

    score: float
    threshold: float
    over: bool
    complete: bool
    progress: float
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How much must be seen before the first alarm, and how ready the alarm is after it."""

    frames: int
    active_frames: int
    sensitivity: float


class AnomalyDetector:
    """Judges planes of one size with their motion masks. Belongs to one thread; `baseline` is what it has learned."""

    def __init__(self, model: Model, size: tuple[int, int], learning: Learning, baseline: Baseline) -> None:
        self._learning = learning
        self.baseline = baseline
        self._grid = size[1] // CELL, size[0] // CELL
        self._recent: deque[float] = deque(maxlen=_SMOOTHED)
        self._fresh = True
        planes = [np.zeros((1, 1, size[1], size[0]), np.float32) for _ in range(2)]
        self._planes = planes
        self._luma, self._mask = (np.zeros((1, 1, size[1], size[0]), np.uint8) for _ in range(2))
        self._learn, self._gate, self._score = (np.zeros(1, np.float32) for _ in range(3))
        self._deviation, self._features = (np.zeros((1, 2, *self._grid), np.float32) for _ in range(2))
        self._active = np.zeros((1, 1, *self._grid), np.float32)
        self._next = baseline.blank_tensors()
        self._turns = [model.bind(self._inputs(turn), self._outputs(turn)) for turn in range(2)]
        self._turn = 0

    @property
    def complete(self) -> bool:
        """Whether enough was learned to raise an alarm."""
        seen = self.baseline
        if seen.frames >= self._learning.frames * _PATIENCE:
            return True
        return seen.frames >= self._learning.frames and seen.active_frames >= self._learning.active_frames

    @property
    def progress(self) -> float:
        """How far learning is, 0 to 1."""
        if self.complete:
            return 1.0
        frames = self.baseline.frames / self._learning.frames
        active = self.baseline.active_frames / self._learning.active_frames
        patience = self.baseline.frames / (self._learning.frames * _PATIENCE)
        return min(max(min(frames, active), patience), 0.999)

    @property
    def threshold(self) -> float:
        """The score at which a frame is unusual, sigma."""
        return max(LEAST_THRESHOLD, self.baseline.threshold) / self._learning.sensitivity

    def step(self, luma: Plane, mask: Plane, *, usable: bool) -> Reading:
        """Judge one plane and learn from it. Raise `ModelError` if the model fails.

        Not `usable` is a plane whose difference from the one before says nothing: after a gap, or while the background
        is still being learned. It becomes the plane before and is neither judged nor learned from.
        """
        usable, self._fresh = usable and not self._fresh, False
        self._luma[0, 0], self._mask[0, 0] = luma, mask
        complete, threshold = self.complete, self.threshold
        self._learn[0] = usable
        self._gate[0] = threshold if complete else np.inf
        self._turns[self._turn].run()
        self._turn = 1 - self._turn
        if not usable:
            return Reading(0.0, threshold, over=False, complete=complete, progress=self.progress)
        self._swap_state()
        return self._judge(threshold, complete)

    def cut(self) -> None:
        """The next plane does not follow the last one: forget the recent scores and the plane before."""
        self._fresh = True
        self._recent.clear()

    def habitual_share(self, x: float, y: float) -> float:
        """The share of all frames in which something moved at this place, 0 to 1."""
        row, column = (min(int(at * size), size - 1) for at, size in zip((y, x), self._grid, strict=True))
        return float(self.baseline.count[0, 0, row, column]) / max(self.baseline.frames, 1)

    def _judge(self, threshold: float, complete: bool) -> Reading:
        self._recent.append(float(self._score[0]))
        score = sorted(self._recent)[len(self._recent) // 2]
        over = complete and score > threshold
        self._note(score, over)
        cells = self._unusual_cells() if over else ()
        return Reading(score, threshold, over=over, complete=complete, progress=self.progress, cells=cells)

    def _note(self, score: float, over: bool) -> None:
        """Count the frame, and take its score for the threshold if it is normal and something moved."""
        seen = self.baseline
        active = bool(self._active.any())
        seen.frames += 1
        seen.active_frames += active
        settled = min(seen.frames / self._learning.frames, seen.active_frames / self._learning.active_frames) > 1 / 2
        if active and settled and not over:
            seen.scores.append(score)
            if seen.threshold and seen.active_frames % _REVIEW_EVERY == 0:
                self._review()
        if self.complete and not seen.threshold:
            seen.threshold = self._learned_threshold()

    def _review(self) -> None:
        """Follow slow changes of what is normal; quick ones are what the alarm is for."""
        low, high = (self.baseline.threshold * (1 + sign * _CREEP) for sign in (-1, 1))
        self.baseline.threshold = min(max(self._learned_threshold(), low), high)

    def _learned_threshold(self) -> float:
        scores = self.baseline.scores
        return MARGIN * float(np.quantile(scores, QUANTILE)) if len(scores) >= _LEAST_SCORES else LEAST_THRESHOLD

    def _unusual_cells(self) -> tuple[Cell, ...]:
        rows, columns = self._grid
        total = self._deviation[0].sum(axis=0).ravel()
        worst = [int(at) for at in np.argsort(total)[::-1][:_TOP] if total[at] > 0]
        return tuple(self._cell(at // columns, at % columns, rows, columns) for at in worst)

    def _cell(self, row: int, column: int, rows: int, columns: int) -> Cell:
        change, speed = (float(value) for value in self._features[0, :, row, column])
        change_sigma, speed_sigma = (float(value) for value in self._deviation[0, :, row, column])
        place = column / columns, row / rows, 1 / columns, 1 / rows
        return Cell(*place, change, speed, change_sigma, speed_sigma)

    def _swap_state(self) -> None:
        for kept, new in zip(self.baseline.tensors().values(), self._next.values(), strict=True):
            np.copyto(kept, new)

    def _inputs(self, turn: int) -> dict[str, NDArray[Any]]:
        knobs = {"learn": self._learn, "gate": self._gate}
        planes: dict[str, NDArray[Any]] = {"luma": self._luma, "mask": self._mask, "previous": self._planes[turn]}
        return planes | knobs | self.baseline.tensors()

    def _outputs(self, turn: int) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {"score": self._score, "active": self._active}
        found |= {"deviation": self._deviation, "features": self._features}
        state = {f"{name}_next": tensor for name, tensor in self._next.items()}
        return found | {"previous_next": self._planes[1 - turn]} | state
