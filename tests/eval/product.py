"""The one place where the evaluation touches the product: its own classes with their own defaults, nothing beside them.

Time is the frames': monotonic and wall time go together from a fixed moment, so that a run gives the same figures
every time.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.core.frame import Frame
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis, Moment, Seen
from edge.vision.findings import SUDDEN_MOTION, UNUSUAL_ACTIVITY
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.motion import MotionDetector
from edge.vision.settings import VisionSettings
from edge.vision.sight import Eye

SEED: Final = 0
ANOMALIES: Final = frozenset({SUDDEN_MOTION, UNUSUAL_ACTIVITY})
"""The types of finding that come of the learned normal."""
_BEGIN_NS: Final = 1_000_000_000
_BEGIN: Final = dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC)
_DWELL_ROOM: Final = 2.5


class MotionMask:
    """What moves in planes of one size, as an appliance without a plan sees it: picture watch, motion and traces."""

    def __init__(self, size: tuple[int, int], fps: float) -> None:
        settings = VisionSettings()
        self._min_area = settings.min_area
        self._frame_ns = 1e9 / fps
        self._count = 0
        self._eye = Eye(
            ModelStore().load("motion"),
            size,
            np.random.default_rng(SEED),
            threshold=settings.motion_threshold,
            age_limit=_age_limit(settings),
        )

    def step(self, luma: Plane) -> NDArray[np.uint8]:
        """The mask of a plane: 255 moves, 0 does not."""
        self._count += 1
        at_ns = _BEGIN_NS + round(self._count * self._frame_ns)
        sight = self._eye.look(luma, at_ns, counts=None, min_area=self._min_area)
        mask = sight.mask.copy()
        self._eye.absorb_traces(sight, luma)
        return mask


def motion_model(size: tuple[int, int]) -> MotionDetector:
    """The motion model alone, as an appliance starts it: what is timed."""
    settings = VisionSettings()
    rng = np.random.default_rng(SEED)
    model = ModelStore().load("motion")
    return MotionDetector(model, size, rng, threshold=settings.motion_threshold, age_limit=_age_limit(settings))


@dataclass(frozen=True)
class Judged:
    """What the product made of one frame."""

    at_s: float
    seen: Seen

    @property
    def alarmed(self) -> bool:
        """Whether an alarm about something unusual goes on."""
        return any(finding.type in ANOMALIES for finding in self.seen.findings)

    @property
    def score(self) -> float:
        """How unusual the frame is, in sigma."""
        return self.seen.reading.score if self.seen.reading else 0.0

    @property
    def learned(self) -> bool:
        """Whether alarms may be raised at all."""
        return bool(self.seen.reading and self.seen.reading.complete)


class Appliance:
    """One camera's analysis, fed with pictures at times of ours."""

    def __init__(self, kept: Path, settings: VisionSettings | None = None) -> None:
        settings = settings or VisionSettings()
        store = ModelStore()
        rng = np.random.default_rng(SEED)
        self._analysis = FrameAnalysis(
            store.load("motion"), store.load("anomaly"), settings, rng, kept / "eval.learned"
        )
        self._seq = 0
        self._at_s = 0.0

    def play(self, pictures: Iterable[NDArray[np.uint8]], fps: float, *, pause_s: float = 0.0) -> Iterator[Judged]:
        """Judge picture after picture, `pause_s` after those before: as if the camera had been cut off."""
        self._at_s += pause_s
        for picture in pictures:
            self._at_s += 1 / fps
            yield self._judge(picture)

    def _judge(self, luma: Plane) -> Judged:
        self._seq += 1
        local = _BEGIN + dt.timedelta(seconds=self._at_s)
        at_ns = _BEGIN_NS + round(self._at_s * 1e9)
        frame = Frame("eval", self._seq, b"", luma.shape[1], luma.shape[0], at_ns, luma)
        moment = Moment(at_ns, round(local.timestamp() * 1000), local)
        return Judged(self._at_s, self._analysis.step(frame, moment))


def _age_limit(settings: VisionSettings) -> float:
    return settings.loitering_s * _DWELL_ROOM * settings.max_fps
