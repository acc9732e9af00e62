"""What is believed of a segment as the record that goes out."""

from dataclasses import dataclass, field
from typing import Final, cast

from contract.manifest import Manifest
from contract.messages import Prediction, Probe
from edge.affect.estimator import TASK, Estimate
from edge.affect.pooling import Pooled
from edge.affect.runs import Closed
from edge.affect.signals.summary import SegmentSignals

_DIGITS: Final = 6
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """All that was found out about a segment; `pooled` is None where the pool of voices could not be asked."""

    closed: Closed
    estimate: Estimate
    pooled: Pooled | None = None
    signals: SegmentSignals = field(default_factory=SegmentSignals)


def prediction_of(judged: Judged, manifest: Manifest, *, sensor_id: str, user: str | None) -> Prediction:
    """The record of one segment, its numbers rounded to what they are worth."""
    closed, estimate = judged.closed, judged.estimate
    believed = judged.pooled or estimate
    viewing, segment = closed.viewing, closed.segment
    return Prediction(
        task=TASK,
        model=manifest.name,
        model_version=manifest.version,
        source=sensor_id,
        segment_index=segment.index,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        probe=cast("Probe | None", believed.probe),
        confidence=round(believed.confidence, _DIGITS),
        probabilities=_rounded(believed.probabilities, _DIGITS),
        valence=None if believed.valence is None else round(believed.valence, _DIGITS),
        arousal=None if believed.arousal is None else round(believed.arousal, _DIGITS),
        quality=round(estimate.quality, _DIGITS),
        cluster_id=estimate.cluster,
        session_id=viewing.session_id if viewing else None,
        user_id=user,
        video_id=viewing.video_id if viewing else None,
        inference_ms=round(estimate.inference_ms, 3),
        voices=_rounded(judged.pooled.weights if judged.pooled else {}, _SHOWN),
        features=_rounded(estimate.features, _SHOWN),
        pushes=_rounded(estimate.pushes, _SHOWN),
        change_score=None if estimate.change_score is None else round(estimate.change_score, _SHOWN),
        baseline=estimate.baseline,
        signals=_rounded(judged.signals.numbers, _SHOWN),
        signal_quality=judged.signals.states,
    )


def _rounded(values: dict[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in values.items()}
