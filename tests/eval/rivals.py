"""OpenCV's background subtractors, as they come and in the best tuned form that we know, on the same planes as ours."""

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Rival = Callable[[Mask], Mask]
_MOVING: Final = 255
_MEDIAN: Final = 5
_VARIANCE: Final = 32


def rivals() -> dict[str, Rival]:
    """Each method by name, ready for the first plane: uint8 [height, width] in, mask with 255 for moving out."""
    return {
        "MOG2": _as_it_comes(cv2.createBackgroundSubtractorMOG2()),
        "MOG2 tuned": _tuned(cv2.createBackgroundSubtractorMOG2(detectShadows=False, varThreshold=_VARIANCE)),
        "KNN": _as_it_comes(cv2.createBackgroundSubtractorKNN()),
        "KNN tuned": _tuned(cv2.createBackgroundSubtractorKNN(detectShadows=False)),
    }


def _as_it_comes(subtractor: Any) -> Rival:
    """Shadows, which it marks by 127, are not moving."""

    def look(plane: Mask) -> Mask:
        return np.asarray(cv2.compare(subtractor.apply(plane), _MOVING, cv2.CMP_EQ), np.uint8)

    return look


def _tuned(subtractor: Any) -> Rival:
    """No shadow flags, and a median that takes away specks."""

    def look(plane: Mask) -> Mask:
        return np.asarray(cv2.medianBlur(subtractor.apply(plane), _MEDIAN), np.uint8)

    return look
