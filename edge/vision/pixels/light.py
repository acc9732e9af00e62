"""Telling a change of the light from motion: a lamp in a part of the room, a cloud, a camera that turns to infrared.

What the whole picture's gain and offset explain is gone before this is asked (see `shake`). A region whose edges are
those of the background is the background in another light. If nearly everything changes at once, edges and all, it is
another kind of light altogether, and the background must be learned anew.
"""

from collections import deque
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.pixels.luma import Floats, Plane
from edge.vision.pixels.shake import Pose

_WINDOW: Final = 8
"""Frames over which the moving share is compared with its least."""
_GREW: Final = 0.02
_LEAP_FRAMES, _LEAP_FROM, _LEAP_TO = 3, 0.3, 0.65
"""Everything changed at once if the moving share leaps so within so many frames; a bus takes longer."""
_ALL, _ALL_FRAMES = 0.85, 15
"""Nothing of the background is left if so much moves for so many frames."""
_MIDDLE, _JUMP = 100.0, 15.0
"""Luma: the light jumped if a middling brightness became so much another in those few frames. Whatever its gain and
offset leave over then is no motion either."""
_SMALLEST: Final = 0.02
"""Share of the picture: a smaller region is not asked for its edges."""
_AGREES: Final = 0.7
"""Correlation of the edges above which they are the same."""
_FAINT: Final = 2.0
"""Luma per pixel: a region whose edges are fainter on average has none to compare."""


class LightWatch:
    """Follows the moving share of one camera's pictures, frame by frame."""

    def __init__(self) -> None:
        self._shares: deque[float] = deque(maxlen=_WINDOW)
        self._lights: deque[float] = deque(maxlen=_LEAP_FRAMES + 1)
        self._all = 0

    def jumped(self, pose: Pose) -> bool:
        """Whether the light of the whole picture is suddenly another: tell each frame's pose, once."""
        now = pose.gain * _MIDDLE + pose.offset
        self._lights.append(now)
        return max(self._lights) - min(self._lights) > _JUMP

    def rebase(self) -> None:
        """Another light is the usual one now: poses begin anew."""
        self._lights.clear()

    def grew(self, share: float) -> bool:
        """Whether much more moves than a moment ago, so that it is worth asking what it is."""
        return share - min(self._shares, default=share) > _GREW

    def changed(self, share: float) -> bool:
        """Whether everything changed: tell each frame's moving share, once."""
        before = list(self._shares)[-_LEAP_FRAMES:]
        self._shares.append(share)
        self._all = self._all + 1 if share > _ALL else 0
        leapt = bool(before) and min(before) < _LEAP_FROM and share > _LEAP_TO
        return leapt or self._all >= _ALL_FRAMES

    def forget(self) -> None:
        """A new background begins."""
        self._shares.clear()
        self._lights.clear()
        self._all = 0


def find_relit(mask: Plane, luma: Plane, background: Floats) -> NDArray[np.bool_] | None:
    """Where big regions of `mask` show the edges of the background, as the light alone leaves them; None if nowhere.

    Compared at half the size. Each region is judged as a whole: a thing brings edges of its own and hides others.
    """
    size = mask.shape[1] // 2, mask.shape[0] // 2
    small = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=8, ltype=cv2.CV_16U)
    big = np.flatnonzero(stats[1:, 4] >= _SMALLEST * small.size) + 1
    if not big.size:
        return None
    now, then = _edges(luma.astype(np.float32), size), _edges(background, size)
    lit = []
    for label, (left, top, width, height, _) in zip(big.tolist(), stats[big].tolist(), strict=True):
        around = slice(max(top - 1, 0), top + height + 1), slice(max(left - 1, 0), left + width + 1)
        if _agree(now[:, *around], then[:, *around], labels[around] == label):
            lit.append(label)
    if not lit:
        return None
    where = np.isin(labels, lit).astype(np.uint8)
    full = cv2.resize(where, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.dilate(full, np.ones((3, 3), np.uint8)) > 0)


def _edges(plane: Floats, size: tuple[int, int]) -> Floats:
    """The derivatives across and down of a plane brought to `size`, [2, height, width]."""
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0, scale=1 / 8)
    return np.stack([across, cv2.Sobel(small, cv2.CV_32F, 0, 1, scale=1 / 8)])


def _agree(now: Floats, then: Floats, region: NDArray[np.bool_]) -> bool:
    inside = cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    a, b = now[:, inside].ravel(), then[:, inside].ravel()
    if a.size == 0:
        return False
    own, shared = float(b @ b), float(a @ b)
    if own < _FAINT**2 * inside.sum():
        return False
    return bool(shared > _AGREES * (own * float(a @ a)) ** 0.5)
