"""What other participants said of the same moments of a stimulus: a table per stimulus, by 5 s of it.

Whoever spoke has one voice for each 5 s, however often they labelled in them; a participant's own labels never count
for themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import copysign, tanh
from typing import Final

from contract.messages import Probe
from contract.sessions import SessionLabel
from edge.affect.segments import SEGMENT_MS

SLICE_MS: Final = SEGMENT_MS
PROBES: Final[tuple[Probe, ...]] = ("HH", "HL", "LH", "LL")
_SCALES: Final = 2
Shares = tuple[float, float, float, float]
Means = tuple[float | None, float | None]
"""Of valence and arousal; None where nobody said."""


@dataclass(slots=True)
class _Voice:
    """What one participant said in one slice: how often each probe, and valence and arousal in sum and number."""

    probes: list[int] = field(default_factory=lambda: [0] * len(PROBES))
    sums: list[float] = field(default_factory=lambda: [0.0] * _SCALES)
    points: list[int] = field(default_factory=lambda: [0] * _SCALES)


_Slices = dict[int, _Voice]


class Consensus:
    """The labels of everybody by stimulus. Bounded by the labels that are kept. Belongs to the event loop."""

    def __init__(self, *, reach_s: float) -> None:
        """`reach_s`: over how much of the stimulus a label speaks for moments beside its own."""
        self._reach = int(reach_s * 1000) // SLICE_MS
        self._said: dict[str, dict[str, _Slices]] = {}

    def hear(self, stimulus: str, participant: str, label: SessionLabel) -> None:
        """Count a label; one without a place in the stimulus says nothing here."""
        if label.stimulus_ms is None:
            return
        place, probe = label.stimulus_ms // SLICE_MS, quadrant_of(label)
        if probe is not None:
            self.count(stimulus, participant, place, (probe, 1))
        for scale, point in enumerate(_point_of(label)):
            if point is not None:
                self.feel(stimulus, participant, place, (scale, point, 1))

    def count(self, stimulus: str, participant: str, place: int, said: tuple[Probe, int]) -> None:
        """Count a probe that was said so often in slice `place` of the stimulus."""
        self._voice(stimulus, participant, place).probes[PROBES.index(said[0])] += said[1]

    def feel(self, stimulus: str, participant: str, place: int, felt: tuple[int, float, int]) -> None:
        """Count points in slice `place` of the stimulus: valence (0) or arousal (1), their sum, and how many."""
        voice, (scale, total, times) = self._voice(stimulus, participant, place), felt
        voice.sums[scale] += total
        voice.points[scale] += times

    def forget(self, participant: str) -> None:
        """They were erased."""
        for people in self._said.values():
            people.pop(participant, None)

    def forget_stimulus(self, stimulus: str) -> None:
        """It is not there any more."""
        self._said.pop(stimulus, None)

    def shares(self, stimulus: str, stimulus_ms: int, *, but_of: str) -> Shares | None:
        """How others felt there, as shares of `PROBES` that sum to 1; None if nobody said."""
        voices = self._others(stimulus, stimulus_ms, but_of, lambda voice: any(voice.probes))
        return _mean([voice.probes for voice in voices]) if voices else None

    def means(self, stimulus: str, stimulus_ms: int, *, but_of: str, off_centre: float) -> Means:
        """How others felt there in valence and arousal: the mean of what each felt, moved so far off the centre and
        drawn in by a hyperbolic tangent, so between -1 and 1: which side they felt on counts more than how strongly."""
        found: list[float | None] = []
        for scale in range(_SCALES):
            voices = self._others(stimulus, stimulus_ms, but_of, partial(_points, scale))
            felt = [_drawn_in(voice.sums[scale] / voice.points[scale], off_centre) for voice in voices]
            found.append(sum(felt) / len(felt) if felt else None)
        return found[0], found[1]

    def _voice(self, stimulus: str, participant: str, place: int) -> _Voice:
        slices = self._said.setdefault(stimulus, {}).setdefault(participant, {})
        return slices.setdefault(place, _Voice())

    def _others(
        self, stimulus: str, stimulus_ms: int, but_of: str, speaks: Callable[[_Voice], bool]
    ) -> Sequence[_Voice]:
        """Of everybody else what they said nearest to there: to the 5 s that end with that moment, or go on."""
        middle = max(stimulus_ms - 1, 0) // SLICE_MS
        return [
            voice
            for participant, slices in self._said.get(stimulus, {}).items()
            if participant != but_of and (voice := self._nearest(slices, middle, speaks))
        ]

    def _nearest(self, slices: _Slices, middle: int, speaks: Callable[[_Voice], bool]) -> _Voice | None:
        for distance in range(self._reach + 1):
            for place in (middle - distance, middle + distance):
                if place in slices and speaks(slices[place]):
                    return slices[place]
        return None


def quadrant_of(label: SessionLabel) -> Probe | None:
    """The probe that a label says, or that its valence and arousal lie in; None on the lines between quadrants."""
    if label.probe or not label.valence or not label.arousal:
        return label.probe
    index = (0 if label.valence > 0 else 2) + (0 if label.arousal > 0 else 1)
    return PROBES[index]


def _points(scale: int, voice: _Voice) -> bool:
    return voice.points[scale] > 0


def _point_of(label: SessionLabel) -> Means:
    """Valence and arousal, -1 to 1; of a probe the corner of the square that it is."""
    if label.probe is None:
        return label.valence, label.arousal
    valence, arousal = (1.0 if letter == "H" else -1.0 for letter in label.probe)
    return valence, arousal


def _drawn_in(point: float, off_centre: float) -> float:
    return tanh(point + copysign(off_centre, point)) if point else 0.0


def _mean(voices: Sequence[Sequence[int]]) -> Shares:
    sums = [sum(voice[index] / sum(voice) for voice in voices) / len(voices) for index in range(len(PROBES))]
    return sums[0], sums[1], sums[2], sums[3]
