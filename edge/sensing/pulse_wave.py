"""A made-up optical pulse on a fingertip, and what goes wrong with electrodes: for demonstrations and tests.

One beat is a systolic wave and the smaller diastolic one after it, each a bell over the beat's phase, as in Allen,
"Photoplethysmography and its application in clinical physiological measurement", 2007. The numbers are round.
"""

import math
import random
from dataclasses import dataclass
from typing import Final

_WAVES: Final = ((0.22, 0.075, 1.0), (0.52, 0.11, 0.34))
"""Phase, width and height of the systolic and the diastolic wave of a beat."""
_LEVEL: Final = 512.0
_HEIGHT: Final = 170.0
_NOISE: Final = 1.5
_LIGHT_WITHOUT_FINGER: Final = 1010.0
_SHAKE: Final = 90.0
_SHAKE_HZ: Final = 2.3
_TOP: Final = 1023.0


@dataclass(frozen=True, slots=True)
class Troubles:
    """What is wrong at a moment: the finger moves, or a sensor is off the skin."""

    motion: bool = False
    off: bool = False


class TroubleMaker:
    """Draws episodes: motion of some seconds every one and a half minutes, a sensor off the skin every four."""

    def __init__(self, rng: random.Random, *, rate_hz: float) -> None:
        self._rng = rng
        self._rate_hz = rate_hz
        self._motion = self._off = 0

    def step(self) -> Troubles:
        """What is wrong a moment later."""
        self._motion = self._left(self._motion, every_s=90, from_s=2, to_s=6)
        self._off = self._left(self._off, every_s=240, from_s=5, to_s=12)
        return Troubles(motion=self._motion > 0, off=self._off > 0)

    def _left(self, steps: int, *, every_s: float, from_s: float, to_s: float) -> int:
        if steps > 0:
            return steps - 1
        begins = self._rng.random() < 1 / (every_s * self._rate_hz)
        return round(self._rng.uniform(from_s, to_s) * self._rate_hz) if begins else 0


class PulseWave:
    """Counts of a 10-bit converter, 0 to 1023."""

    def __init__(self, rng: random.Random, *, rate_hz: float) -> None:
        self._rng = rng
        self._dt = 1 / rate_hz
        self._phase = 0.0
        self._t_s = 0.0
        self._height = 1.0
        self._stretch = 1.0

    def step(self, heart_bpm: float, breath: float, troubles: Troubles) -> float:
        """The reading a moment later of a heart at `heart_bpm`; `breath` from -1 to 1 moves level and height."""
        self._t_s += self._dt
        self._beat(heart_bpm)
        if troubles.off:
            return self._read(_LIGHT_WITHOUT_FINGER)
        wave = sum(height * math.exp(-(((self._phase - at) / width) ** 2) / 2) for at, width, height in _WAVES)
        value = _LEVEL + 12.0 * breath + _HEIGHT * self._height * (1 + 0.08 * breath) * (wave - 0.25)
        if troubles.motion:
            value += _SHAKE * (math.sin(2 * math.pi * _SHAKE_HZ * self._t_s) + self._rng.gauss(0, 0.8))
        return self._read(value)

    def _beat(self, heart_bpm: float) -> None:
        self._phase += self._dt * heart_bpm / 60 * self._stretch
        if self._phase >= 1:
            self._phase %= 1
            self._stretch = 1 + self._rng.gauss(0, 0.02)
            self._height = min(max(self._height + self._rng.gauss(0, 0.03), 0.6), 1.4)

    def _read(self, value: float) -> float:
        return min(max(value + self._rng.gauss(0, _NOISE), 0.0), _TOP)
