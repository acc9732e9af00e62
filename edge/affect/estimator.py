"""The emotion model with its memory of one person: a grid goes in, an estimate comes out.

All names, sizes and thresholds come from the manifest, so that a better model needs no new daemon (it has to have the
inputs `signals`, `valid` and `onset` and a state `x` whose successor is called `x_next`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from contract.emotions import LABEL_SET
from contract.manifest import Manifest
from edge.affect.window import Grid
from edge.core.errors import ModelError
from edge.core.sample import Channel
from edge.models.session import Model

Baseline = Literal["none", "learning", "complete"]
TASK: Final = "emotion"
_NEXT: Final = "_next"
_REST: Final = "rest"
_MOST_PUSHES: Final = 8
"""The strongest are kept: the others add up to little, and a record is not a table."""
_BASELINES: Final[tuple[Baseline, ...]] = ("none", "learning", "complete")
_PLAIN_INPUTS: Final = {"signals", "valid", "onset"}
_PLAIN_OUTPUTS: Final = {"probabilities", "valence", "arousal", "quality"}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the model says of one segment. `probe` is None where it is not sure or heard too little.

    What an older model does not tell is None or empty: `features` in standard deviations of the person, `pushes` as
    log-odds for or against the likeliest class, the change score, the cluster, how far the rest of the person is known.
    """

    probe: str | None
    confidence: float
    probabilities: dict[str, float]
    valence: float | None
    arousal: float | None
    quality: float
    inference_ms: float
    heard: bool = True
    """Whether the signals were good enough to say anything."""
    features: dict[str, float] = field(default_factory=dict)
    pushes: dict[str, float] = field(default_factory=dict)
    change_score: float | None = None
    cluster: int = 0
    baseline: Baseline | None = None


class Estimator:
    """Runs one model for one sensor. Everything but the constructor may be called in a thread, one call at a time."""

    def __init__(self, model: Model, *, now_ns: Callable[[], int], min_quality: float = 0.0) -> None:
        """Raise `ModelError` if `model` is not one of emotion in the label set that everybody here speaks."""
        _check(model.manifest)
        self._model = model
        self._now_ns = now_ns
        signals = next(tensor for tensor in model.manifest.inputs if tensor.name == "signals")
        self.manifest: Final = model.manifest
        self.channels: Final = _channels(model.manifest)
        self.cells: Final = int(signals.shape[0])
        self.rate_hz: Final = float(model.manifest.rate_hz or 0.0)
        self._decide_above = _number(model.manifest, "decide_above")
        self._sure_above = _number(model.manifest, "sure_above")
        self._least_quality = max(min_quality, _number(model.manifest, "least_quality"))
        self._features = [name for name in str(model.manifest.parameters.get("features", "")).split(",") if name]
        self._state: dict[str, NDArray[Any]] = {}
        self.forget()

    def forget(self) -> None:
        """Somebody else wears the sensor now: know nothing."""
        states = [tensor for tensor in self.manifest.inputs if tensor.state]
        self._state = {one.name: np.zeros([int(size) for size in one.shape], one.dtype) for one in states}

    def estimate(self, grid: Grid, *, onset: bool, rest: bool = False) -> Estimate:
        """Judge the segment at whose end `grid` ends; raise `ModelError` and remember nothing of it if that fails.

        `rest`: it belongs to a declared rest, from which the model learns what is normal for the person, if it can.
        """
        begun = self._now_ns()
        if _REST in self._state:
            self._state[_REST][:] = rest
        starts = np.array([onset], np.float32)
        found = self._model.run({"signals": grid.values, "valid": grid.valid, "onset": starts, **self._state})
        if not all(np.isfinite(value).all() for value in found.values()):
            raise ModelError(f"model {self.manifest.name}: its output is not finite")
        try:
            judged = self._judge(found, self._shares(found), (self._now_ns() - begun) / 1e6)
        except (IndexError, TypeError, ValueError) as error:
            raise ModelError(f"model {self.manifest.name}: its output is of another shape: {error}") from error
        self._state = {name: found[name + _NEXT] for name in self._state}
        return judged

    def _shares(self, found: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        shares: NDArray[np.float64] = found["probabilities"].astype(float)
        if shares.min() < 0 or shares.sum() <= 0:
            raise ModelError(f"model {self.manifest.name}: its probabilities are no distribution")
        whole: NDArray[np.float64] = shares / shares.sum()
        return whole

    def _judge(self, found: dict[str, NDArray[Any]], shares: NDArray[np.float64], spent_ms: float) -> Estimate:
        quality = min(1.0, max(0.0, float(found["quality"][0])))
        best = int(shares.argmax())
        heard = quality >= self._least_quality
        confidence = float(found["confidence"][0]) if "confidence" in found else float(shares[best])
        return Estimate(
            probe=self.manifest.classes[best] if heard and self._is_sure(found, float(shares[best])) else None,
            confidence=min(1.0, max(0.0, confidence)),
            probabilities=dict(zip(self.manifest.classes, shares.tolist(), strict=True)),
            valence=float(found["valence"][0]) if heard else None,
            arousal=float(found["arousal"][0]) if heard else None,
            quality=quality,
            inference_ms=spent_ms,
            heard=heard,
            features=self._named(found.get("features")),
            pushes=_strongest(self._named(found["pushes"][:, best] if "pushes" in found else None)),
            change_score=float(found["change_score"][0]) if "change_score" in found else None,
            cluster=max(0, int(found["cluster"][0])) if "cluster" in found else 0,
            baseline=_BASELINES[int(found["baseline_state"][0])] if "baseline_state" in found else None,
        )

    def _is_sure(self, found: dict[str, NDArray[Any]], share: float) -> bool:
        """By the model's own measure of how clear its best class is, where it has one."""
        if "sureness" in found:
            return float(found["sureness"][0]) >= self._sure_above
        return share >= self._decide_above

    def _named(self, values: NDArray[Any] | None) -> dict[str, float]:
        """Values in the order of the features, by name; none where the manifest does not name them."""
        if values is None or len(values) != len(self._features):
            return {}
        return dict(zip(self._features, values.astype(float).tolist(), strict=True))


def _strongest(pushes: dict[str, float]) -> dict[str, float]:
    names = sorted(pushes, key=lambda name: -abs(pushes[name]))[:_MOST_PUSHES]
    return {name: pushes[name] for name in names if pushes[name]}


def _check(manifest: Manifest) -> None:
    states = {tensor.name for tensor in manifest.inputs if tensor.state}
    inputs = {tensor.name for tensor in manifest.inputs}
    outputs = {tensor.name for tensor in manifest.outputs}
    wanted = _PLAIN_OUTPUTS | {name + _NEXT for name in states}
    if manifest.label_set != LABEL_SET or inputs - states != _PLAIN_INPUTS or not outputs >= wanted:
        raise ModelError(
            f"model {manifest.name}: not an emotion model as the appliance knows them: label set {LABEL_SET!r}, "
            f"inputs {sorted(_PLAIN_INPUTS)} and states, outputs {sorted(wanted)}"
        )
    if not manifest.rate_hz:
        raise ModelError(f"model {manifest.name}: its manifest has no rate_hz")


def _channels(manifest: Manifest) -> tuple[Channel, ...]:
    named = str(manifest.parameters.get("channels", ""))
    try:
        return tuple(Channel(name) for name in named.split(","))
    except ValueError as error:
        raise ModelError(f"model {manifest.name}: $.parameters.channels: {error}") from error


def _number(manifest: Manifest, name: str) -> float:
    value = manifest.parameters.get(name, 0.0)
    return float(value) if isinstance(value, int | float) else 0.0
