"""Everything that is done to one frame, in order: luma, motion, tracks, anomaly, findings."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from contract.messages import Box
from edge.core.frame import Frame
from edge.models.session import Model
from edge.vision.findings import Finding, Thing
from edge.vision.pixels.blobs import find_blobs
from edge.vision.pixels.luma import CELL, Plane, analysis_size, read_luma
from edge.vision.pixels.motion import MotionDetector
from edge.vision.pixels.stillness import is_trace, window_of
from edge.vision.places.staying import find_loitering
from edge.vision.settings import VisionSettings
from edge.vision.things.moving import find_motion
from edge.vision.things.tracks import Track, Tracker, centre_of
from edge.vision.unusual.alarm import AnomalyAlarm
from edge.vision.unusual.anomaly import AnomalyDetector, Learning, Reading
from edge.vision.unusual.baseline import load_baseline, save_baseline

_GAP: Final = 3.0
"""Frames this many usual intervals apart say nothing about speed."""
_CHANGE: Final = 12
"""Luma: what differs by more from the frame before moved."""
_SMOOTHING: Final = 0.1
_LEAST_AGE_S: Final = 60.0
_DWELL_ROOM: Final = 2.5
"""What stands still becomes background after this many times the loitering limit: loitering is seen before."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one frame shows. `reading` is None where anomaly analysis is switched off."""

    things: tuple[Thing, ...]
    findings: tuple[Finding, ...]
    reading: Reading | None


class FrameAnalysis:
    """The analysis of one camera; belongs to one thread at a time.

    What it learns is kept in the file `kept`, one for each model and size of picture.
    """

    def __init__(
        self, motion: Model, anomaly: Model | None, settings: VisionSettings, rng: np.random.Generator, kept: Path
    ) -> None:
        self._models = motion, anomaly
        self._settings = settings
        self._rng = rng
        self._kept = kept
        self._size = (0, 0)
        self._motion: MotionDetector | None = None
        self._anomaly: AnomalyDetector | None = None
        self._tracker = Tracker()
        self._alarm = AnomalyAlarm(settings.consecutive_frames)
        self._before: Plane | None = None
        self._last_ns: int | None = None
        self._period_ns = 0.0

    def step(self, frame: Frame) -> Seen:
        """Analyse one frame; frames come in order.

        Raise `FrameUndecodableError` if it is no JPEG, `ModelError` if a model fails.
        """
        size = analysis_size(frame.width, frame.height)
        luma = read_luma(frame, size)
        motion = self._motion if self._motion and size == self._size else self._begin(size)
        follows = self._follows(frame.mono_ns)
        mask = motion.step(luma)
        blobs = find_blobs(mask, self._settings.min_area, self._changed(luma))
        tracks = self._tracker.step(blobs, frame.mono_ns)
        self._absorb_traces(tracks, mask, luma, motion)
        reading = self._read(luma, _without_still(mask, tracks), usable=follows and not motion.learning)
        return self._sum_up(tracks, reading, frame.mono_ns)

    def reset(self) -> None:
        """Forget what is going on, the background included. What was learned to be normal stays (X.10)."""
        self._tracker.reset()
        self._alarm.reset()
        self._last_ns = self._before = None
        if self._motion:
            self._motion.reset()
        if self._anomaly:
            self._anomaly.cut()

    def save(self) -> None:
        """Keep what was learned. Raise `OSError` if the disk will not take it."""
        model = self._models[1]
        if self._anomaly and model:
            save_baseline(self._anomaly.baseline, self._kept, _version(model))

    def _begin(self, size: tuple[int, int]) -> MotionDetector:
        """Detectors for another size of picture."""
        settings, (motion, anomaly) = self._settings, self._models
        still_s = max(_LEAST_AGE_S, settings.loitering_s * _DWELL_ROOM)
        age_limit = still_s * settings.max_fps
        self.reset()
        self._size = size
        self._motion = MotionDetector(motion, size, self._rng, threshold=settings.motion_threshold, age_limit=age_limit)
        if anomaly:
            baseline = load_baseline(self._kept, (size[1] // CELL, size[0] // CELL), _version(anomaly))
            self._anomaly = AnomalyDetector(anomaly, size, _learning(settings), baseline)
        return self._motion

    def _changed(self, luma: Plane) -> Plane:
        """Non-zero where a pixel differs from the frame before; everywhere in a first frame."""
        before, self._before = self._before, luma
        if before is None or before.shape != luma.shape:
            return np.ones_like(luma)
        return np.asarray(cv2.absdiff(luma, before) > _CHANGE, np.uint8)

    def _absorb_traces(self, tracks: list[Track], mask: Plane, luma: Plane, motion: MotionDetector) -> None:
        for track in tracks:
            if track.still and is_trace(track.blob, mask, luma, motion.background()):
                motion.absorb(window_of(track.blob, mask.shape))

    def _follows(self, at_ns: int) -> bool:
        """Whether this frame came about as long after the last as frames here usually do."""
        last_ns, self._last_ns = self._last_ns, at_ns
        if last_ns is None:
            return False
        period_ns = float(at_ns - last_ns)
        usual_ns = self._period_ns or period_ns
        self._period_ns = usual_ns + _SMOOTHING * (period_ns - usual_ns)
        return period_ns <= _GAP * usual_ns

    def _read(self, luma: Plane, mask: Plane, *, usable: bool) -> Reading | None:
        return self._anomaly.step(luma, mask, usable=usable) if self._anomaly else None

    def _sum_up(self, tracks: list[Track], reading: Reading | None, at_ns: int) -> Seen:
        things = tuple(self._thing(track) for track in tracks)
        motion, anomaly = self._models
        found = [
            _signed(find_motion(things, self._settings.min_motion_s), motion),
            _signed(find_loitering(things, self._settings.loitering_s), motion),
        ]
        if reading and anomaly:
            found.append(_signed(self._alarm.step(reading, things, at_ns), anomaly))
        return Seen(things, tuple(finding for finding in found if finding), reading)

    def _thing(self, track: Track) -> Thing:
        blob = track.blob
        habit = self._anomaly.habitual_share(*centre_of(blob)) if self._anomaly else 0.0
        return Thing(
            box=Box(
                x=blob.x,
                y=blob.y,
                w=blob.w,
                h=blob.h,
                label="still" if track.still else "motion",
                track=track.number,
            ),
            still=track.still,
            since_ns=track.began_ns,
            moving_s=(track.moved_ns - track.began_ns) / 1e9,
            dwell_s=track.dwell_s,
            habitual_share=habit,
        )


def _learning(settings: VisionSettings) -> Learning:
    return Learning(
        frames=settings.learning_frames,
        active_frames=settings.learning_active_frames,
        sensitivity=settings.sensitivity,
    )


def _without_still(mask: Plane, tracks: list[Track]) -> Plane:
    """The mask of what moves: a thing that stands still must not teach its place that speed is none."""
    still = [window_of(track.blob, mask.shape) for track in tracks if track.still]
    if not still:
        return mask
    moving = mask.copy()
    for window in still:
        moving[window] = 0
    return moving


def _signed(finding: Finding | None, model: Model) -> Finding | None:
    """With the model that it rests on."""
    manifest = model.manifest
    return finding and replace(finding, model=manifest.name, model_version=manifest.version)


def _version(model: Model) -> str:
    return f"{model.manifest.name} {model.manifest.version}"
