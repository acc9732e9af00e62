"""A sensor on a made-up participant, for demonstrations and tests."""

import random
import time
from collections.abc import Callable
from typing import Final

from edge.core.clock import Clock
from edge.core.sample import Sample
from edge.sensing.participant import Participant
from edge.sensing.sensor import READ_LIMIT_S, Diagnosis
from edge.sensing.settings import SimulatedSettings

_GAP_S: Final = (0.5, 3.0)
_BEHIND_NS: Final = 2_000_000_000


class SimulatedSensor:
    """A `Sensor` that never fails but now and then loses contact; `pause` lets seconds pass."""

    def __init__(
        self, settings: SimulatedSettings, *, clock: Clock, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self._rng = random.Random(settings.seed)  # noqa: S311 - a simulation, not a secret
        self._participant = Participant(
            self._rng, rate_hz=settings.rate_hz, mood_s=settings.mood_s, pulse=settings.pulse
        )
        self._period_ns = round(1e9 / settings.rate_hz)
        self._due_ns = 0
        self._gap_steps = 0
        self._gap = False

    def open(self) -> None:
        """Begin now."""
        self._due_ns = self._clock.mono_ns()

    def read(self) -> list[Sample]:
        """What is due by now."""
        wait_s = (self._due_ns - self._clock.mono_ns()) / 1e9
        if wait_s > 0:
            self._pause(min(wait_s, READ_LIMIT_S))
        now_ns = self._clock.mono_ns()
        if now_ns - self._due_ns > _BEHIND_NS:
            # The host slept: what would have been measured meanwhile was not.
            self._due_ns, self._gap = now_ns, True
        samples = []
        while self._due_ns <= now_ns:
            samples += self._step()
            self._due_ns += self._period_ns
        return samples

    def close(self) -> None:
        """Nothing to let go of."""

    def describe(self) -> str:
        """What it is."""
        return f"simulated participant {self._settings.seed}"

    def diagnosis(self) -> Diagnosis:
        """Nothing is ever thrown away."""
        return Diagnosis()

    def _step(self) -> list[Sample]:
        values = self._participant.step()
        if self._gap_steps == 0 and self._loses_contact():
            self._gap_steps = round(self._rng.uniform(*_GAP_S) * self._settings.rate_hz)
        if self._gap_steps > 0:
            self._gap_steps -= 1
            self._gap = True
            return []
        gap, self._gap = self._gap, False
        return [Sample(self._settings.id, self._due_ns, values, None, gap)]

    def _loses_contact(self) -> bool:
        every_s = self._settings.gap_every_s
        return every_s > 0 and self._rng.random() < 1 / (every_s * self._settings.rate_hz)
