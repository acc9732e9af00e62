"""OpenCV's background subtractors on the same planes as ours: as they come, in the tuned form of our first experiments,
and closed.

Ours is held against the first two forms of each. The closed form, which fills the holes of what it finds, does better
where things are whole and worse where they are small; it is shown beside them, so that nobody has to ask.
"""

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Rival = Callable[[Mask], Mask]
_MOVING: Final = 255
_HISTORY: Final = 500
_MOG2_VARIANCE: Final = 16
_MOG2_TUNED: Final = 32
_KNN_DISTANCE: Final = 400
_MEDIAN: Final = 5
_SMALL_MEDIAN: Final = 3
_CLOSING: Final = np.ones((5, 5), np.uint8)
HELD_AGAINST: Final = ("MOG2", "MOG2 tuned", "KNN", "KNN tuned")


def rivals() -> dict[str, Rival]:
    """Each method by name, ready for the first plane: uint8 [height, width] in, mask with 255 for moving out."""
    return {
        "MOG2": _masking(cv2.createBackgroundSubtractorMOG2(), _without_shadows),
        "MOG2 tuned": _masking(
            cv2.createBackgroundSubtractorMOG2(_HISTORY, _MOG2_TUNED, detectShadows=False), _cleaned
        ),
        "MOG2 closed": _masking(
            cv2.createBackgroundSubtractorMOG2(_HISTORY, _MOG2_VARIANCE, detectShadows=False), _closed
        ),
        "KNN": _masking(cv2.createBackgroundSubtractorKNN(), _without_shadows),
        "KNN tuned": _masking(
            cv2.createBackgroundSubtractorKNN(_HISTORY, _KNN_DISTANCE, detectShadows=False), _cleaned
        ),
        "KNN closed": _masking(
            cv2.createBackgroundSubtractorKNN(_HISTORY, _KNN_DISTANCE, detectShadows=False), _closed
        ),
    }


def _masking(subtractor: Any, finish: Rival) -> Rival:
    return lambda plane: finish(subtractor.apply(plane))


def _without_shadows(mask: Mask) -> Mask:
    """Shadows, which are marked by 127, are not moving."""
    return np.asarray(cv2.threshold(mask, _MOVING - 1, _MOVING, cv2.THRESH_BINARY)[1], np.uint8)


def _cleaned(mask: Mask) -> Mask:
    """Without specks."""
    return np.asarray(cv2.medianBlur(mask, _MEDIAN), np.uint8)


def _closed(mask: Mask) -> Mask:
    """Without specks and without holes."""
    return np.asarray(cv2.morphologyEx(cv2.medianBlur(mask, _SMALL_MEDIAN), cv2.MORPH_CLOSE, _CLOSING), np.uint8)
