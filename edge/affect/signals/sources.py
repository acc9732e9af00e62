"""The signals of one sensor by what they are of: skin, heart, warmth; each takes samples in and keeps what it found."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import Final

from edge.affect.relative import relative_conductance
from edge.affect.signals.channel import Pending
from edge.affect.signals.fitness import Fitness
from edge.affect.signals.heart import Intervals, PulseSignal
from edge.affect.signals.intervals import Interval
from edge.affect.signals.pulse import Beat
from edge.affect.signals.pulse_watch import BLOCK_NS
from edge.affect.signals.responses import SkinResponse
from edge.affect.signals.settings import SignalSettings
from edge.affect.signals.skin import SkinPoint, SkinSignal
from edge.core.sample import Channel, Sample

_POINTS: Final = 2048
_RESPONSES: Final = 512
_TOLD: Final = 1024


class SkinSource:
    """Skin conductance, calibrated or not."""

    def __init__(self, settings: SignalSettings, *, raw: bool) -> None:
        self.raw = raw
        self.points: deque[SkinPoint] = deque(maxlen=_POINTS)
        self.responses: deque[SkinResponse] = deque(maxlen=_RESPONSES)
        self.news: deque[tuple[int, SkinResponse]] = deque(maxlen=_RESPONSES)
        """What nobody has been told yet, each with the time at which it became known."""
        self.fitness = Fitness()
        self._settings = settings
        self._signal = SkinSignal(settings)

    def work(self, pending: Pending) -> None:
        """Work on everything that waits."""
        times, values, cuts = pending.take(len(pending.times))
        told = [self._measure(value) for value in values] if self.raw else values
        for known_ns, point, response in self._signal.add(times, told, cuts):
            self.points.append(point)
            self.fitness.mark(point.t_ns, point.state)
            if response is not None:
                self._found(known_ns, response)

    def newest(self, until_ns: int) -> SkinPoint | None:
        """The last point that is not later than `until_ns`."""
        return next((one for one in reversed(self.points) if one.t_ns <= until_ns), None)

    def _measure(self, value: float) -> float:
        """What stands for microsiemens; at the converter's stops 0 (open) or the most there is."""
        relative = relative_conductance(value)
        if relative is not None:
            return relative
        return 0.0 if value > 1 else self._settings.saturated_us

    def _found(self, known_ns: int, response: SkinResponse) -> None:
        if response.recovered_ns is None:
            self.responses.append(response)
        self.news.append((known_ns, response))


@dataclass(frozen=True, slots=True)
class Derived:
    """A valid interval, and the heart rate as it was with it."""

    interval: Interval
    rate_bpm: float | None

    def sample(self, sensor: str) -> Sample:
        """As the sensor would have told it."""
        values = {Channel.IBI_MS: self.interval.ms}
        if self.rate_bpm is not None:
            values[Channel.HR_BPM] = self.rate_bpm
        return Sample(sensor, self.interval.end_ns, values)


class PulseSource:
    """An optical pulse."""

    def __init__(self, settings: SignalSettings) -> None:
        self.beats: deque[Beat] = deque(maxlen=_TOLD)
        self.news: deque[Beat] = deque(maxlen=_TOLD)
        self.derived: deque[Derived] = deque(maxlen=_TOLD)
        self._signal = PulseSignal(settings)
        self._settings = settings

    @property
    def fitness(self) -> Fitness:
        """How fit the pulse is."""
        return self._signal.fitness

    @property
    def points_down(self) -> bool:
        """Whether it seems to be upside down."""
        return self._signal.points_down

    @property
    def intervals(self) -> Intervals:
        """What it told of the heart."""
        return self._signal.intervals

    def work(self, pending: Pending) -> None:
        """Work on the half seconds that are over."""
        if not pending.times:
            return
        open_block = pending.times[-1] // BLOCK_NS
        while (block := pending.times[0] // BLOCK_NS) != open_block:
            size = bisect_left(pending.times, (block + 1) * BLOCK_NS)
            beats, intervals = self._signal.block(*pending.take(size))
            good = [beat for beat in beats if beat.quality >= self._settings.beat_quality]
            self.beats.extend(good)
            self.news.extend(good)
            self.derived.extend(
                Derived(one, self.intervals.rate(one.end_ns)) for one in intervals if one.kind == "valid"
            )


class ToldSource:
    """Intervals that a sensor tells itself; its beats are taken as good."""

    def __init__(self, settings: SignalSettings) -> None:
        self.beats: deque[Beat] = deque(maxlen=_TOLD)
        self.news: deque[Beat] = deque(maxlen=_TOLD)
        self.fitness = Fitness()
        self.intervals = Intervals(settings)

    def work(self, pending: Pending) -> None:
        """Work on everything that waits."""
        times, values, cuts = pending.take(len(pending.times))
        for t_ns, value in zip(times, values, strict=True):
            if t_ns in cuts:
                self.intervals.cut()
            self.intervals.told(t_ns, value)
            beat = Beat(t_ns, 1.0, True)
            self.beats.append(beat)
            self.news.append(beat)
            self.fitness.mark(t_ns, "ok")


class PlainSource:
    """A channel that is used as it comes: heart rate, warmth."""

    def __init__(self) -> None:
        self.values: deque[tuple[int, float]] = deque(maxlen=_POINTS)
        self.fitness = Fitness()

    def work(self, pending: Pending) -> None:
        """Work on everything that waits."""
        times, values, _ = pending.take(len(pending.times))
        for t_ns, value in zip(times, values, strict=True):
            self.values.append((t_ns, value))
            self.fitness.mark(t_ns, "ok")

    def mean(self, start_ns: int, end_ns: int) -> float | None:
        """The mean of a stretch, its end included."""
        total, count = 0.0, 0
        for t_ns, value in reversed(self.values):
            if t_ns <= start_ns:
                break
            if t_ns <= end_ns:
                total, count = total + value, count + 1
        return total / count if count else None


Source = SkinSource | PulseSource | ToldSource | PlainSource


def source_of(channel: Channel, settings: SignalSettings) -> Source:
    """A new source for a channel."""
    if channel in (Channel.GSR_US, Channel.GSR_RAW):
        return SkinSource(settings, raw=channel is Channel.GSR_RAW)
    if channel is Channel.PULSE_RAW:
        return PulseSource(settings)
    return ToldSource(settings) if channel is Channel.IBI_MS else PlainSource()
