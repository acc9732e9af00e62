"""How far from its background a pixel must be to move, for the contrast of what the camera sees: in fog, by night or
through a poor lens things stand out less than by a clear day.

They do so by as much less as light and shade of the view itself. A view that is plain, not dull, is told by what moves
in it: a car stands out from an even road as it does from any, and its soft shadow shall be no part of it.
"""

from typing import Final

import cv2

from edge.vision.pixels.luma import Plane

_CLEAR: Final = 32.0
"""Luma: standard deviation of the brightness of a view from which on it is clear."""
_STANDS_OUT: Final = 1.75
"""Things are taken to differ from their background by at least so many of those."""
_LOWEST: Final = 5.0
"""Luma: where what a camera's noise and its compression leave at this size begins."""
_EVERY: Final = 8
"""Frames after which all is measured anew: it changes slowly."""
_ENOUGH: Final = 0.002
"""Share of the picture: what moves in less of it tells nothing."""
_FOLLOWS: Final = 0.25
_DULLS: Final = 0.05
"""A view grows dull by this share of the way at each measurement, and clear at once: while a light changes, what is
remembered of the view is not yet true, and what it is not true in shall not move."""


class FairThreshold:
    """The threshold that was asked for of a clear view, and a lower one of a dull one."""

    def __init__(self, asked: float) -> None:
        """`asked` in luma."""
        self._asked = asked
        self._lowest = min(asked, _LOWEST)
        self.forget()

    @property
    def luma(self) -> float:
        """The threshold as it is now."""
        return max(self._asked * min(self._spread * self._stands_out / (_CLEAR * _STANDS_OUT), 1.0), self._lowest)

    def measure(self, luma: Plane, background: Plane, mask: Plane, shown: Plane | None = None) -> None:
        """Look at a picture, what is remembered of its view, and where something moves in it; tell every picture.

        `shown` is 0 where the view is painted over, which says nothing about it; None: nowhere.
        """
        self._frames += 1
        if self._frames % _EVERY:
            return
        spread = float(cv2.meanStdDev(background, mask=shown)[1][0, 0])
        slowly = self._frames > _EVERY and spread < self._spread
        self._spread += (spread - self._spread) * (_DULLS if slowly else 1.0)
        if cv2.countNonZero(mask) < _ENOUGH * mask.size:
            return
        differs = cv2.mean(cv2.absdiff(luma, background), mask)[0]
        told = max(differs / max(self._spread, 1.0), _STANDS_OUT)
        self._stands_out += _FOLLOWS * (told - self._stands_out)

    def forget(self) -> None:
        """Another view follows; it is taken for a clear one at first."""
        self._frames = 0
        self._spread, self._stands_out = _CLEAR, _STANDS_OUT
