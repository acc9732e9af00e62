"""Chooses of each frame what is recorded of it: what the camera compressed, or the JPEG."""

from dataclasses import replace
from typing import Final

from edge.core.access_unit import AccessUnit
from edge.core.frame import Frame
from edge.recording.jobs import Material

_MOST_WITHOUT: Final = 10
"""After so many frames without anything that the camera compressed, it does so no more."""


class Feed:
    """One camera's. `copies`: what the camera compressed is preferred. Belongs to the event loop."""

    def __init__(self, *, copies: bool) -> None:
        self._copies = copies
        self._next_seq: int | None = None
        self._without = 0
        self.lost = 0

    @property
    def copying(self) -> bool:
        """Whether what the camera compressed is recorded now, so that nobody need make JPEG for the recorder."""
        return self._next_seq is not None

    def materials(self, frame: Frame) -> list[Material]:
        """What to record of a frame, in order; what cannot be decoded because something before it is missing is left
        out and counted in `lost`."""
        found: list[Material] = list(self._whole(frame)) if self._copies else []
        self._without = 0 if frame.units else self._without + 1
        if self._without > _MOST_WITHOUT and self.copying:
            self.lost += _MOST_WITHOUT
            self.restart()
        return found if self.copying else [_bare(frame)]

    def restart(self) -> None:
        """Take JPEG until the camera's next key unit."""
        self._next_seq = None

    def broken(self) -> None:
        """A unit was lost on the way: nothing can be decoded until the next key."""
        if self._next_seq is not None:
            self._next_seq = -1

    def _whole(self, frame: Frame) -> list[AccessUnit]:
        units = []
        for unit in frame.units:
            if unit.key or unit.seq == self._next_seq:
                units.append(unit)
                self._next_seq = unit.seq + 1
            elif self._next_seq is not None:
                self.lost += 1
                self._next_seq = -1
        return units


def _bare(frame: Frame) -> Frame:
    """Without what others made of it or need of it: it may wait for the encoder, and only its JPEG is counted then."""
    return frame if frame.luma is None and not frame.units else replace(frame, luma=None, units=())
