"""Anomaly: runs the model of the task `anomaly`, and learns from its scores where the alarm begins.

The normal is learned in the model's state tensors, the alarm's threshold here, from the scores of normal frames.
"""

from collections import deque
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.models.session import Binding, Model
from edge.vision.pixels.luma import CELL, Plane
from edge.vision.unusual.baseline import Baseline, Cells, Floats
from edge.vision.unusual.earlier import Earlier
from edge.vision.unusual.learning import Learning
from edge.vision.unusual.reading import Cell, Reading
from edge.vision.unusual.tail import LEAST, threshold_of

_SMOOTHED: Final = 5
_TOP: Final = 3
_REVIEW_EVERY: Final = 100
_RISE, _FALL = 0.005, 0.01
"""Once learned, the threshold moves by at most these shares with every `_REVIEW_EVERY` normal moving frames: what is
unusual must not become the rule by staying, while what was too careful may relax."""
_DAY_MEMORY_S, _HOUR_MEMORY_S = 14 * 86_400.0, 14 * 3600.0
"""How often something moves is remembered for two weeks, so that weekends and weekdays are both in it."""
_HOUR_TRUST_S: Final = 3600.0
"""After so much time at an hour of the day its own past counts as much as the whole day's: after one day; after two
weeks it counts for fourteen fifteenths."""
_ACQUAINTED_S: Final = 5.0
"""Watched for less, a place has no habits."""
_LONGEST_S: Final = 1.0
"""A frame stands for no more time than this."""


