"""Other voices on somebody's emotion than their body's, such as a face: few, short-lived, and told in the record."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_LIMIT: Final = 64
_HALF_LIFE_S: Final = 2.5


@dataclass(frozen=True, slots=True)
class Voice:
    """What `source` said at one moment: probabilities over the probes, and how much that is worth (0 to 1)."""

    source: str
    mono_ns: int
    probabilities: Mapping[str, float]
    weight: float


class Voices:
    """The newest voices on one participant, who wears one sensor. Belongs to the event loop; bounded."""

    def __init__(self) -> None:
        self._heard: deque[Voice] = deque(maxlen=_LIMIT)

    def hear(self, source: str, mono_ns: int, probabilities: Mapping[str, float], weight: float) -> None:
        """Keep what `source` said; what is no distribution, or of no weight, is not heard."""
        usable = {probe: share for probe, share in probabilities.items() if 0 <= share <= 1}
        if 0 < weight <= 1 and sum(usable.values()) > 0:
            self._heard.append(Voice(source, mono_ns, usable, weight))

    def between(self, start_ns: int, end_ns: int) -> list[Voice]:
        """One voice for each source that spoke in a segment: the mean of what it said, the later the more."""
        spoken = [voice for voice in self._heard if start_ns <= voice.mono_ns < end_ns]
        sources = sorted({voice.source for voice in spoken})
        return [_mean(name, [voice for voice in spoken if voice.source == name], end_ns) for name in sources]


def loudest(spoken: list[Voice]) -> Voice | None:
    """The voice of most weight."""
    return max(spoken, key=lambda voice: voice.weight, default=None)


def _mean(source: str, spoken: list[Voice], end_ns: int) -> Voice:
    fresh = [voice.weight * 0.5 ** ((end_ns - voice.mono_ns) / 1e9 / _HALF_LIFE_S) for voice in spoken]
    names = sorted({name for voice in spoken for name in voice.probabilities})
    total = sum(fresh)
    shares = {
        name: sum(weight * voice.probabilities.get(name, 0.0) for weight, voice in zip(fresh, spoken, strict=True))
        / total
        for name in names
    }
    return Voice(source, spoken[-1].mono_ns, shares, max(fresh))
