"""A made-up person: a mood that drifts between the quadrants, and a skin and a heart that follow it.

The shapes are those of the literature, the numbers are round: tonic conductance of a few microsiemens that rises with
arousal; responses (SCR) that come more often when aroused, rise in about a second and decay in about three; a heart
that speeds up with arousal and swings with the breath.
"""

import math
import random
from dataclasses import dataclass
from typing import Final

from edge.core.sample import Channel
from edge.sensing.pulse_wave import PulseWave, TroubleMaker

_MOODS: Final = ((0.7, 0.7), (0.6, -0.6), (-0.7, 0.7), (-0.6, -0.6))
"""Valence and arousal of the four quadrants, -1 to 1."""
_MOOD_TIME_S: Final = 6.0
_SCR_RISE_S: Final = 0.8
_SCR_DECAY_S: Final = 3.0
_SCR_A_MINUTE: Final = (3.0, 14.0)
"""How often responses come at lowest and at highest arousal."""
_BREATH_HZ: Final = 0.25


@dataclass(slots=True)
class _Body:
    valence: float = 0.0
    arousal: float = 0.0
    tonic_us: float = 4.0
    driver_us: float = 0.0
    phasic_us: float = 0.0
    heart_bpm: float = 72.0
    skin_c: float = 33.2


class Participant:
    """Steps through time by `1 / rate_hz`; the same random numbers give the same person.

    With `pulse` they wear an optical pulse sensor instead of one that tells the heart rate, move now and then, and lose
    contact with their sensors.
    """

    def __init__(self, rng: random.Random, *, rate_hz: float, mood_s: float, pulse: bool = False) -> None:
        self._rng = rng
        self._dt = 1.0 / rate_hz
        self._mood_s = mood_s
        self._mood = rng.choice(_MOODS)
        self._body = _Body()
        self._t_s = 0.0
        self._pulse = PulseWave(rng, rate_hz=rate_hz) if pulse else None
        self._finger = TroubleMaker(rng, rate_hz=rate_hz)
        self._hand = TroubleMaker(rng, rate_hz=rate_hz)

    @property
    def mood(self) -> tuple[float, float]:
        """Valence and arousal now, -1 to 1: the truth behind the signals."""
        return self._body.valence, self._body.arousal

    def step(self) -> dict[Channel, float]:
        """The signals a moment later."""
        self._t_s += self._dt
        self._feel()
        self._sweat()
        body = self._body
        breath = math.sin(2 * math.pi * _BREATH_HZ * self._t_s)
        body.heart_bpm = self._towards(body.heart_bpm, 72.0 + 13.0 * body.arousal - 3.0 * body.valence, 4.0)
        body.skin_c = self._towards(body.skin_c, 33.2 - 0.8 * body.arousal, 60.0)
        skin = {
            Channel.GSR_US: max(0.05, body.tonic_us + body.phasic_us + self._rng.gauss(0, 0.004)),
            Channel.SKIN_C: body.skin_c + self._rng.gauss(0, 0.01),
        }
        if self._pulse:
            return self._worn(skin, self._pulse.step(body.heart_bpm + 3.0 * breath, breath, self._finger.step()))
        return skin | {Channel.HR_BPM: body.heart_bpm + 3.0 * breath + self._rng.gauss(0, 0.4)}

    def _worn(self, skin: dict[Channel, float], pulse: float) -> dict[Channel, float]:
        """The signals with what goes wrong at the electrodes of the hand."""
        troubles = self._hand.step()
        if troubles.off:
            skin[Channel.GSR_US] = abs(self._rng.gauss(0.004, 0.001)) + 0.001
        elif troubles.motion:
            skin[Channel.GSR_US] = max(0.05, skin[Channel.GSR_US] + self._rng.gauss(0, 0.4))
        return skin | {Channel.PULSE_RAW: pulse}

    def _feel(self) -> None:
        if self._rng.random() < self._dt / self._mood_s:
            self._mood = self._rng.choice([mood for mood in _MOODS if mood != self._mood])
        body = self._body
        body.valence = self._towards(body.valence, self._mood[0], _MOOD_TIME_S)
        body.arousal = self._towards(body.arousal, self._mood[1], _MOOD_TIME_S)

    def _sweat(self) -> None:
        """Two leaky stages: a response's driver decays into the response, which decays in turn."""
        body, low_high = self._body, _SCR_A_MINUTE
        a_minute = low_high[0] + (low_high[1] - low_high[0]) * (body.arousal + 1) / 2
        if self._rng.random() < a_minute / 60 * self._dt:
            body.driver_us += self._rng.lognormvariate(-0.4, 0.5)
        flow = body.driver_us * min(1.0, self._dt / _SCR_RISE_S)
        body.driver_us -= flow
        body.phasic_us += flow - body.phasic_us * min(1.0, self._dt / _SCR_DECAY_S)
        body.tonic_us = self._towards(body.tonic_us, 4.0 + 1.5 * body.arousal, 20.0)
        body.tonic_us += self._rng.gauss(0, 0.01) * math.sqrt(self._dt)

    def _towards(self, value: float, target: float, time_s: float) -> float:
        return value + (target - value) * min(1.0, self._dt / time_s)