class AnomalyDetector:
    """Judges planes of one size with their motion masks. Belongs to one thread; `baseline` is what it has learned."""

    def __init__(self, model: Model, size: tuple[int, int], learning: Learning, baseline: Baseline) -> None:
        self.baseline = baseline
        self.sensitivity = learning.sensitivity
        """Divides the learned threshold. What is learned does not depend on it."""
        self._model = model
        self._learning = learning
        self._grid = size[1] // CELL, size[0] // CELL
        self._recent: deque[float] = deque(maxlen=_SMOOTHED)
        self._earlier = Earlier()
        self._last_ns: int | None = None
        self._planes = {name: np.zeros((1, 1, size[1], size[0]), np.uint8) for name in ("luma", "mask", "previous")}
        knobs = "seconds", "learn", "gate", "pace", "hour_pace", "hour_weight"
        self._knobs = {name: np.zeros(1, np.float32) for name in knobs}
        self._found = self._blank_outputs()
        self._no_hour = Cells(self._grid)
        self._next_day, self._next_hour = Cells(self._grid), Cells(self._grid)
        self._tied: dict[int | None, Binding] = {}

    @property
    def complete(self) -> bool:
        """Whether enough was learned to raise an alarm."""
        return self._learning.complete(self.baseline.day)

    @property
    def progress(self) -> float:
        """How far learning is, 0 to 1."""
        return self._learning.progress(self.baseline.day)

    @property
    def progress_of_hours(self) -> tuple[float, ...]:
        """How far each hour's own learning is, 0 to 1."""
        return tuple(self._learning.progress(cells) for cells in self.baseline.hours)

    @property
    def threshold_raw(self) -> float:
        """The score at which a frame is unusual at sensitivity 1, sigma."""
        return max(LEAST, self.baseline.threshold)

    @property
    def threshold(self) -> float:
        """The score at which a frame is unusual, sigma."""
        return self.threshold_raw / self.sensitivity

    @property
    def heat(self) -> Floats:
        """How unusual each cell was in the last judged frame, sigma, [rows, columns]; valid until the next step."""
        return np.asarray(self._found["deviation"][0].sum(axis=0))

    @property
    def features(self) -> Floats:
        """Change and speed of each cell as the model tells them, [2, rows, columns]; valid until the next step."""
        return np.asarray(self._found["features"][0])

    def step(self, luma: Plane, mask: Plane, *, usable: bool, at_ns: int, hour: int | None = None) -> Reading:
        """Judge one plane and learn from it. Raise `ModelError` if the model fails.

        `at_ns` is its monotonic time, `hour` the local hour (0 to 23), None if nobody knows: then only the whole day's
        normal counts and learns. Not `usable` is a plane whose difference from those before says nothing: after a gap,
        or while the background is still being learned. It begins a new row and is neither judged nor learned from.
        """
        if not usable:
            self.cut()
        seconds = self._seconds_since_last(at_ns)
        found = self._earlier.swap(luma, at_ns)
        if found is None:
            return self._reading(0.0, complete=self.complete, over=False)
        self._planes["luma"][0, 0], self._planes["mask"][0, 0] = luma, mask
        self._planes["previous"][0, 0], self._knobs["seconds"][0] = found
        self._turn_knobs(seconds, hour)
        binding = self._tied.get(hour) or self._tie(hour)
        binding.run()
        self.baseline.day.whole[:] = self._next_day.whole
        self._hour(hour).whole[:] = self._next_hour.whole
        return self._judge(seconds, hour)

    def cut(self) -> None:
        """The next plane does not follow the last one: forget the recent scores and the planes before."""
        self._earlier.clear()
        self._recent.clear()
        self._last_ns = None

    def review(self) -> None:
        """Set the threshold anew at once, from all that is known to be normal."""
        if self.complete:
            self.baseline.threshold = threshold_of(self.baseline.scores, self.baseline.taught)

    def habitual_share(self, x: float, y: float) -> float:
        """The share of time in which something moved at this place, 0 to 1; 0 as long as nobody can know."""
        if self.baseline.day.seconds < _ACQUAINTED_S:
            return 0.0
        rows, columns = self._grid
        row, column = min(int(y * rows), rows - 1), min(int(x * columns), columns - 1)
        return float(self.baseline.day.usual[0, 0, row, column])

    def _seconds_since_last(self, at_ns: int) -> float:
        last_ns, self._last_ns = self._last_ns, at_ns
        return 0.0 if last_ns is None else min(max((at_ns - last_ns) / 1e9, 0.0), _LONGEST_S)

    def _turn_knobs(self, seconds: float, hour: int | None) -> None:
        knobs = self._knobs
        knobs["learn"][0] = 1.0
        knobs["gate"][0] = self.threshold_raw if self.complete else np.inf
        knobs["pace"][0] = _share(seconds, self.baseline.day.seconds, _DAY_MEMORY_S)
        watched = 0.0 if hour is None else self.baseline.hours[hour].seconds
        knobs["hour_pace"][0] = 0.0 if hour is None else _share(seconds, watched, _HOUR_MEMORY_S)
        knobs["hour_weight"][0] = watched / (watched + _HOUR_TRUST_S)

    def _judge(self, seconds: float, hour: int | None) -> Reading:
        self._recent.append(float(self._found["score"][0]))
        score = sorted(self._recent)[len(self._recent) // 2]
        complete, active = self.complete, bool(np.count_nonzero(self._found["active"]))
        reading = self._reading(
            score, complete=complete, over=complete and score > self.threshold, moving=active, hour=hour
        )
        self.baseline.day.note(seconds, active=active)
        if hour is not None:
            self.baseline.hours[hour].note(seconds, active=active)
        self._note(score, active=active, normal=not (complete and score > self.threshold_raw))
        return reading

    def _reading(
        self, score: float, *, complete: bool, over: bool, moving: bool = False, hour: int | None = None
    ) -> Reading:
        cells = self._unusual_cells() if over else ()
        return Reading(score, self.threshold, over, complete, self.progress, cells, moving=moving, hour=hour)

    def _note(self, score: float, *, active: bool, normal: bool) -> None:
        """Take the score of a normal frame in which something moved, and review the threshold now and then."""
        seen = self.baseline
        if active and normal and self._learning.settled(seen.day):
            seen.scores.append(score)
            if seen.threshold and seen.day.active_frames % _REVIEW_EVERY == 0:
                self._creep()
        if not seen.threshold:
            self.review()

    def _creep(self) -> None:
        known = self.baseline
        low, high = known.threshold * (1 - _FALL), known.threshold * (1 + _RISE)
        known.threshold = min(max(threshold_of(known.scores, known.taught), low), high)

    def _unusual_cells(self) -> tuple[Cell, ...]:
        total = self.heat.ravel()
        worst = [int(at) for at in np.argsort(total)[::-1][:_TOP] if total[at] > 0]
        return tuple(self._cell(*divmod(at, self._grid[1])) for at in worst)

    def _cell(self, row: int, column: int) -> Cell:
        rows, columns = self._grid
        at = np.s_[0, :, row, column]
        change, step = (float(value) for value in self._found["features"][at])
        change_sigma, speed_sigma, presence_sigma = (float(value) for value in self._found["deviation"][at])
        return Cell(
            x=column / columns,
            y=row / rows,
            w=1 / columns,
            h=1 / rows,
            change=change,
            speed=10 * step / (columns * CELL),
            change_sigma=change_sigma,
            speed_sigma=speed_sigma,
            presence_sigma=presence_sigma,
            day_sigma=float(self._found["day_deviation"][at].sum()),
            usual=float(self.baseline.day.usual[0, 0, row, column]),
            hour_share=float(self._found["hour_share"][0, 0, row, column]),
        )

    def _tie(self, hour: int | None) -> Binding:
        """The model tied to the state of the day and of this hour, and to what comes after it."""
        states = _named(self.baseline.day, self._hour(hour))
        after = {f"{name}_next": tensor for name, tensor in _named(self._next_day, self._next_hour).items()}
        self._tied[hour] = self._model.bind({**self._planes, **self._knobs, **states}, {**self._found, **after})
        return self._tied[hour]

    def _hour(self, hour: int | None) -> Cells:
        return self._no_hour if hour is None else self.baseline.hours[hour]

    def _blank_outputs(self) -> dict[str, NDArray[Any]]:
        channels = {"deviation": 3, "day_deviation": 2, "features": 2, "hour_share": 1, "active": 1}
        found: dict[str, NDArray[Any]] = {
            name: np.zeros((1, count, *self._grid), np.float32) for name, count in channels.items()
        }
        return {"score": np.zeros(1, np.float32), **found}


def _named(day: Cells, hour: Cells) -> dict[str, Floats]:
    """The day's and the hour's tensors by the names of the model's inputs."""
    return day.tensors() | {f"hour_{name}": tensor for name, tensor in hour.tensors().items()}


def _share(seconds: float, watched: float, memory: float) -> float:
    """The share that `seconds` have in all the time that is remembered; above 0 so that the rest learns too."""
    return max(seconds, 1e-6) / min(max(watched + seconds, 1e-6), memory)
