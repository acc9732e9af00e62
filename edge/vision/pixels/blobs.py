"""Blobs: the connected regions of a motion mask."""

from collections.abc import Callable

import cv2
import msgspec
import numpy as np

from edge.vision.pixels.luma import Plane

Window = tuple[slice, slice]
"""Rows and columns of a plane."""


class Blob(msgspec.Struct, frozen=True):
    """A foreground region: its box in normalised picture coordinates, the share of the picture that it fills, and the
    share of its own pixels that changed since the frame before."""

    x: float
    y: float
    w: float
    h: float
    area: float
    changed: float = 1.0


def find_blobs(mask: Plane, min_area: float, changed: Callable[[Window], Plane] | None = None) -> list[Blob]:
    """The connected regions of a mask that fill at least the share `min_area` of it, biggest first.

    `mask` is 255 or 0, and has fewer than a quarter of a million pixels. `changed` gives for a window of it
    where a pixel differs from the frame before: non-zero. Without it everything counts as changed.
    """
    left, top, across, down = cv2.boundingRect(mask)
    if across == 0:
        return []
    window = slice(top, top + down), slice(left, left + across)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask[window], connectivity=8, ltype=cv2.CV_16U)
    height, width = mask.shape
    moved = stats[:, 4]
    if changed is not None:
        moved = np.bincount(labels[changed(window) > 0], minlength=count)
    rows = zip(stats[1:].tolist(), moved[1:].tolist(), strict=True)
    big = [(box, pixels) for box, pixels in rows if box[4] >= min_area * mask.size]
    big.sort(key=lambda row: -row[0][4])
    return [
        Blob((left + x) / width, (top + y) / height, w / width, h / height, area / mask.size, pixels / area)
        for (x, y, w, h, area), pixels in big
    ]
