"""The unusual in front of one camera: judges each frame, keeps what it learned, and learns from what people say."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from msgspec.structs import replace

from contract.messages import Event
from edge.core.errors import ModelError
from edge.models.session import Model
from edge.vision.findings import Finding, Thing
from edge.vision.pixels.luma import CELL, Plane
from edge.vision.unusual.alarm import TYPES, AnomalyAlarm
from edge.vision.unusual.anomaly import AnomalyDetector
from edge.vision.unusual.archive import load_evidence, save_evidence
from edge.vision.unusual.baseline import Baseline
from edge.vision.unusual.feedback import Feedback
from edge.vision.unusual.kept import forget_aside, load_baseline, save_baseline
from edge.vision.unusual.learning import Learning
from edge.vision.unusual.reading import Reading
from edge.vision.unusual.scores import LastHour, Sustained
from edge.vision.unusual.settings import UnusualSettings
from edge.vision.unusual.view import AnomalyView, LearningView

_SHOW_EVERY_NS: Final = 1_000_000_000
_NOTES: Final = 64
_DEFAULTS: Final = UnusualSettings()


class Unusual:
    """Everything of this room behind one door.

    Belongs to the analysis thread, but for `sensitivity`, `view` and `note`, which may be used from anywhere.
    """

    def __init__(
        self,
        model: Model,
        size: tuple[int, int],
        *,
        learning: Learning,
        consecutive: int,
        kept: Path,
        settings: UnusualSettings = _DEFAULTS,
    ) -> None:
        """`size` is (width, height) of the planes, whole cells. What is learned is read from the file `kept`, what the
        last alarms saw from one beside it; a file that will not do is put aside and never stops the camera."""
        self._model = model
        self._size = size
        self._learning = learning
        self._settings = settings
        self._kept = kept
        self._alarms_kept = kept.with_name(f"{kept.name}.alarms")
        self._grid = size[1] // CELL, size[0] // CELL
        self._version = f"{model.manifest.name} {model.manifest.version}"
        self._alarm = AnomalyAlarm(consecutive)
        self._sustained = Sustained(consecutive)
        self._last_hour = LastHour()
        self._notes: deque[Event] = deque(maxlen=_NOTES)
        self._evidence = load_evidence(self._alarms_kept, self._grid, self._version, settings.alarms_kept)
        self._detector, self._feedback = self._begin(load_baseline(kept, self._grid, self._version))
        self._worst = np.zeros(self._grid, np.float32)
        self._shown_ns: int | None = None
        self._t_ms = 0
        self._view = self._current_view()

    def step(
        self,
        luma: Plane,
        mask: Plane,
        *,
        usable: bool,
        at_ns: int,
        t_ms: int,
        hour: int | None,
        things: Sequence[Thing] = (),
        score_bonus: float = 0.0,
    ) -> tuple[Reading, Finding | None]:
        """Judge one frame and learn from it; raise `ModelError` if the model fails.

        `at_ns` is the frame's monotonic time, `t_ms` its wall time, `hour` the local hour 0..23 or None where the clock
        is not trusted. Not `usable` is a plane whose difference from the one before says nothing. `score_bonus` makes
        an alarm graver, not more likely (U1.1).
        """
        self._settle_notes()
        known_hour = hour if self._settings.by_hour else None
        reading = self._detector.step(luma, mask, usable=usable, at_ns=at_ns, hour=known_hour)
        finding = self._alarm.step(reading, things, at_ns, score_bonus=score_bonus)
        if reading.over or finding:
            self._evidence.step(reading, finding, self._detector.features, self._detector.heat, t_ms)
        else:
            self._evidence.end()
        self._remember(reading, t_ms)
        self._show_sometimes(at_ns)
        return reading, finding

    @property
    def sensitivity(self) -> float:
        """What divides the learned threshold."""
        return self._detector.sensitivity

    def set_sensitivity(self, value: float | None) -> None:
        """Be so ready from now on; None: as the settings say."""
        self._detector.sensitivity = self._learning.sensitivity if value is None else value
        threshold = self._view.threshold_raw / self.sensitivity
        self._view = replace(self._view, sensitivity=self.sensitivity, threshold=round(threshold, 3))

    def habitual_share(self, x: float, y: float) -> float:
        """The share of time in which something moves at this place (normalised coordinates), 0 to 1."""
        return self._detector.habitual_share(x, y)

    def cut(self) -> None:
        """The next plane does not follow the last one."""
        self._detector.cut()

    def reset(self) -> None:
        """Nothing goes on any more; what was learned stays (X.10)."""
        self._detector.cut()
        self._alarm.reset()
        self._sustained.reset()
        self._evidence.end()

    def forget(self) -> None:
        """Learn what is normal from nothing, on disk too. Raise `OSError` if the disk will not take it."""
        self.reset()
        self._evidence.unlearned()
        sensitivity = self.sensitivity
        self._detector, self._feedback = self._begin(Baseline(self._grid))
        self._detector.sensitivity = sensitivity
        self._last_hour = LastHour()
        self._worst[:] = 0
        self._view = self._current_view()
        forget_aside(self._kept)
        self.save()

    def save(self) -> None:
        """Keep what was learned. Raise `OSError` if the disk will not take it."""
        self._settle_notes()
        save_baseline(self._detector.baseline, self._kept, self._version)
        save_evidence(self._evidence, self._alarms_kept, self._version)

    def view(self) -> AnomalyView:
        """What there is to show, as of the last second with frames. From any thread."""
        return self._view

    def note(self, event: Event) -> None:
        """An event opened, went on or closed: the alarms that it is made of are known by its id from now on.

        From any thread; events of types that are not of this room are passed over.
        """
        if event.type in TYPES:
            self._notes.append(event)

    def teach_normal(self, event_id: str) -> bool:
        """Somebody says that this was normal: learn it so that its like does not alarm again. False: nothing is known
        of the event any more. Saying it twice changes nothing. Raise `OSError` if the disk will not take it."""
        self._settle_notes()
        return self._taught(self._feedback.normal(event_id, self._detector.threshold))

    def teach_unusual(self, event_id: str) -> bool:
        """Somebody says that this was rightly an alarm: take back what `teach_normal` taught. False as there."""
        self._settle_notes()
        return self._taught(self._feedback.unusual(event_id))

    def _begin(self, baseline: Baseline) -> tuple[AnomalyDetector, Feedback]:
        detector = AnomalyDetector(self._model, self._size, self._learning, baseline)
        trusts = {name: _number(self._model, f"{name}_trust") for name in ("cell", "hour")}
        return detector, Feedback(baseline, self._evidence, trusts)

    def _taught(self, known: bool) -> bool:
        if known:
            self._detector.review()
            self._alarm.reset()
            self._sustained.reset()
            self._view = self._current_view()
            self.save()
        return known

    def _settle_notes(self) -> None:
        while self._notes:
            event = self._notes.popleft()
            self._evidence.name(event)
            if self._feedback.catch_up(event.event_id, self._detector.threshold):
                self._detector.review()

    def _remember(self, reading: Reading, t_ms: int) -> None:
        self._t_ms = t_ms
        sustained = self._sustained.step(reading.score) if reading.complete else 0.0
        if reading.moving or sustained > 0:
            self._last_hour.add(t_ms, round(sustained, 3))
        if reading.moving:
            np.maximum(self._worst, self._detector.heat, out=self._worst)

    def _show_sometimes(self, at_ns: int) -> None:
        if self._shown_ns is None or not 0 <= at_ns - self._shown_ns < _SHOW_EVERY_NS:
            self._shown_ns = at_ns
            self._view = self._current_view()
            self._worst[:] = 0

    def _current_view(self) -> AnomalyView:
        detector = self._detector
        hours = tuple(round(progress, 3) for progress in detector.progress_of_hours)
        return AnomalyView(
            rows=self._grid[0],
            columns=self._grid[1],
            heat=tuple(np.round(self._worst.ravel().astype(float), 2).tolist()),
            usual=tuple(np.round(detector.baseline.day.usual.ravel().astype(float), 4).tolist()),
            learning=LearningView(complete=detector.complete, progress=round(detector.progress, 3), hours=hours),
            threshold=round(detector.threshold, 3),
            threshold_raw=round(detector.threshold_raw, 3),
            sensitivity=detector.sensitivity,
            scores=self._last_hour.until(self._t_ms),
        )


def _number(model: Model, name: str) -> float:
    value = model.manifest.parameters.get(name)
    if not isinstance(value, int | float):
        raise ModelError(f"the anomaly model's manifest has no number {name!r} among its parameters")
    return float(value)
