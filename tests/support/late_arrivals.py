"""A board with a crystal of its own behind a line that is late by turns: what a host sees, and the truth behind it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """Samples that were read together: the board's time of each, its true time on the host, and when they came."""

    node_us: list[int]
    true_ns: list[int]
    arrived_ns: int


@dataclass(frozen=True, slots=True)
class Path:
    """A line: least delay, what is usual above it, the adapter's latency timer, and stalls of the host."""

    least_ms: float = 1.0
    usual_ms: float = 0.6
    timer_ms: float = 0.0
    stall_every_s: float = 0.0
    stall_ms: float = 0.0


def arrivals(
    rng: random.Random, path: Path, *, drift_ppm: float, rate_hz: float, seconds: float, begin_ns: int = 10**10
) -> Iterator[Arrival]:
    """`seconds` of samples of a board whose clock runs slow by `drift_ppm`."""
    waiting: list[tuple[int, int]] = []
    ready_ns = 0
    for index in range(round(seconds * rate_hz)):
        node_us = round(index * 1e6 / rate_hz)
        true_ns = begin_ns + round(node_us * 1000 * (1 + drift_ppm * 1e-6))
        waiting.append((node_us, true_ns))
        ready_ns = max(ready_ns, true_ns + round((path.least_ms + rng.expovariate(1) * path.usual_ms) * 1e6))
        if path.timer_ms:
            step = round(path.timer_ms * 1e6)
            ready_ns = -(-ready_ns // step) * step
        if path.stall_every_s and rng.random() < 1 / (rate_hz * path.stall_every_s):
            ready_ns += round(rng.uniform(0.2, 1.0) * path.stall_ms * 1e6)
        if ready_ns <= true_ns + round(1e9 / rate_hz) or len(waiting) > rate_hz:
            yield Arrival([at for at, _ in waiting], [at for _, at in waiting], max(ready_ns, true_ns))
            waiting = []
