"""What reading signals costs: one sensor with skin and pulse at 100 Hz, looked at each second, and eight of them."""

import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.affect.signals.stream import SignalStream
from edge.core.clock import Stamp
from edge.core.sample import Channel, Sample
from tests.support.body import body_stream
from tests.support.drawn_signals import SECOND_NS, beat_times, every, pulse

SECONDS: Final = 300
_SENSORS: Final = 8
_RATE_HZ: Final = 100
_WALL_MS: Final = 1_760_000_000_000


def measure(data_dir: Path) -> dict[str, dict[str, Any]]:
    """`affect_ms_per_signal_s`, samples, a view a second and a segment every five included; CPU of one thread."""
    samples = _sensor(data_dir)
    one = _cost([SignalStream("one")], samples)
    all_of_them = _cost([SignalStream(f"sensor-{number}") for number in range(_SENSORS)], samples)
    return {
        "affect_ms_per_signal_s": {"value": one * 1000, "unit": "ms", "baseline": None, "ratio": None},
        "affect_8_sensors_share": {"value": all_of_them * 100, "unit": "% of core", "baseline": None, "ratio": None},
    }


def _sensor(data_dir: Path) -> list[Sample]:
    """A recorded skin, drawn out to 100 Hz with a sensor's noise, and a drawn pulse with noise."""
    noise = np.random.default_rng(4)
    times = every(SECONDS, rate_hz=_RATE_HZ)
    recorded = [one for one in body_stream(data_dir) if Channel.GSR_US in one.values]
    at = np.array([one.mono_ns / SECOND_NS for one in recorded]) - 600
    skin = np.interp(times, at, np.array([one.values[Channel.GSR_US] for one in recorded]))
    skin += noise.normal(0, 0.002, times.size)
    wave = pulse(times, beat_times(SECONDS, bpm=72)) + noise.normal(0, 2, times.size)
    return [
        Sample("board", round(second * SECOND_NS), {Channel.GSR_US: conductance, Channel.PULSE_RAW: light})
        for second, conductance, light in zip(times.tolist(), skin.tolist(), wave.tolist(), strict=True)
    ]


def _cost(streams: list[SignalStream], samples: list[Sample]) -> float:
    """Seconds of CPU for a second of signals."""
    begun, second = time.thread_time(), 1
    for sample in samples:
        if sample.mono_ns >= second * SECOND_NS:
            _look(streams, second)
            second += 1
        for stream in streams:
            stream.add(sample)
    return (time.thread_time() - begun) / SECONDS


def _look(streams: list[SignalStream], second: int) -> None:
    now = Stamp(second * SECOND_NS, _WALL_MS + second * 1000, True)
    for stream in streams:
        stream.view(now.mono_ns, now)
        if second % 5 == 0:
            stream.summary((second - 5) * SECOND_NS, second * SECOND_NS)
            stream.derived()
