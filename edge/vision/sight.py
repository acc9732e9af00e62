"""From a luma plane to what of it moves and has an identity, as long as the picture is fit to be judged."""

from functools import partial
from typing import Final

import cv2
import numpy as np
from msgspec import Struct

from edge.models.session import Model
from edge.vision.pixels.blobs import Window, find_blobs
from edge.vision.pixels.condition import Condition, PictureWatch
from edge.vision.pixels.luma import Plane
from edge.vision.pixels.motion import MotionDetector
from edge.vision.pixels.stillness import is_trace, window_of
from edge.vision.things.tracks import Track, Tracker

_GAP: Final = 3.0
"""Frames this many usual intervals apart say nothing about speed."""
_CHANGE: Final = 12
"""Luma: what differs by more from the frame before moved."""
_SMOOTHING: Final = 0.1


class Sight(Struct, frozen=True, kw_only=True):
    """What one plane shows: `mask` is 255 where something moves, `moving` the same without things that stand still.

    `background` is None, and nothing can be compared with the frame before, while the picture is not `usable`.
    """

    condition: Condition
    mask: Plane
    moving: Plane
    tracks: tuple[Track, ...]
    background: Plane | None
    usable: bool


class Eye:
    """Looks at planes of one size, one after the other; belongs to one thread at a time."""

    def __init__(
        self, model: Model, size: tuple[int, int], rng: np.random.Generator, *, threshold: float, age_limit: float
    ) -> None:
        """See `MotionDetector`."""
        self.size = size
        self.motion = MotionDetector(model, size, rng, threshold=threshold, age_limit=age_limit)
        self._watch = PictureWatch(size)
        self._tracker = Tracker()
        self._nothing = np.zeros((size[1], size[0]), np.uint8)
        self._before: Plane | None = None
        self._last_ns: int | None = None
        self._period_ns = 0.0

    def look(self, luma: Plane, at_ns: int, *, counts: Plane | None, min_area: float) -> Sight:
        """Take a plane of the moment `at_ns`. `counts` is 0 where motion is ignored; None: it counts everywhere.

        Raise `ModelError` if the motion model fails.
        """
        follows = self._follows(at_ns)
        background = None if self.motion.learning else self.motion.background
        condition = self._watch.step(luma, background=background, moving_share=self.motion.moving_share, at_ns=at_ns)
        if condition.relearn:
            self._relearn()
        if not condition.judged:
            return self._unfit(condition, luma, at_ns)
        mask = self.motion.step(luma)
        if counts is not None:
            mask = np.asarray(cv2.bitwise_and(mask, counts), np.uint8)
        before, self._before = self._before, luma
        blobs = find_blobs(mask, min_area, None if before is None else partial(_changed, luma, before))
        tracks = self._tracker.step(blobs, at_ns, aspect=self.size[0] / self.size[1])
        return self._fit(condition, luma, mask, tracks, usable=follows and not condition.relearn)

    def absorb_traces(self, sight: Sight, luma: Plane) -> None:
        """Let what does not move and is no thing become background; after everybody has seen `sight`."""
        if sight.background is None:
            return
        for track in sight.tracks:
            if track.still and track.alone and is_trace(track.blob, sight.mask, luma, sight.background):
                self.motion.absorb(window_of(track.blob, sight.mask.shape))

    def reset(self) -> None:
        """Forget what is going on, the background included."""
        self._relearn()
        self._watch.reset()
        self._last_ns = None

    def _relearn(self) -> None:
        self.motion.reset()
        self._tracker.reset()
        self._before = None

    def _unfit(self, condition: Condition, luma: Plane, at_ns: int) -> Sight:
        self._tracker.step([], at_ns)
        self._before = luma
        nothing = self._nothing
        return Sight(condition=condition, mask=nothing, moving=nothing, tracks=(), background=None, usable=False)

    def _fit(self, condition: Condition, luma: Plane, mask: Plane, tracks: list[Track], *, usable: bool) -> Sight:
        learning = self.motion.learning
        return Sight(
            condition=condition,
            mask=mask,
            moving=_without_still(mask, tracks),
            tracks=tuple(tracks),
            background=None if learning else self.motion.background,
            usable=usable and not learning,
        )

    def _follows(self, at_ns: int) -> bool:
        """Whether this frame came about as long after the last as frames here usually do."""
        last_ns, self._last_ns = self._last_ns, at_ns
        if last_ns is None:
            return False
        period_ns = float(at_ns - last_ns)
        usual_ns = self._period_ns or period_ns
        self._period_ns = usual_ns + _SMOOTHING * (period_ns - usual_ns)
        return period_ns <= _GAP * usual_ns


def _changed(luma: Plane, before: Plane, window: Window) -> Plane:
    """Non-zero where a pixel differs from the frame before."""
    differs = cv2.absdiff(luma[window], before[window])
    return np.asarray(cv2.threshold(differs, _CHANGE, 1, cv2.THRESH_BINARY)[1], np.uint8)


def _without_still(mask: Plane, tracks: list[Track]) -> Plane:
    """The mask of what moves: a thing that stands still must not teach its place that speed is none."""
    still = [window_of(track.blob, mask.shape) for track in tracks if track.still]
    if not still:
        return mask
    moving = mask.copy()
    for window in still:
        moving[window] = 0
    return moving
