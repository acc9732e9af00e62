"""One sensor's signals as they come: samples in, what they show out.

Everything is causal and of bounded memory. The same samples give the same responses, beats and numbers in whatever
pieces they come and whenever somebody looks: work is cut by the time of the samples, never by the calls.
"""

from typing import Final

from contract.sessions import Response, SignalView
from edge.affect.signals.channel import Pending
from edge.affect.signals.reading import FIT_OVER_NS, Reading
from edge.affect.signals.responses import SkinResponse
from edge.affect.signals.settings import SignalSettings
from edge.affect.signals.sources import PulseSource, Source, source_of
from edge.affect.signals.summary import SegmentSignals
from edge.core.clock import Stamp, wall_ms_of
from edge.core.sample import Channel, Sample


class SignalStream:
    """The signals of one sensor. Not thread-safe: one caller at a time."""

    def __init__(self, sensor: str, *, settings: SignalSettings | None = None) -> None:
        self.sensor: Final = sensor
        self._settings: Final = settings or SignalSettings()
        self._turned: Final = Channel.PULSE_RAW if sensor in self._settings.upside_down else None
        self.forget()

    def forget(self) -> None:
        """Somebody else wears the sensor now: know nothing of the one before."""
        self._pending: dict[Channel, Pending] = {}
        self._sources: dict[Channel, Source] = {}
        self._reading = Reading(self._sources, self._settings, turned=self._turned is not None)

    def add(self, sample: Sample) -> None:
        """Take a sample in; cheap. A channel's samples come in order of time; one that is not later than the channel's
        last is left out."""
        if sample.gap_before:
            for pending in self._pending.values():
                pending.cut()
        for channel, value in sample.values.items():
            waiting = self._pending.get(channel)
            if waiting is None:
                waiting = self._pending[channel] = Pending()
                self._sources[channel] = source_of(channel, self._settings)
            waiting.add(sample.mono_ns, -value if channel is self._turned else value)

    def view(self, until_ns: int, now: Stamp) -> SignalView:
        """What the signals show at `until_ns`; responses and beats that became known since the view before."""
        self._work()
        reading = self._reading
        point = reading.skin_point(until_ns)
        return SignalView(
            sensor=self.sensor,
            t_ms=wall_ms_of(until_ns, now),
            **reading.heart_numbers(until_ns),
            scl_us=point.tonic if point else None,
            phasic_us=point.phasic if point else None,
            skin_c=reading.warmth(until_ns - FIT_OVER_NS, until_ns),
            responses=self._new_responses(until_ns, now),
            beats_ms=self._new_beats(until_ns, now),
            quality=reading.quality(until_ns),
        )

    def summary(self, start_ns: int, end_ns: int) -> SegmentSignals:
        """What the signals showed from `start_ns` to `end_ns`, of the last minutes; may be asked at any time, and
        changes nothing."""
        self._work()
        reading = self._reading
        numbers = reading.heart_numbers(end_ns) | reading.skin_numbers(start_ns, end_ns)
        numbers |= {"skin_c": reading.warmth(start_ns, end_ns), "beats": reading.beats(start_ns, end_ns)}
        return SegmentSignals(
            {name: value for name, value in numbers.items() if value is not None},
            {channel.value: reading.state(channel, start_ns, end_ns)[0] for channel in reading.channels(end_ns)},
        )

    def derived(self) -> list[Sample]:
        """Heart rate (`HR_BPM`) and intervals (`IBI_MS`) from the optical pulse since last asked, each at its beat's
        time, oldest first; empty where the sensor tells them itself or has no pulse. An interval that was corrected
        is not among them."""
        self._work()
        pulse = self._sources.get(Channel.PULSE_RAW)
        if not isinstance(pulse, PulseSource):
            return []
        found = list(pulse.derived)
        pulse.derived.clear()
        told = Channel.HR_BPM in self._sources or Channel.IBI_MS in self._sources
        return [] if told else [one.sample(self.sensor) for one in found]

    def _work(self) -> None:
        for channel, source in self._sources.items():
            source.work(self._pending[channel])

    def _new_responses(self, until_ns: int, now: Stamp) -> list[Response]:
        skin = self._reading.skin(until_ns)
        found = []
        while skin and skin.news and skin.news[0][0] <= until_ns:
            found.append(_response(skin.news.popleft()[1], now))
        return found

    def _new_beats(self, until_ns: int, now: Stamp) -> list[int]:
        heart = self._reading.heart()
        found = []
        while heart and heart.news and heart.news[0].t_ns <= until_ns:
            found.append(wall_ms_of(heart.news.popleft().t_ns, now))
        return found


def _response(found: SkinResponse, now: Stamp) -> Response:
    return Response(
        onset_ms=wall_ms_of(found.onset_ns, now),
        peak_ms=wall_ms_of(found.peak_ns, now),
        amplitude_us=found.amplitude,
        rise_s=(found.peak_ns - found.onset_ns) / 1e9,
        recovery_s=None if found.recovered_ns is None else (found.recovered_ns - found.peak_ns) / 1e9,
    )
