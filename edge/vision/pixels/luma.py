"""From a JPEG to the small brightness plane that analysis works on, without ever decoding the whole picture."""

import math
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.errors import EdgeError
from edge.core.frame import Frame

CELL: Final = 10
"""Side of a cell of the anomaly model in pixels; analysis sizes are whole cells."""
_AREA: Final = 160 * 120
"""Where accuracy for the cost was best (measured on the CDnet recordings)."""
_REDUCED: Final = (
    (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
    (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
    (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
)
Plane = NDArray[np.uint8]
Floats = NDArray[np.float32]


class FrameUndecodableError(EdgeError):
    """A frame's bytes are no JPEG that can be decoded."""


@lru_cache(maxsize=64)
def analysis_size(width: int, height: int) -> tuple[int, int]:
    """Width and height, whole cells, to analyse frames of `width` x `height` at.

    Of the grids whose shape is within half a per cent of the best fit to the frame's, the one nearest 160x120 pixels:
    160x120 for 4:3, 160x90 for 16:9, 180x120 for 3:2. So a frame is scaled nearly alike both ways, and 640x480 and
    1280x720 come out of the JPEG decoder at the very size.
    """
    wanted = width / height
    grids = [(columns, rows) for columns in range(6, 31) for rows in range(6, 31)]
    columns, rows = min(grids, key=lambda grid: _misfit(grid[0], grid[1], wanted))
    return columns * CELL, rows * CELL


def read_luma(frame: Frame, size: tuple[int, int]) -> Plane:
    """The brightness of `frame` at `size` (width, height), uint8 [height, width].

    The JPEG is decoded at the coarsest scale of its transform (1/8, 1/4, 1/2) that is no smaller than `size`.
    Raise `FrameUndecodableError` if it cannot be.
    """
    plane = frame.luma if frame.luma is not None else _decode(frame, size)
    if (plane.shape[1], plane.shape[0]) == size:
        return plane
    shrinks = plane.shape[1] >= size[0] and plane.shape[0] >= size[1]
    return np.asarray(
        cv2.resize(plane, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), dtype=np.uint8
    )


def _misfit(columns: int, rows: int, wanted: float) -> tuple[float, float]:
    shape = abs(math.log(columns / rows / wanted))
    return round(shape * 200) / 200, abs(math.log(columns * rows * CELL * CELL / _AREA))


def _decode(frame: Frame, size: tuple[int, int]) -> Plane:
    flag = next(
        (flag for by, flag in _REDUCED if frame.width >= size[0] * by and frame.height >= size[1] * by),
        cv2.IMREAD_GRAYSCALE,
    )
    try:
        plane = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), flag)
    except cv2.error as error:
        raise FrameUndecodableError(f"frame {frame.seq} of {frame.camera} cannot be decoded: {error.err}") from error
    if plane is None:
        raise FrameUndecodableError(f"frame {frame.seq} of {frame.camera} is no JPEG")
    return np.asarray(plane, dtype=np.uint8)
