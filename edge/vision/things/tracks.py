"""Follows blobs from frame to frame, so that things have an age, a place, a speed and a number.

A track is expected where it would be if it went on as it did. Where it is not seen it is waited for there, and where
one blob covers several known things they go on in it, each at its own pace, until they part again.
"""

from collections import defaultdict
from typing import Final

from edge.vision.pixels.blobs import Blob
from edge.vision.things.pairing import Box, coverings, pairs
from edge.vision.things.track import SETTLED_RADIUS, Track, begin, centre_of, overlap

__all__ = ["SETTLED_RADIUS", "Track", "Tracker", "centre_of", "overlap"]
MOST: Final = 512
"""Tracks, those that are waited for included; of more blobs the biggest count."""
LOST_AFTER_NS: Final = 2_000_000_000
_FLICKER_NS: Final = 400_000_000
"""What was not seen often enough to be confirmed is waited for only so long."""
_SHARED_NS: Final = 6_000_000_000
"""Who was not seen alone for so long is no longer told apart from who it went together with."""
_TOP_SPEED: Final = 1.5
"""Picture sides a second that a thing may be away from where it was expected."""
_REACH: Final = (0.06, 0.15)
"""The least and the most of that for one frame, as a share of the picture's side."""
_WITHIN: Final = 0.6
_GROWN: Final = 1.2
"""A blob holds several if their places are so far within it and it is so many times as large as the one it was."""
_PARTNER: Final = 0.15
"""Who goes on unseen in a blob fills at least this share of it."""


class Tracker:
    """The tracks of one camera; belongs to one thread at a time."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._numbered = 0
        self._before_ns = 0

    def step(self, blobs: list[Blob], at_ns: int, *, aspect: float = 4 / 3) -> list[Track]:
        """Take one frame's blobs, biggest first; return the confirmed tracks that are in it.

        `at_ns` grows from frame to frame; `aspect` is the picture's width by its height.
        """
        blobs = blobs[:MOST]
        expected = [track.predicted(at_ns) for track in self._tracks]
        found = [(blob.x, blob.y, blob.w, blob.h) for blob in blobs]
        made = pairs(expected, found, lambda row: _reach(at_ns - self._tracks[row].last_ns))
        companies = self._companies(made, expected, found, blobs)
        for row, column in made:
            self._lead(self._tracks[row], blobs[column], companies.get(column, []), at_ns)
        self._drop(expected, at_ns)
        known = {column for _, column in made}
        for column, blob in enumerate(blobs):
            if column not in known and len(self._tracks) < MOST:
                self._begin(blob, at_ns, aspect)
        self._before_ns = at_ns
        return [track for track in self._tracks if track.last_ns == at_ns and track.confirmed]

    def reset(self) -> None:
        """Forget all tracks; numbers go on."""
        self._tracks.clear()

    def _companies(
        self, made: list[tuple[int, int]], expected: list[Box], found: list[Box], blobs: list[Blob]
    ) -> dict[int, list[Track]]:
        """For each blob the tracks beside its own that were seen just before and have gone into it."""
        known = {row for row, _ in made}
        missed = [row for row, track in enumerate(self._tracks) if row not in known and self._was_there(track)]
        if not missed or not made:
            return {}
        owners = {column: row for row, column in made}
        columns = list(owners)
        within = coverings([expected[row] for row in missed], [found[column] for column in columns])
        companies: dict[int, list[Track]] = defaultdict(list)
        for row, best, share in within:
            column, track = columns[best], self._tracks[missed[row]]
            if share >= _WITHIN and _holds_both(blobs[column], self._tracks[owners[column]], track):
                companies[column].append(track)
        return companies

    def _was_there(self, track: Track) -> bool:
        return track.last_ns == self._before_ns and track.established

    def _lead(self, owner: Track, blob: Blob, company: list[Track], at_ns: int) -> None:
        if not company:
            owner.follow(blob, at_ns)
            return
        for track in (owner, *company):
            track.share(blob, at_ns)

    def _drop(self, expected: list[Box], at_ns: int) -> None:
        known = zip(self._tracks, expected, strict=True)
        self._tracks = [track for track, box in known if track.last_ns == at_ns or _is_awaited(track, box, at_ns)]

    def _begin(self, blob: Blob, at_ns: int, aspect: float) -> None:
        self._numbered += 1
        self._tracks.append(begin(self._numbered, blob, at_ns, aspect))


def _reach(unseen_ns: int) -> float:
    """How far from where it is expected a track may be: the farther the longer it was not seen."""
    least, most = _REACH
    return min(max(_TOP_SPEED * (unseen_ns / 1e9), least), most)


def _holds_both(blob: Blob, owner: Track, other: Track) -> bool:
    """Whether `blob` has grown too large for its owner alone, or held both already; and `other` is part of it."""
    together = not other.alone
    if not together:
        boxes = blob.w * blob.h, owner.blob.w * owner.blob.h
        together = blob.area >= _GROWN * owner.blob.area or boxes[0] >= _GROWN * boxes[1]
    lately = other.last_ns - other.alone_ns <= _SHARED_NS
    return together and lately and other.blob.area >= _PARTNER * blob.area


def _is_awaited(track: Track, expected: Box, at_ns: int) -> bool:
    """Whether a track that is not seen may still come back: not for long, and not outside of the picture."""
    if at_ns - track.last_ns > (LOST_AFTER_NS if track.confirmed else _FLICKER_NS):
        return False
    x, y, w, h = expected
    return -w / 2 <= x + w / 2 <= 1 + w / 2 and -h / 2 <= y + h / 2 <= 1 + h / 2
