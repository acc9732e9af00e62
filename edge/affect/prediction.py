"""An estimate of a segment as the record that goes out."""

from collections.abc import Mapping
from typing import Final, cast

from contract.manifest import Manifest
from contract.messages import Prediction, Probe
from edge.affect.estimator import TASK, Estimate
from edge.affect.runs import Closed

_DIGITS: Final = 6


def prediction_of(
    closed: Closed,
    estimate: Estimate,
    manifest: Manifest,
    *,
    sensor_id: str,
    user: str | None,
    voices: Mapping[str, float],
) -> Prediction:
    """The record of one segment, its numbers rounded to what they are worth; `voices` are the weights of the others."""
    viewing, segment = closed.viewing, closed.segment
    return Prediction(
        task=TASK,
        model=manifest.name,
        model_version=manifest.version,
        source=sensor_id,
        segment_index=segment.index,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        probe=cast("Probe | None", estimate.probe),
        confidence=round(estimate.confidence, _DIGITS),
        probabilities={name: round(share, _DIGITS) for name, share in estimate.probabilities.items()},
        valence=_rounded(estimate.valence),
        arousal=_rounded(estimate.arousal),
        quality=round(estimate.quality, _DIGITS),
        session_id=viewing.session_id if viewing else None,
        user_id=user,
        video_id=viewing.video_id if viewing else None,
        inference_ms=round(estimate.inference_ms, 3),
        voices={source: round(weight, _DIGITS) for source, weight in voices.items()},
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
