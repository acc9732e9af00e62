"""Tracks: which blob of this frame is which of the last, so that things have an age, a place and a number."""

import math
from dataclasses import dataclass
from typing import Final

from edge.vision.pixels.blobs import Blob

_REACH: Final = 0.12
"""How far a centre may go between two frames, as a share of the picture's side, and still be the same thing."""
_CONFIRMED_AFTER: Final = 3
_LOST_AFTER_NS: Final = 1_000_000_000
_STILL_NS: Final = 1_000_000_000
_LIMIT: Final = 64
_CHANGED: Final = 0.02
"""What changes by less than this share of its own pixels does not move in this frame."""
SETTLED_RADIUS: Final = 0.08
"""Who stays within this share of the picture's side is in one place (U1.1: 500 px² of variance at 640x480)."""


@dataclass(slots=True)
class Track:
    """One thing over time, in normalised picture coordinates and monotonic nanoseconds.

    `began_ns` is when it began to move, after it came or after it stood still.
    """

    number: int
    blob: Blob
    began_ns: int
    last_ns: int
    anchor: tuple[float, float]
    anchor_ns: int
    moved_ns: int
    hits: int = 1

    @property
    def confirmed(self) -> bool:
        """Whether it was seen often enough to be more than a flicker."""
        return self.hits >= _CONFIRMED_AFTER

    @property
    def dwell_s(self) -> float:
        """For how long it has been in one place."""
        return (self.last_ns - self.anchor_ns) / 1e9

    @property
    def still(self) -> bool:
        """Whether not even a part of it has moved for a second."""
        return self.last_ns - self.moved_ns >= _STILL_NS

    def follow(self, blob: Blob, at_ns: int) -> None:
        """It is at `blob` now."""
        self.blob, self.last_ns = blob, at_ns
        self.hits += 1
        if blob.changed >= _CHANGED:
            self.began_ns = at_ns if self.still else self.began_ns
            self.moved_ns = at_ns
        centre = centre_of(blob)
        if math.dist(centre, self.anchor) > SETTLED_RADIUS:
            self.anchor, self.anchor_ns = centre, at_ns


class Tracker:
    """Follows blobs by overlap, and by nearness where nothing overlaps: greedy, best pairs first."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._numbered = 0

    def step(self, blobs: list[Blob], at_ns: int) -> list[Track]:
        """Take one frame's blobs; return the confirmed tracks that are in it."""
        blobs = blobs[:_LIMIT]
        free = dict(enumerate(blobs))
        for track, index in self._pairs(blobs):
            if index in free and track.last_ns < at_ns:
                track.follow(free.pop(index), at_ns)
        self._tracks = [track for track in self._tracks if at_ns - track.last_ns <= _LOST_AFTER_NS]
        for blob in list(free.values())[: _LIMIT - len(self._tracks)]:
            self._begin(blob, at_ns)
        return [track for track in self._tracks if track.last_ns == at_ns and track.confirmed]

    def reset(self) -> None:
        """Forget all tracks; numbers go on."""
        self._tracks.clear()

    def _pairs(self, blobs: list[Blob]) -> list[tuple[Track, int]]:
        scored = []
        for track in self._tracks:
            for index, blob in enumerate(blobs):
                score = _likeness(track.blob, blob)
                if score > 0:
                    scored.append((score, track.number, track, index))
        scored.sort(key=lambda pair: (-pair[0], pair[1], pair[3]))
        return [(track, index) for _, _, track, index in scored]

    def _begin(self, blob: Blob, at_ns: int) -> None:
        self._numbered += 1
        self._tracks.append(Track(self._numbered, blob, at_ns, at_ns, centre_of(blob), at_ns, at_ns))


def centre_of(blob: Blob) -> tuple[float, float]:
    """The middle of a blob's box."""
    return blob.x + blob.w / 2, blob.y + blob.h / 2


def overlap(a: Blob, b: Blob) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    across = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    down = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return min(shared / (a.w * a.h + b.w * b.h - shared), 1.0)


def _likeness(a: Blob, b: Blob) -> float:
    """1 to 2 for boxes that overlap, 0 to 1 for near ones, 0 for far ones."""
    if shared := overlap(a, b):
        return 1 + shared
    return max(0.0, 1 - math.dist(centre_of(a), centre_of(b)) / _REACH)
