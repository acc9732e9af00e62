"""Telling a source that hangs from one that shows a still picture: a camera has noise, so no two pictures are alike."""

from typing import Final

import cv2

from edge.vision.pixels.luma import Plane

_ALIKE: Final = 0.0005
"""Two planes of which no larger share of pixels differs at all are the same picture."""
_AFTER_NS: Final = 5_000_000_000
_ALIVE_NS: Final = 1_000_000_000
_LONGEST_NS: Final = 320_000_000_000
"""A source that has stood still and went on may do so: each time, twice as long must pass until it is told of again."""


class RepeatWatch:
    """Follows whether pictures repeat."""

    def __init__(self) -> None:
        self._before: Plane | None = None
        self._same_ns = 0
        self._differs_ns: int | None = None
        self._after_ns = _AFTER_NS
        self._frozen = False
        self.repeats = False
        """Whether the last picture was the one before."""

    def step(self, luma: Plane, at_ns: int) -> int | None:
        """Since when the source has been frozen; None if it is not. `luma` must not change afterwards."""
        before, self._before = self._before, luma
        self.repeats = before is not None and before.shape == luma.shape and _alike(before, luma)
        if not self.repeats:
            self._goes_on(at_ns)
        else:
            self._differs_ns = None
            if at_ns - self._same_ns >= self._after_ns:
                self._frozen = True
        return self._same_ns if self._frozen else None

    def _goes_on(self, at_ns: int) -> None:
        if self._differs_ns is None:
            self._differs_ns = at_ns
        if not self._frozen:
            self._same_ns = at_ns
        elif at_ns - self._differs_ns >= _ALIVE_NS:
            self._frozen = False
            self._same_ns = at_ns
            self._after_ns = min(2 * self._after_ns, _LONGEST_NS)


def _alike(before: Plane, luma: Plane) -> bool:
    return cv2.countNonZero(cv2.absdiff(before, luma)) <= _ALIKE * luma.size
