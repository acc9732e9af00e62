"""What people say about alarms, taken to heart: a false one is learned, with enough weight that its like does not
alarm again, and that can be taken back.

How much weight: a value that makes up the share f of what a Gaussian has learned is at most sqrt((1 - f) / f) standard
deviations from its mean (Cantelli's inequality, which is tight for two values).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from edge.vision.unusual.baseline import Baseline, Cells, Floats
from edge.vision.unusual.evidence import Alarm, Evidence, Observed

_REACH: Final = 0.5
"""What was called normal deviates afterwards by at most this share of the threshold, on its average."""
_FEATURES: Final = 2
_NOTHING: Final = 1e-3
"""A remainder of so few observations is none."""


class Feedback:
    """Teaches `baseline` what people say about the alarms of `evidence`. Belongs to one thread."""

    def __init__(self, baseline: Baseline, evidence: Evidence, trusts: Mapping[str, float]) -> None:
        """`trusts`: of `cell` and `hour`, the observations at which they count as much as what they lean on."""
        self._baseline = baseline
        self._evidence = evidence
        self._trusts = trusts

    def normal(self, event_id: str, threshold: float) -> bool:
        """Learn this event's alarms, where an alarm begins at `threshold` sigma; False if none is known any more.

        Saying it twice changes nothing but for alarms that came since.
        """
        alarms = self._evidence.of(event_id)
        for alarm in alarms:
            if alarm.verdict != "normal":
                self._teach(alarm, threshold)
        return bool(alarms)

    def unusual(self, event_id: str) -> bool:
        """Take back what `normal` taught, as far as it has not faded; False if nothing is known any more."""
        alarms = self._evidence.of(event_id)
        for alarm in alarms:
            if alarm.verdict == "normal":
                self._withdraw(alarm)
            alarm.verdict = "unusual"
        self._tell_scores()
        return bool(alarms)

    def catch_up(self, event_id: str, threshold: float) -> bool:
        """Treat alarms that came to an event after somebody spoke like the rest of it; whether there were any."""
        alarms = self._evidence.of(event_id)
        said = {alarm.verdict for alarm in alarms}
        if "" not in said or "normal" not in said:
            return False
        return self.normal(event_id, threshold)

    def _teach(self, alarm: Alarm, threshold: float) -> None:
        self._evidence.end()
        seen = alarm.seen.spread()
        odds = 1 / (_REACH * threshold / _FEATURES) ** 2
        for at, (cells, trust) in enumerate(self._sets(alarm)):
            weight = odds * (cells.count[0, 0] + trust) * (seen.count > 0)
            _mix(cells, seen, weight)
            alarm.given[at] = weight
        if alarm.hour is not None:
            hour = self._baseline.hours[alarm.hour]
            missing = np.maximum(self._baseline.day.usual[0, 0] - hour.usual[0, 0], 0) * (seen.count > 0)
            hour.usual[0, 0] += missing
            alarm.given[2] = missing
        alarm.counted, alarm.verdict = min(alarm.peak, threshold), "normal"
        self._tell_scores()

    def _withdraw(self, alarm: Alarm) -> None:
        seen = alarm.seen.spread()
        for at, (cells, _) in enumerate(self._sets(alarm)):
            _mix(cells, seen, -alarm.given[at])
        if alarm.hour is not None:
            usual = self._baseline.hours[alarm.hour].usual[0, 0]
            usual[:] = np.maximum(usual - alarm.given[2], 0)
        alarm.given[:] = 0

    def _sets(self, alarm: Alarm) -> list[tuple[Cells, float]]:
        """Who learns from an alarm: the day, and its hour if that is known."""
        day = [(self._baseline.day, self._trusts["cell"])]
        return day if alarm.hour is None else [*day, (self._baseline.hours[alarm.hour], self._trusts["hour"])]

    def _tell_scores(self) -> None:
        """The threshold takes what was called normal for normal that just reached it: now that it is learned, it
        deviates no further."""
        self._baseline.taught = tuple(alarm.counted for alarm in self._evidence.alarms if alarm.verdict == "normal")


def _mix(cells: Cells, seen: Observed, weight: Floats) -> None:
    """Add `weight` observations like those `seen` to the moments of `cells`; a negative weight takes them away."""
    count, mean, variance = (tensor[0].astype(np.float64) for tensor in (cells.count, cells.mean, cells.variance))
    count, square = count[0], variance + mean * mean
    weight = np.maximum(weight, -count)
    total = count + weight
    known = total > _NOTHING
    some = np.where(known, total, 1)
    mixed = [(count * own + weight * new) / some for own, new in ((mean, seen.mean), (square, seen.square))]
    cells.count[0, 0] = np.where(known, total, 0)
    mixed_mean = np.maximum(mixed[0], 0)
    cells.mean[0] = np.where(known, mixed_mean, 0)
    cells.variance[0] = np.where(known, np.maximum(mixed[1] - mixed_mean**2, 0), 0)
