"""Keeps one sensor running: re-opened by itself, watched for silence, its samples handed over in order."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.clock import Clock
from edge.core.health import Health
from edge.core.sample import Sample
from edge.core.service import Pulse
from edge.sensing.sensor import Sensor


@dataclass(frozen=True, slots=True)
class SensingStats:
    """How a sensor is doing now.

    `rate_hz` is that of the newest samples, 0 when none came for a while. The counters run since the service began.
    """

    rate_hz: float
    samples: int
    gaps: int
    dropped: int
    bad_rows: int
    implausible: int
    resets: int
    reconnects: int
    last_bad: tuple[str, ...]
    description: str


class SensingService:
    """A `Service` around one sensor. `run` and `stats` belong to the event loop; reading has a thread of its own.

    `open_sensor` makes a fresh, unopened sensor each time (in the reading thread); `deliver` gets every sample in order
    within the event loop and must not block. Health part: `sensor.<id>`.
    """

    def __init__(
        self,
        sensor_id: str,
        *,
        open_sensor: Callable[[], Sensor],
        deliver: Callable[[Sample], None],
        health: Health,
        clock: Clock,
        rng: random.Random,
        stall_s: float = 5.0,
    ) -> None:
        self.name = f"sensor.{sensor_id}"
        self.pulse = Pulse(clock)

    @property
    def stats(self) -> SensingStats:
        """How it is doing now."""
        raise NotImplementedError

    async def run(self) -> None:
        """Work until cancelled."""
        raise NotImplementedError
