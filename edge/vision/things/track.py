"""Tracks: one thing over time, where it is, how it moves, and where it should be next."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from edge.vision.pixels.blobs import Blob

_CONFIRMED_AFTER: Final = 3
_ESTABLISHED_NS: Final = 700_000_000
_STILL_NS: Final = 1_000_000_000
_SPEED_NS: Final = 500_000_000
_SAMPLES: Final = 64
_CHANGED: Final = 0.02
"""What changes by less than this share of its own pixels does not move in this frame."""
_SLOW: Final = 0.03
"""Picture widths a second: who is slower has no heading, for a box trembles by about half of that."""
_STEADY: Final = 0.015
"""Shares of the picture's side by which an outline trembles."""
SETTLED_RADIUS: Final = 0.08
"""Who stays within this share of the picture's side is in one place (U1.1: 500 px² of variance at 640x480)."""


@dataclass(slots=True)
class Track:
    """One thing over time, in normalised picture coordinates and monotonic nanoseconds.

    `began_ns` is when it began to move, after it came or after it stood still. `alone_ns` is when it was last seen by
    itself, not in one blob with others. `aspect` is the picture's width by its height. `velocity` is in shares of the
    picture's width and height a second, over the last half second; 0, 0 of a new one.
    """

    number: int
    blob: Blob
    began_ns: int
    last_ns: int
    anchor: tuple[float, float]
    anchor_ns: int
    moved_ns: int
    born_ns: int
    alone_ns: int
    origin: tuple[float, float]
    aspect: float = 4 / 3
    hits: int = 1
    velocity: tuple[float, float] = (0.0, 0.0)
    path: deque[tuple[int, float, float]] = field(default_factory=lambda: deque(maxlen=_SAMPLES))

    @property
    def confirmed(self) -> bool:
        """Whether it was seen often enough to be more than a flicker."""
        return self.hits >= _CONFIRMED_AFTER

    @property
    def established(self) -> bool:
        """Whether it is known for long enough to be somebody of its own also while one blob hides it."""
        return self.confirmed and self.last_ns - self.born_ns >= _ESTABLISHED_NS

    @property
    def alone(self) -> bool:
        """Whether it was last seen in a blob of its own."""
        return self.alone_ns == self.last_ns

    @property
    def dwell_s(self) -> float:
        """For how long it has been in one place."""
        return (self.last_ns - self.anchor_ns) / 1e9

    @property
    def age_s(self) -> float:
        """For how long it is known."""
        return (self.last_ns - self.born_ns) / 1e9

    @property
    def still(self) -> bool:
        """Whether not even a part of it has moved for a second."""
        return self.last_ns - self.moved_ns >= _STILL_NS

    @property
    def course(self) -> tuple[float, float | None]:
        """Its speed in picture widths a second over the last half second, and its heading in degrees clockwise from
        up, as seen in the picture; None while it is slow."""
        across, down = self.velocity
        down /= self.aspect
        speed = math.hypot(across, down)
        return speed, None if speed < _SLOW else math.degrees(math.atan2(across, -down)) % 360

    def predicted(self, at_ns: int) -> tuple[float, float, float, float]:
        """Its box (x, y, w, h) at `at_ns` if it goes on as it did."""
        blob = self.blob
        if self.still:
            return blob.x, blob.y, blob.w, blob.h
        across, down = self.velocity
        passed_s = (at_ns - self.last_ns) / 1e9
        return blob.x + across * passed_s, blob.y + down * passed_s, blob.w, blob.h

    def follow(self, blob: Blob, at_ns: int) -> None:
        """It is at `blob` now, by itself."""
        self.alone_ns = at_ns
        if blob.changed >= _CHANGED:
            self._stir(at_ns)
        self._go(blob, at_ns)

    def share(self, blob: Blob, at_ns: int) -> None:
        """It is somewhere in `blob` now, together with others: where it should be, as far as that is in the blob.

        What changes in the blob is put down to those who were moving, or whom it takes along.
        """
        x, y, w, h = self.predicted(at_ns)
        inside_x = min(max(x, blob.x), max(blob.x + blob.w - w, blob.x))
        inside_y = min(max(y, blob.y), max(blob.y + blob.h - h, blob.y))
        stays = self.still and math.hypot(inside_x - x, inside_y - y) <= _STEADY
        if not stays:
            x, y = inside_x, inside_y
        if blob.changed >= _CHANGED and not stays:
            self._stir(at_ns)
        self._go(Blob(x, y, w, h, self.blob.area, blob.changed), at_ns)

    def _stir(self, at_ns: int) -> None:
        self.began_ns = at_ns if self.still else self.began_ns
        self.moved_ns = at_ns

    def _go(self, blob: Blob, at_ns: int) -> None:
        self.blob, self.last_ns = blob, at_ns
        self.hits += 1
        x, y = centre_of(blob)
        path = self.path
        path.append((at_ns, x, y))
        while len(path) > 2 and at_ns - path[0][0] > _SPEED_NS:  # noqa: PLR2004 - a speed takes two
            path.popleft()
        from_ns, from_x, from_y = path[0]
        passed_s = (at_ns - from_ns) / 1e9
        self.velocity = ((x - from_x) / passed_s, (y - from_y) / passed_s) if passed_s > 0 else (0.0, 0.0)
        if math.hypot(x - self.anchor[0], y - self.anchor[1]) > SETTLED_RADIUS:
            self.anchor, self.anchor_ns = (x, y), at_ns


def begin(number: int, blob: Blob, at_ns: int, aspect: float) -> Track:
    """A new track, first seen at `blob`."""
    x, y = centre_of(blob)
    track = Track(
        number=number,
        blob=blob,
        began_ns=at_ns,
        last_ns=at_ns,
        anchor=(x, y),
        anchor_ns=at_ns,
        moved_ns=at_ns,
        born_ns=at_ns,
        alone_ns=at_ns,
        origin=(x, blob.y + blob.h),
        aspect=aspect,
    )
    track.path.append((at_ns, x, y))
    return track


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
