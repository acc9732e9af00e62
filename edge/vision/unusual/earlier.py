"""The plane to compare with: one from about as long ago whatever the rate of frames."""

from collections import deque
from typing import Final

from edge.vision.pixels.luma import Plane

LEAST_LAG_S: Final = 0.06
"""Steps in less time are too short to be told from noise. At 15 frames a second and less it is the frame before."""
_MOST: Final = 16


class Earlier:
    """Keeps the planes of the last tenth of a second or so."""

    def __init__(self) -> None:
        self._planes: deque[tuple[int, Plane]] = deque(maxlen=_MOST)

    def swap(self, luma: Plane, at_ns: int) -> tuple[Plane, float] | None:
        """Take in a plane; return the newest that is `LEAST_LAG_S` older or more, and its age in seconds, if any."""
        if self._planes and at_ns <= self._planes[-1][0]:
            self._planes.clear()
        while len(self._planes) > 1 and self._age_s(1, at_ns) >= LEAST_LAG_S:
            self._planes.popleft()
        found = None
        if self._planes and self._age_s(0, at_ns) >= LEAST_LAG_S:
            found = self._planes[0][1], self._age_s(0, at_ns)
        self._planes.append((at_ns, luma.copy()))
        return found

    def clear(self) -> None:
        """The next plane follows none."""
        self._planes.clear()

    def _age_s(self, index: int, at_ns: int) -> float:
        return (at_ns - self._planes[index][0]) / 1e9
