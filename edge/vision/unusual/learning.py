"""When enough was learned to raise an alarm, and how far it is until then."""

from dataclasses import dataclass
from typing import Final

from edge.vision.unusual.baseline import Cells

_PATIENCE: Final = 10
"""Where next to nothing moves, learning ends after this many times the frames all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How much must be seen before the first alarm, and how ready the alarm is after it."""

    frames: int
    active_frames: int
    sensitivity: float

    def complete(self, seen: Cells) -> bool:
        """Whether enough was seen."""
        if seen.frames >= self.frames * _PATIENCE:
            return True
        return seen.frames >= self.frames and seen.active_frames >= self.active_frames

    def settled(self, seen: Cells) -> bool:
        """Whether so much was seen that scores mean something: half of what is needed."""
        return min(seen.frames / self.frames, seen.active_frames / self.active_frames) > 1 / 2

    def progress(self, seen: Cells) -> float:
        """How far it is, 0 to 1."""
        if self.complete(seen):
            return 1.0
        enough = min(seen.frames / self.frames, seen.active_frames / self.active_frames)
        return min(max(enough, seen.frames / (self.frames * _PATIENCE)), 0.999)
