"""How far the voices on somebody's emotion are apart."""

from collections.abc import Sequence
from itertools import combinations


def disagreement(voices: Sequence[Sequence[float]]) -> float:
    """The greatest total variation distance between two of the distributions: 0 of one mind, 1 opposite certainties.

    Each is probabilities over the same classes. Fewer than two voices cannot disagree.
    """
    return max((_apart(one, other) for one, other in combinations(voices, 2)), default=0.0)


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    return min(1.0, sum(abs(a - b) for a, b in zip(one, other, strict=True)) / 2)
