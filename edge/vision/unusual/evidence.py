"""What the last alarms saw, kept so that somebody can still say that it was normal.

Of each alarm: the moments of the features in each cell that was unusual, over all frames of the alarm. They are all
that a Gaussian learns from its observations, and their size does not grow with the alarm.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from contract.messages import Event
from edge.vision.findings import Finding
from edge.vision.unusual.baseline import Floats
from edge.vision.unusual.reading import Reading

Verdict = Literal["", "normal", "unusual"]
_SLACK_MS: Final = 2000
"""An alarm that began so much before its event, or after its end, still belongs to it."""


class Observed:
    """Observations of the two features in each cell: their number [rows, columns], means and mean squares
    [2, rows, columns]."""

    def __init__(self, grid: tuple[int, ...]) -> None:
        self.count: Floats = np.zeros(grid, np.float32)
        self.mean: Floats = np.zeros((2, *grid), np.float32)
        self.square: Floats = np.zeros((2, *grid), np.float32)

    def add(self, features: Floats, where: NDArray[np.bool_]) -> None:
        """One frame's features of the cells `where`."""
        self.count += where
        share = np.asarray(where / np.maximum(self.count, 1), np.float32)
        self.mean += share * (features - self.mean)
        self.square += share * (features * features - self.square)

    def spread(self) -> "Observed":
        """Each cell together with its eight neighbours: the like of it may pass a cell further."""
        pooled = Observed(self.count.shape)
        pooled.count = _around(self.count)
        some = np.maximum(pooled.count, 1)
        pooled.mean = np.asarray(_around(self.count * self.mean) / some, np.float32)
        pooled.square = np.asarray(_around(self.count * self.square) / some, np.float32)
        return pooled


@dataclass(slots=True)
class Alarm:
    """One alarm: its type, when it began (wall time), the hour of day, its highest score, and what it saw.

    `given` is what `Feedback` has taught of it: observations added to the day's cells and to the hour's, and the share
    of time that was added to the hour's, [3, rows, columns]; `counted` the score that the threshold takes it for.
    """

    type: str
    began_ms: int
    hour: int | None
    seen: Observed
    given: Floats
    peak: float = 0.0
    counted: float = 0.0
    event_id: str = ""
    verdict: Verdict = ""


class Evidence:
    """The last `most` alarms, oldest first. Belongs to one thread."""

    def __init__(self, grid: tuple[int, int], most: int) -> None:
        self.alarms: deque[Alarm] = deque(maxlen=most)
        self.grid = grid
        self._now: Alarm | None = None

    def step(self, reading: Reading, finding: Finding | None, features: Floats, heat: Floats, t_ms: int) -> None:
        """Take in one unusual frame. Once there is a `finding` it is kept; `end` forgets what comes to nothing."""
        if self._now is None:
            blank = np.zeros((3, *self.grid), np.float32)
            self._now = Alarm("", t_ms, reading.hour, Observed(self.grid), blank)
        self._now.seen.add(features, heat * 2 > min(reading.threshold, reading.score))
        self._now.peak = max(self._now.peak, reading.score)
        if finding and not self._now.type:
            self._now.type = finding.type
            self.alarms.append(self._now)

    def end(self) -> None:
        """This frame is not unusual, or what goes on from here is to be another alarm."""
        self._now = None

    def name(self, event: Event) -> None:
        """The alarms of this event's type and time that have no name yet are known by its id from now on."""
        last_ms = event.end_ms + _SLACK_MS if event.end_ms is not None else None
        for alarm in self.alarms:
            in_time = alarm.began_ms >= event.start_ms - _SLACK_MS and (last_ms is None or alarm.began_ms <= last_ms)
            if not alarm.event_id and alarm.type == event.type and in_time:
                alarm.event_id = event.event_id

    def of(self, event_id: str) -> list[Alarm]:
        """The alarms of one event."""
        return [alarm for alarm in self.alarms if alarm.event_id == event_id]

    def unlearned(self) -> None:
        """Nothing of what was taught is known any more, nor what anybody said."""
        for alarm in self.alarms:
            alarm.given[:] = 0
            alarm.counted, alarm.verdict = 0.0, ""


def _around(plane: Floats) -> Floats:
    """Sum over each cell and its neighbours, last two axes."""
    edges = [(0, 0)] * (plane.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(plane, edges)
    rows, columns = plane.shape[-2:]
    parts = [padded[..., down : down + rows, right : right + columns] for down in range(3) for right in range(3)]
    return np.asarray(sum(parts), np.float32)
