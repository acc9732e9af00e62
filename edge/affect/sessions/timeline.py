"""Where a stimulus was at which moment: wall time to stimulus time and back, piece by piece.

Who plays the stimulus says now and then where it is and how fast it goes; between two words it went on as the first one
said. A word that only repeats what follows from the one before is not kept, so that an hour is a handful of pieces.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from msgspec import structs

from contract.sessions import StimulusClock

TOLERANCE_MS: Final = 100
"""Players report their place with about the length of a frame or two of jitter."""
MOST_PIECES: Final = 2000
_END_MS: Final = 500
"""A film's last picture stands before what its file gives as its length."""
_SLOWEST: Final = 0.01
"""Of its own speed; what goes slower is halted: no player does, and so small a divisor leads beyond all time."""


class StimulusTimeline:
    """Pure and bounded. Times are milliseconds."""

    def __init__(self, pieces: Sequence[StimulusClock] = (), *, duration_ms: int | None = None) -> None:
        self._duration_ms = duration_ms
        self._pieces: list[StimulusClock] = []
        self.onset_ms: int | None = None
        """When it began to play, however often it was halted or wound since; None before that."""
        for piece in pieces:
            self.tell(piece)

    @property
    def pieces(self) -> list[StimulusClock]:
        """What is kept, oldest first."""
        return list(self._pieces)

    def tell(self, clock: StimulusClock) -> bool:
        """Hear where it is; whether that was news. A word older than one that was heard already changes nothing."""
        if 0 < clock.rate < _SLOWEST:
            clock = structs.replace(clock, rate=0.0)
        last = self._pieces[-1] if self._pieces else None
        if last and clock.at_ms < last.at_ms:
            return False
        if last and self._follows(last, clock):
            return False
        if last and clock.at_ms == last.at_ms:
            self._pieces.pop()
        self._pieces.append(clock)
        if self.onset_ms is None and clock.rate > 0:
            self.onset_ms = clock.at_ms - round(clock.stimulus_ms / clock.rate)
        del self._pieces[:-MOST_PIECES]
        return True

    def at(self, wall_ms: int) -> int | None:
        """Where it was at a moment; None before anybody said."""
        index = bisect_right(self._pieces, wall_ms, key=lambda piece: piece.at_ms)
        return self._within(self._pieces[index - 1], wall_ms) if index else None

    def over(self, wall_ms: int) -> bool:
        """Whether it had come to its end by a moment, and was not wound back."""
        place = self.at(wall_ms)
        return place is not None and self._duration_ms is not None and place > self._duration_ms - _END_MS

    def when(self, stimulus_ms: int) -> int | None:
        """The last moment at which it was there; None if it never was."""
        following: int | None = None
        for piece in reversed(self._pieces):
            wall_ms = _reached(piece, stimulus_ms)
            if wall_ms is not None and (following is None or wall_ms < following):
                return wall_ms
            following = piece.at_ms
        return None

    def _follows(self, last: StimulusClock, clock: StimulusClock) -> bool:
        expected = self._within(last, clock.at_ms)
        return last.rate == clock.rate and abs(expected - clock.stimulus_ms) <= TOLERANCE_MS

    def _within(self, piece: StimulusClock, wall_ms: int) -> int:
        place = piece.stimulus_ms + round((wall_ms - piece.at_ms) * piece.rate)
        if self._duration_ms is None:
            return place
        return min(place, max(self._duration_ms, piece.stimulus_ms))


def _reached(piece: StimulusClock, stimulus_ms: int) -> int | None:
    ahead = stimulus_ms - piece.stimulus_ms
    if ahead == 0:
        return piece.at_ms
    return piece.at_ms + round(ahead / piece.rate) if ahead > 0 and piece.rate > 0 else None
