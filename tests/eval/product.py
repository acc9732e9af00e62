"""The one place where the evaluation touches the product: its own classes with their own defaults, nothing beside them.

Time is the frames': monotonic and wall time go together from a fixed moment, so that a run gives the same figures
every time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.messages import Event
from contract.plan import Plan
from edge.core.clock import Stamp
from edge.core.frame import Frame
from edge.models.store import ModelStore
from edge.vision.analysis import FrameAnalysis, Seen
from edge.vision.events.book import EventBook
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.motion import MotionDetector
from edge.vision.settings import VisionSettings

SEED: Final = 0
_BEGIN_NS: Final = 1_000_000_000
_NOON_MS: Final = 1_781_092_800_000
_DWELL_ROOM: Final = 2.5
ANOMALIES: Final = frozenset({"sudden_motion", "unusual_activity"})
"""The types of finding that come of the learned normal."""


def motion_detector(size: tuple[int, int]) -> MotionDetector:
    """The motion detector as an appliance starts it."""
    settings = VisionSettings()
    age_limit = settings.loitering_s * _DWELL_ROOM * settings.max_fps
    rng = np.random.default_rng(SEED)
    return MotionDetector(
        ModelStore().load("motion"), size, rng, threshold=settings.motion_threshold, age_limit=age_limit
    )


@dataclass(frozen=True)
class Judged:
    """What the product made of one frame."""

    at_s: float
    seen: Seen
    events: tuple[Event, ...]

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
    """One camera's analysis and its book of events, fed with pictures at times of ours."""

    def __init__(self, kept: Path, settings: VisionSettings | None = None, plan: Plan | None = None) -> None:
        self._settings = settings or VisionSettings()
        self._plan = plan or Plan()
        store = ModelStore()
        anomaly = store.load("anomaly") if self._settings.anomaly else None
        self._analysis = FrameAnalysis(
            store.load("motion"), anomaly, self._settings, np.random.default_rng(SEED), kept / "eval.learned"
        )
        self._book = EventBook("eval", self._settings)
        self._seq = 0
        self._at_s = 0.0

    def play(self, pictures: Iterable[NDArray[np.uint8]], fps: float, *, pause_s: float = 0.0) -> Iterator[Judged]:
        """Judge picture after picture, `pause_s` after those before: as if the camera had been cut off."""
        self._at_s += pause_s
        for picture in pictures:
            self._at_s += 1 / fps
            yield self.judge(picture, self._at_s)

    def judge(self, luma: Plane, at_s: float) -> Judged:
        """Judge one picture, taken `at_s` seconds after the start."""
        self._seq += 1
        at_ns = _BEGIN_NS + round(at_s * 1e9)
        now = Stamp(at_ns, _NOON_MS + round(at_s * 1000), trusted=True)
        seen = self._analysis.step(Frame("eval", self._seq, b"", luma.shape[1], luma.shape[0], at_ns, luma))
        return Judged(at_s, seen, tuple(self._book.step(seen.findings, now, at_ns)))
