"""Telling a thing that stands still from a trace: a place where something stood before, or where the light changed.

A thing shows its outline in the picture; a trace shows it in the remembered background, or in neither.
"""

from typing import Final

import cv2
import numpy as np

from edge.vision.pixels.blobs import Blob
from edge.vision.pixels.luma import Floats, Plane

_OUTLINE: Final = np.ones((3, 3), np.uint8)
_CLEARER: Final = 1.2
"""The outline of a thing is so many times as steep in the picture as in the background."""
_FAINT: Final = 2.0
"""Luma per pixel: what is not steeper is no outline."""


def is_trace(blob: Blob, mask: Plane, luma: Plane, background: Plane) -> bool:
    """Whether a blob of `mask` that does not move is no thing: by the steepness of both planes along its outline."""
    steepness = outline_steepness(blob, mask, luma, background)
    return steepness is not None and not _shows(*steepness)


def is_gap(blob: Blob, mask: Plane, luma: Plane, background: Plane) -> bool:
    """Whether a blob of `mask` that does not move is where a thing of the background is gone: the background has its
    outline, the picture has none."""
    steepness = outline_steepness(blob, mask, luma, background)
    return steepness is not None and _shows(steepness[1], steepness[0])


def outline_steepness(blob: Blob, mask: Plane, luma: Plane, background: Plane) -> tuple[float, float] | None:
    """Luma per pixel along the outline of a blob of `mask`, in the picture and in the background; None without any."""
    window = window_of(blob, mask.shape, margin=2)
    outline = cv2.morphologyEx(mask[window], cv2.MORPH_GRADIENT, _OUTLINE) > 0
    if not outline.any():
        return None
    now, then = (_steepness(plane[window].astype(np.float32))[outline].mean() for plane in (luma, background))
    return float(now), float(then)


def window_of(blob: Blob, shape: tuple[int, ...], margin: int = 0) -> tuple[slice, slice]:
    """The rows and columns of a blob's box in a plane of `shape`, and `margin` pixels around it."""
    height, width = shape[0], shape[1]
    top, left = round(blob.y * height), round(blob.x * width)
    bottom, right = round((blob.y + blob.h) * height), round((blob.x + blob.w) * width)
    rows = slice(max(top - margin, 0), min(bottom + margin, height))
    return rows, slice(max(left - margin, 0), min(right + margin, width))


def _shows(here: float, there: float) -> bool:
    return here >= max(_FAINT, _CLEARER * there)


def _steepness(plane: Floats) -> Floats:
    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(cv2.magnitude(across, down), np.float32)
