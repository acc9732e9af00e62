"""Body signals drawn by formula, with the truth about them: beats of a pulse, responses of a skin."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.core.sample import Channel, Sample

Floats = NDArray[np.float64]

SECOND_NS: Final = 1_000_000_000


def beat_times(seconds: float, *, bpm: float, swing: float = 0.03) -> Floats:
    """Beats of a heart that breathes: the interval swings by a share, over ten beats."""
    steps = 60.0 / bpm * (1 + swing * np.sin(2 * np.pi * np.arange(int(seconds * bpm / 60) + 10) / 10))
    times = 1.0 + np.cumsum(steps)
    return np.asarray(times[times < seconds - 0.5])


def pulse(times: Floats, beats: Floats, *, size: float = 100.0, level: float = 500.0) -> Floats:
    """A systolic wave that peaks at each beat, and a smaller one 0.28 s later."""
    apart = times[:, None] - beats[None, :]
    waves = np.exp(-((apart / 0.09) ** 2)) + 0.3 * np.exp(-(((apart - 0.28) / 0.08) ** 2))
    return np.asarray(level + size * waves.sum(axis=1))


def skin(times: Floats, onsets: Sequence[float], *, size: float = 0.5, level: float = 4.0) -> Floats:
    """A level with responses: a rise in about 2 s, and a decay of 4 s."""
    values = np.full(times.size, level)
    for onset in onsets:
        past = np.maximum(times - onset, 0.0)
        shape = np.exp(-past / 4.0) - np.exp(-past / 0.9)
        values += size * shape / 0.4839
    return values


def every(seconds: float, *, rate_hz: float) -> Floats:
    """Even times from 0."""
    return np.arange(int(seconds * rate_hz)) / rate_hz


def samples_of(channel: Channel, times: Floats, values: Floats, *, sensor: str = "drawn") -> list[Sample]:
    """One sample each."""
    return [
        Sample(sensor, round(at * SECOND_NS), {channel: value})
        for at, value in zip(times.tolist(), values.tolist(), strict=True)
    ]
