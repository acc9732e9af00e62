"""Keeps one sensor running: re-opened by itself, watched for silence, its samples handed over in order."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from contract.sessions import CommandResult, SensorCommand, SensorView
from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import RefusedError, SourceEndedError, SourceUnavailableError
from edge.core.health import Health, State
from edge.core.sample import Sample
from edge.core.service import Pulse
from edge.sensing.reader import SensorReader
from edge.sensing.sensor import Diagnosis, Sensor
from edge.sensing.settings import BaseSettings

_TICK_S: Final = 1.0
_RATE_OVER: Final = 64


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
    lost: int = 0
    """Frames that the board sent and that never arrived whole."""


class SensingService:
    """A `Service` around one sensor. `run` and `stats` belong to the event loop; reading has a thread of its own.

    `open_sensor` makes a fresh, unopened sensor each time (in the reading thread); `deliver` gets every sample in order
    within the event loop and must not block. `settings` are those of the sensor, for `view` to tell its name and
    kind. Health part: `sensor.<id>`.
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
        settings: BaseSettings | None = None,
        stall_s: float = 5.0,
    ) -> None:
        self.name = f"sensor.{sensor_id}"
        self._id = sensor_id
        self._title = settings.name if settings else ""
        self._source = str(settings.__struct_config__.tag) if settings else ""
        self.pulse = Pulse(clock)
        self._open_sensor = open_sensor
        self._deliver = deliver
        self._health = health
        self._clock = clock
        self._backoff = Backoff(rng)
        self._stall_ns = round(stall_s * 1e9)
        self._reader: SensorReader | None = None
        self._turns = 0
        self._past = _Totals()
        self._silent_since_ns = 0
        self._at_last_sample = Diagnosis()
        self._times: deque[int] = deque(maxlen=_RATE_OVER)
        self._samples = self._gaps = self._reconnects = 0
        self._lost = False

    @property
    def stats(self) -> SensingStats:
        """How it is doing now."""
        total = self._past.with_reader(self._reader)
        return SensingStats(
            rate_hz=self._rate_hz(),
            samples=self._samples,
            gaps=self._gaps,
            dropped=total.dropped,
            bad_rows=total.bad_rows,
            implausible=total.implausible,
            resets=total.resets,
            reconnects=self._reconnects,
            lost=total.lost,
            last_bad=total.last_bad,
            description=total.description,
        )

    def view(self) -> SensorView:
        """It as people see it now, without the quality of its signals, which others know."""
        stats, health = self.stats, self._health.part(self.name)
        known = self._reader.diagnosis if self._reader else Diagnosis()
        return SensorView(
            id=self._id,
            name=self._title,
            source=self._source,
            state=(health.state if health else State.STARTING).value,
            detail=health.detail if health else "",
            rate_hz=round(stats.rate_hz, 2),
            samples=stats.samples,
            gaps=stats.gaps,
            lost=stats.lost,
            resets=stats.resets,
            board=known.board,
            calibrated=known.calibrated,
            clock_offset_ms=known.clock.offset_ms if known.clock else None,
            clock_drift_ppm=known.clock.drift_ppm if known.clock else None,
            clock_jitter_ms=known.clock.jitter_ms if known.clock else None,
            commands=list(known.commands),
        )

    async def command(self, command: SensorCommand) -> CommandResult:
        """Let the board do something and wait for its answer, a few seconds at most.

        Raise `RefusedError` where it is not connected, was lost meanwhile, or does not understand it. Callers of other
        threads hand it over with `asyncio.run_coroutine_threadsafe`.
        """
        if self._reader is None:
            raise RefusedError("the sensor is not connected: plug it in, or wait until it is found")
        return await self._reader.command(command)

    async def run(self) -> None:
        """Work until cancelled."""
        self._health.set(self.name, State.STARTING)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name=f"{self.name} watch")
            await self._read_for_ever()

    async def _read_for_ever(self) -> None:
        while True:
            try:
                await self._read_once()
            except SourceEndedError as ended:
                self._health.set(self.name, State.STOPPED, str(ended))
                await asyncio.Event().wait()
            except SourceUnavailableError as error:
                self._health.set(self.name, State.FAILED, str(error))
                self._lost = True
                await self._clock.sleep(self._backoff.next())

    async def _read_once(self) -> None:
        """Read one connection until it fails."""
        self._silent_since_ns, self._at_last_sample, self._turns = self._clock.mono_ns(), Diagnosis(), -1
        reader = self._reader = SensorReader(self._open_sensor, name=self.name)
        reader.start()
        try:
            while True:
                self._take(await reader.next())
        finally:
            await reader.stop()
            self._past, self._reader = self._past.with_reader(reader), None

    def _take(self, samples: list[Sample]) -> None:
        came_back, self._lost = self._lost and self._samples > 0, False
        if came_back:
            self._reconnects += 1
            self._times.clear()
            samples[0] = replace(samples[0], gap_before=True)
        self._backoff.reset()
        for sample in samples:
            self._samples += 1
            self._gaps += sample.gap_before
            self._times.append(sample.mono_ns)
            self._deliver(sample)
        self._silent_since_ns = self._clock.mono_ns()
        if self._reader:
            self._at_last_sample = self._reader.diagnosis
            self._health.set(self.name, State.OK, self._reader.description)

    async def _watch(self) -> None:
        while True:
            self._tick()
            await self._clock.sleep(_TICK_S)

    def _tick(self) -> None:
        """Beat while the thread turns, and notice silence."""
        reader = self._reader
        if reader is None or reader.turns != self._turns or not reader.opened:
            self.pulse.beat()
        self._turns = reader.turns if reader else -1
        silent_ns = self._clock.mono_ns() - self._silent_since_ns
        if reader and reader.opened and silent_ns > self._stall_ns:
            self._health.set(self.name, State.DEGRADED, self._why_silent(reader.diagnosis))

    def _why_silent(self, now: Diagnosis) -> str:
        if now.bad_rows > self._at_last_sample.bad_rows:
            return f"rows arrive but cannot be read, such as {now.last_bad[-1]!r}: check the speed of the line"
        if now.implausible > self._at_last_sample.implausible:
            return "values arrive but none is plausible: check the electrodes and the units in the settings"
        return f"open, but silent for more than {self._stall_ns / 1e9:g} s"

    def _rate_hz(self) -> float:
        stale = self._clock.mono_ns() - self._silent_since_ns > self._stall_ns
        if stale or len(self._times) < 2 or self._times[-1] <= self._times[0]:  # noqa: PLR2004
            return 0.0
        return (len(self._times) - 1) * 1e9 / (self._times[-1] - self._times[0])


@dataclass(frozen=True, slots=True)
class _Totals:
    """What all connections so far threw away."""

    dropped: int = 0
    bad_rows: int = 0
    implausible: int = 0
    resets: int = 0
    last_bad: tuple[str, ...] = ()
    description: str = ""
    lost: int = 0

    def with_reader(self, reader: SensorReader | None) -> "_Totals":
        if reader is None:
            return self
        found = reader.diagnosis
        return _Totals(
            self.dropped + reader.dropped,
            self.bad_rows + found.bad_rows,
            self.implausible + found.implausible,
            self.resets + found.resets,
            found.last_bad or self.last_bad,
            reader.description or self.description,
            self.lost + found.lost,
        )
