"""How soon after a beat another one is believed: 0.3 s, unless the heart has been seen to be faster.

A second rise within that time is nearly always the same wave's, so it does not count (Elgendi et al., PLoS ONE
8(10): e76585, 2013). But of a heart above 200 a minute it would take each second beat away, and half the rate would be
told as if it were sure.
"""

from typing import Final

_USUAL_S: Final = 0.3
_LEAST_S: Final = 0.2
_AS_TALL: Final = 0.7
_MIDWAY: Final = 0.15
_CALM: Final = 1.2
_DOUBT: Final = 2
"""What speaks against the time counts twice what speaks for it: of a heart just above it only some beats are lost."""
_ENOUGH: Final = 12


class Refractory:
    """Waves in, in order; says which of them are beats.

    A wave that is left out but stands midway between two beats, as tall as they are, was probably one. What so many of
    them outweigh is the usual time; a heart that has slowed down again brings it back.
    """

    def __init__(self, rate_hz: int) -> None:
        self._usual, self._least = _USUAL_S * rate_hz, _LEAST_S * rate_hz
        self.cut()

    def cut(self) -> None:
        """The signal was interrupted."""
        self._last: tuple[int, float] | None = None
        self._left_out: int | None = None
        self._fast = False
        self._against = 0

    def passes(self, at: int, height: float) -> bool:
        """Whether the wave that peaks at sample `at`, so high above what is around, is a beat of its own."""
        if self._last is None:
            self._last = (at, height)
            return True
        last_at, last_height = self._last
        apart = at - last_at
        if apart < (self._least if self._fast else self._usual):
            if apart >= self._least and height >= _AS_TALL * last_height:
                self._left_out = at
            return False
        self._weigh(last_at, apart)
        self._last, self._left_out = (at, height), None
        return True

    def _weigh(self, last_at: int, apart: int) -> None:
        against = apart >= _CALM * self._usual if self._fast else self._halved(last_at, apart)
        self._against = max(0, self._against + (_DOUBT if against else -1))
        if self._against >= _ENOUGH:
            self._fast, self._against = not self._fast, 0

    def _halved(self, last_at: int, apart: int) -> bool:
        return self._left_out is not None and abs(self._left_out - last_at - apart / 2) <= _MIDWAY * apart
