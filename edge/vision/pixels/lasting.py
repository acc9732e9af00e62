"""What the places of a view look like as a rule: what passed before the camera while it was learned is no part of it.

A remembered background is made of pixels of many moments. Where something passed while it was learned, grains of that
stay for a while, sharper than anything that a lens gives; a picture without them would look blurred beside it. So how
sharp a place is, and whether it has edges at all, is read from whole pictures, and only what it had in most of the
last ones counts.
"""

from collections import deque
from typing import Final

import numpy as np

from edge.vision.pixels.luma import Floats

LOOKS: Final = 16
"""So many pictures are remembered."""
_AT_LEAST: Final = LOOKS // 4
"""What all but so many of them show, a place has: things that pass hide the edges of a place, too."""


class Lasting:
    """What each cell had in most of the last pictures."""

    def __init__(self) -> None:
        self._looks: deque[Floats] = deque(maxlen=LOOKS)
        self._usual: Floats | None = None

    @property
    def full(self) -> bool:
        """Whether as many pictures are remembered as there may be."""
        return len(self._looks) == LOOKS

    def see(self, energy: Floats, detail: Floats) -> None:
        """Remember the energy of edges and of fine detail of one picture, both by cell."""
        self._looks.append(np.stack((energy, detail)))
        self._usual = None

    def usual(self) -> tuple[Floats, Floats]:
        """Energy and detail that each cell has as a rule. Raise `IndexError` before the first picture."""
        if self._usual is None:
            place = _AT_LEAST * (len(self._looks) - 1) // LOOKS
            self._usual = np.partition(np.asarray(self._looks), place, axis=0)[place]
        return self._usual[0], self._usual[1]
