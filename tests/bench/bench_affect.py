"""What emotion costs: taking samples in and judging a segment, against the same features in plain numpy."""

import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from cloud.training import emotion_features as plain
from edge.affect.estimator import Estimator
from edge.affect.window import Grid, SignalWindow
from edge.core.sample import Channel, Sample
from edge.models.store import ModelStore
from tests.support.body import body_stream

MINUTES: Final = 20
_SEGMENT_NS: Final = 5_000_000_000


def measure(data_dir: Path) -> dict[str, dict[str, Any]]:
    """`affect_ms_per_segment` beside plain numpy's; `affect_us_per_signal_s`, samples included; CPU of one thread."""
    samples = [one for one in body_stream(data_dir) if one.mono_ns < MINUTES * 60 * 1_000_000_000]
    estimator = Estimator(ModelStore().load("emotion"), now_ns=time.perf_counter_ns)
    begun = time.thread_time()
    grids = _grids(estimator.channels, samples)
    gathered = time.thread_time()
    for number, grid in enumerate(grids):
        estimator.estimate(grid, onset=number == 0)
    judged = time.thread_time()
    memory = plain.fresh_memory()
    for number, grid in enumerate(grids):
        values = grid.values.astype(np.float64)
        memory = plain.step(values, grid.valid.astype(np.float64), memory, onset=number == 0).memory
    reference = time.thread_time()
    ours, theirs = (judged - gathered) / len(grids) * 1000, (reference - judged) / len(grids) * 1000
    per_second = (judged - begun) / (MINUTES * 60) * 1e6
    return {
        "affect_ms_per_segment": {"value": ours, "unit": "ms", "baseline": theirs, "ratio": ours / theirs},
        "affect_us_per_signal_s": {"value": per_second, "unit": "us", "baseline": None, "ratio": None},
    }


def _grids(channels: tuple[Channel, ...], samples: list[Sample]) -> list[Grid]:
    window = SignalWindow(channels, rate_hz=plain.RATE_HZ, cells=plain.CELLS)
    grids, end_ns = [], _SEGMENT_NS
    for sample in samples:
        while sample.mono_ns >= end_ns:
            grids.append(window.until(end_ns))
            end_ns += _SEGMENT_NS
        window.add(sample)
    return grids
