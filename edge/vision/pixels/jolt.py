"""A camera that begins to shake: where it is is found at once (see `shake`), but between pixels the picture is a guess,
and only after a while has the memory seen what it does to edges. Until then what the next pixels explain is no motion.
"""

from typing import Final

import cv2
import numpy as np

from edge.vision.pixels.luma import Plane
from edge.vision.pixels.shake import Pose

_AT_REST: Final = 64
"""Frames in one place after which a shake is a new one."""
_UNUSED: Final = 32
"""Frames for which a new shake is not yet part of what is remembered."""
_SURE: Final = 0.6
"""A shift that fits worse is no sign of a shake: in quite another light there is always one that fits a little."""
_NEXT: Final = np.ones((3, 3), np.uint8)


class JoltWatch:
    """Follows one camera's poses, frame by frame."""

    def __init__(self) -> None:
        self._rested = self._left = 0

    def jolted(self, pose: Pose) -> bool:
        """Whether the camera began to shake a moment ago: tell each frame's pose, once."""
        if pose.shifted:
            if self._rested >= _AT_REST and pose.fits > _SURE:
                self._left = _UNUSED
            self._rested = 0
        else:
            self._rested += 1
        self._left = max(self._left - 1, 0)
        return self._left > 0

    def forget(self) -> None:
        """Another view follows."""
        self._rested = self._left = 0


def drop_explained(mask: Plane, luma: Plane, background: Plane, threshold: float) -> None:
    """Take out of `mask` where `luma` is within `threshold` of what the background has there or beside it."""
    above, below = cv2.subtract(luma, cv2.dilate(background, _NEXT)), cv2.subtract(cv2.erode(background, _NEXT), luma)
    mask[np.asarray(cv2.max(above, below)) <= threshold] = 0
