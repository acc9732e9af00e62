"""What other participants said of the same moments of a stimulus: a table per stimulus, by 5 s of it.

Whoever spoke has one voice for each 5 s, however often they labelled in them; a participant's own labels never count
for themselves.
"""

from collections.abc import Sequence
from typing import Final

from contract.messages import Probe
from contract.sessions import SessionLabel
from edge.affect.segments import SEGMENT_MS

SLICE_MS: Final = SEGMENT_MS
PROBES: Final[tuple[Probe, ...]] = ("HH", "HL", "LH", "LL")
Shares = tuple[float, float, float, float]


class Consensus:
    """The labels of everybody by stimulus. Bounded by the labels that are kept. Belongs to the event loop."""

    def __init__(self, *, reach_s: float) -> None:
        """`reach_s`: over how much of the stimulus a label speaks for moments beside its own."""
        self._reach = int(reach_s * 1000) // SLICE_MS
        self._said: dict[str, dict[str, dict[int, list[int]]]] = {}

    def hear(self, stimulus: str, participant: str, label: SessionLabel) -> None:
        """Count a label; one without a place in the stimulus, or without a quadrant, says nothing here."""
        probe = quadrant_of(label)
        if probe is not None and label.stimulus_ms is not None:
            self.count(stimulus, participant, label.stimulus_ms // SLICE_MS, (probe, 1))

    def count(self, stimulus: str, participant: str, place: int, said: tuple[Probe, int]) -> None:
        """Count a probe that was said so often in slice `place` of the stimulus."""
        slices = self._said.setdefault(stimulus, {}).setdefault(participant, {})
        slices.setdefault(place, [0, 0, 0, 0])[PROBES.index(said[0])] += said[1]

    def forget(self, participant: str) -> None:
        """They were erased."""
        for people in self._said.values():
            people.pop(participant, None)

    def forget_stimulus(self, stimulus: str) -> None:
        """It is not there any more."""
        self._said.pop(stimulus, None)

    def shares(self, stimulus: str, stimulus_ms: int, *, but_of: str) -> Shares | None:
        """How others felt there, as shares of `PROBES` that sum to 1; None if nobody said."""
        middle = stimulus_ms // SLICE_MS
        voices = [
            voice
            for participant, slices in self._said.get(stimulus, {}).items()
            if participant != but_of and (voice := self._nearest(slices, middle))
        ]
        return _mean(voices) if voices else None

    def _nearest(self, slices: dict[int, list[int]], middle: int) -> list[int] | None:
        for distance in range(self._reach + 1):
            for place in (middle - distance, middle + distance):
                if place in slices:
                    return slices[place]
        return None


def quadrant_of(label: SessionLabel) -> Probe | None:
    """The probe that a label says, or that its valence and arousal lie in; None on the lines between quadrants."""
    if label.probe or not label.valence or not label.arousal:
        return label.probe
    index = (0 if label.valence > 0 else 2) + (0 if label.arousal > 0 else 1)
    return PROBES[index]


def _mean(voices: Sequence[Sequence[int]]) -> Shares:
    sums = [sum(voice[index] / sum(voice) for voice in voices) / len(voices) for index in range(len(PROBES))]
    return sums[0], sums[1], sums[2], sums[3]
