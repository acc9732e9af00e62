"""What the signals showed in one stretch of time, in the shape that a prediction carries."""

from dataclasses import dataclass, field

from contract.messages import SignalState


@dataclass(frozen=True, slots=True)
class SegmentSignals:
    """`numbers` is `Prediction.signals`, `states` is `Prediction.signal_quality`; what is not known is not in them.

    Numbers: `hr_bpm`, `rmssd_ms`, `sdnn_ms` (the heart, over its windows that end with the stretch), `scl_us` (mean
    tonic level) and `scl_slope_us_s`, both only of calibrated boards, `scr_count` and `scr_sum_us` (responses whose
    peak lies in the stretch; of an uncalibrated board the sum is `scr_sum`, in its own measure), `skin_c` (mean),
    `beats` (of those, how many lie in the stretch). States: by name of channel.
    """

    numbers: dict[str, float] = field(default_factory=dict)
    states: dict[str, SignalState] = field(default_factory=dict)
