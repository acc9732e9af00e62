"""The pool of voices: what is to be believed of a segment once everybody who has something to say has spoken.

All numbers are in the graph of the task `voices`; here is only what is put in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.emotions import EMOTIONS, LABEL_SET
from contract.manifest import Manifest
from contract.sessions import SessionLabel
from edge.affect.estimator import Estimate
from edge.affect.voices import Voice
from edge.core.errors import ModelError
from edge.models.session import Model

TASK: Final = "voices"
SPEAKERS: Final = ("body", "labels", "consensus", "face")
"""In the order of the model's `weights`."""
_INPUTS: Final = {
    "body",
    "body_quality",
    "labels",
    "label_ages_s",
    "consensus",
    "face",
    "face_weight",
    "since_onset_s",
}
_NEWER: Final = {"others"}
"""What older models do not ask for."""
_UNKNOWN: Final = 2.0
"""Where nobody knows how others felt: a mean is between -1 and 1."""
_OUTPUTS: Final = {"probabilities", "valence", "arousal", "weights"}
_NOBODY: Final = (0.0, 0.0, 0.0, 0.0)
Shares = Sequence[float]
Means = tuple[float | None, float | None]
"""Of valence and arousal; None where nobody said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a pool of voices wants to be told of others' means, by its manifest."""

    labels: int
    """At so many of the participant's newest labels, beside the segment's own end."""
    off_centre: float
    """How far a value is moved away from the centre before a hyperbolic tangent draws it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What others than the body say of a segment that ends at `end_ms`, `since_onset_s` after the stimulus began."""

    end_ms: int
    since_onset_s: float
    labels: Sequence[SessionLabel] = ()
    """The participant's own, newest first."""
    others: Shares | None = None
    """Of HH, HL, LH, LL."""
    felt: Mapping[int, Means] = field(default_factory=dict)
    """Others' mean of valence and arousal by moment: at `end_ms`, and at those of labels."""
    face: Voice | None = None
    face_weight: float = 0.0

    def past(self, classes: Sequence[str], grade: float = 0.0) -> list[tuple[SessionLabel, list[float]]]:
        """What the participant said up to the segment's end, with its shares of `classes`, newest first."""
        said = [(label, shares_of(label, classes, grade)) for label in self.labels if label.at_ms <= self.end_ms]
        return [(label, shares) for label, shares in said if shares]

    def crowd(self, classes: Sequence[str]) -> Shares:
        """How others felt, in the order of `classes`; all 0 if nobody knows."""
        shares = dict(zip(EMOTIONS, self.others or _NOBODY, strict=True))
        return [shares.get(name, 0.0) for name in classes]

    def opinions(self, classes: Sequence[str]) -> list[Shares]:
        """Each of these voices as a distribution over `classes`."""
        said = [shares for _, shares in self.past(classes)[:1]]
        seen = [[self.face.probabilities.get(name, 0.0) for name in classes]] if self.face and self.face_weight else []
        return [*said, *([self.crowd(classes)] if self.others else []), *seen]


@dataclass(frozen=True, slots=True)
class Pooled:
    """What all say together; `weights` are shares of the say, of those who had any."""

    probe: str | None
    confidence: float
    probabilities: dict[str, float]
    valence: float | None
    arousal: float | None
    weights: dict[str, float] = field(default_factory=dict)


