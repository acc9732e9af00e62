"""What detectors say: where something is, what it is, how sure that is, and what a face expresses."""

from collections.abc import Mapping
from dataclasses import dataclass

from contract.messages import Box


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that a detector found; its box is in shares of the whole picture, inside 0..1, its score from 0 to 1.

    `box.label` is the class by the name that the model's manifest has for it.
    """

    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Label:
    """What a track is, and how sure that still is (0 to 1)."""

    label: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """What the face in front of a camera expressed at one moment.

    `probabilities` are over the probes HH, HL, LH and LL (first letter valence) and sum to 1; `confidence`, from 0 to
    1, is how much they are worth: the certainty of the face times that of the classifier.
    """

    camera: str
    mono_ns: int
    t_ms: int
    probabilities: Mapping[str, float]
    confidence: float
