"""A recorded person as a sensor would have sent them."""

from pathlib import Path

import pyarrow.parquet as pq

from edge.core.sample import Channel, Sample

SUBJECT = 5


def body_stream(data: Path, subject: int = SUBJECT) -> list[Sample]:
    """Stress-Predict: conductance and warmth at 4 Hz and the heart at 1 Hz, in order, from 0 ns on."""
    folder = data / "body" / "stress_predict"
    wrist = pq.read_table(folder / "eda_temp_acc_4hz.parquet", filters=[("subject", "=", subject)]).to_pydict()
    heart = pq.read_table(folder / "hr_1hz.parquet", filters=[("subject", "=", subject)]).to_pydict()
    samples = [
        Sample("body", round(i * 0.25e9), {Channel.GSR_US: gsr, Channel.SKIN_C: skin})
        for i, gsr, skin in zip(wrist["i"], wrist["eda_us"], wrist["temp_c"], strict=True)
    ]
    samples += [
        Sample("body", round(at * 1e9), {Channel.HR_BPM: hr})
        for at, hr in zip(heart["t_s"], heart["hr_bpm"], strict=True)
    ]
    return sorted(samples, key=lambda sample: sample.mono_ns)