class VoicesPool:
    """Runs one model; may be called in a thread, one call at a time."""

    def __init__(self, model: Model) -> None:
        """Raise `ModelError` if `model` is no pool of voices in the label set that everybody here speaks."""
        manifest = model.manifest
        inputs, outputs = ({tensor.name for tensor in side} for side in (manifest.inputs, manifest.outputs))
        if manifest.label_set != LABEL_SET or not _INPUTS <= inputs <= _INPUTS | _NEWER or not outputs >= _OUTPUTS:
            raise ModelError(
                f"model {manifest.name}: not a pool of voices as the appliance knows them: label set {LABEL_SET!r}, "
                f"inputs {sorted(_INPUTS)} and at most {sorted(_NEWER)} more, outputs {sorted(_OUTPUTS)}"
            )
        self._model = model
        self._inputs_wanted = inputs
        self._classes = manifest.classes
        self._labels = int(next(tensor.shape[0] for tensor in manifest.inputs if tensor.name == "labels"))
        self._decide_above = _number(manifest, "decide_above")
        self._grade = _number(manifest, "grade")

    @property
    def wanted(self) -> Wanted | None:
        """What it wants to be told of others' means; None of an older model, which does not ask for them."""
        if not self._inputs_wanted >= _NEWER:
            return None
        return Wanted(labels=self._labels, off_centre=_number(self._model.manifest, "off_centre"))

    def pool(self, estimate: Estimate, heard: Heard) -> Pooled:
        """What is to be believed after all. Raise `ModelError` if the model fails.

        Where nobody but the body spoke its word stands; where it heard too little it has no say.
        """
        found = self._model.run(self._inputs(estimate, heard))
        if not all(np.isfinite(value).all() for value in found.values()):
            raise ModelError(f"model {self._model.manifest.name}: its output is not finite")
        try:
            return self._pooled(estimate, found)
        except (IndexError, TypeError, ValueError) as error:
            raise ModelError(f"model {self._model.manifest.name}: its output is of another shape: {error}") from error

    def _pooled(self, estimate: Estimate, found: dict[str, NDArray[Any]]) -> Pooled:
        says = zip(SPEAKERS, found["weights"].astype(float).tolist(), strict=True)
        weights = {name: weight for name, weight in says if weight > 0}
        if not set(weights) - {"body"}:
            return _alone(estimate)
        shares = dict(zip(self._classes, found["probabilities"].astype(float).tolist(), strict=True))
        best = max(shares, key=lambda name: shares[name])
        return Pooled(
            probe=best if shares[best] >= self._decide_above else None,
            confidence=shares[best],
            probabilities=shares,
            valence=float(found["valence"][0]),
            arousal=float(found["arousal"][0]),
            weights=weights,
        )

    def _inputs(self, estimate: Estimate, heard: Heard) -> dict[str, NDArray[Any]]:
        labels, ages = np.zeros((self._labels, len(self._classes))), np.full(self._labels, -1.0)
        others = np.full((1 + self._labels, 2), _UNKNOWN)
        others[0] = _felt(heard, heard.end_ms)
        for place, (label, shares) in enumerate(heard.past(self._classes, self._grade)[: self._labels]):
            labels[place], ages[place] = shares, (heard.end_ms - label.at_ms) / 1000
            others[1 + place] = _felt(heard, label.at_ms)
        face = [heard.face.probabilities.get(name, 0.0) for name in self._classes] if heard.face else _NOBODY
        values = {
            "body": [estimate.probabilities.get(name, 0.0) for name in self._classes],
            "body_quality": [estimate.quality if estimate.heard else 0.0],
            "labels": labels,
            "label_ages_s": ages,
            "consensus": heard.crowd(self._classes),
            "face": face,
            "face_weight": [heard.face_weight if heard.face else 0.0],
            "since_onset_s": [max(heard.since_onset_s, 0.0)],
            "others": others,
        }
        return {name: np.asarray(value, np.float32) for name, value in values.items() if name in self._inputs_wanted}


def _felt(heard: Heard, at_ms: int) -> list[float]:
    return [_UNKNOWN if one is None else one for one in heard.felt.get(at_ms, (None, None))]


def _number(manifest: Manifest, name: str) -> float:
    """A parameter; of an older model that does not have it, 0."""
    value = manifest.parameters.get(name, 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def _alone(estimate: Estimate) -> Pooled:
    """The body's own word."""
    return Pooled(
        probe=estimate.probe,
        confidence=estimate.confidence,
        probabilities=estimate.probabilities,
        valence=estimate.valence,
        arousal=estimate.arousal,
        weights={"body": 1.0} if estimate.heard else {},
    )


def shares_of(label: SessionLabel, classes: Sequence[str], grade: float = 0.0) -> list[float] | None:
    """A label as shares of `classes`: all for its probe, or for the quadrant of its valence and arousal; on the line
    between two it is half of each. None if it says neither.

    With a `grade` a point belongs to the quadrants by the logistic of that times its valence and its arousal.
    """
    if label.probe is not None:
        return [float(name == label.probe) for name in classes]
    if label.valence is None and label.arousal is None:
        return None
    valence, arousal = (_high(value, grade) for value in (label.valence, label.arousal))
    return [_side(valence, name[0]) * _side(arousal, name[1]) for name in classes]


def _high(value: float | None, grade: float) -> float:
    if not value:
        return 0.5
    return 1.0 / (1.0 + exp(-grade * value)) if grade else float(value > 0)


def _side(high: float, letter: str) -> float:
    return high if letter == "H" else 1 - high
