"""Reads numbers and states off what the sources of one sensor have found, for a moment or for a stretch of time."""

from collections.abc import Iterable
from typing import Final

from contract.messages import SignalState
from contract.sessions import ChannelQuality
from edge.affect.signals.intervals import Interval
from edge.affect.signals.settings import SignalSettings
from edge.affect.signals.skin import SkinPoint
from edge.affect.signals.sources import PlainSource, PulseSource, SkinSource, Source, ToldSource
from edge.affect.signals.variability import rmssd_ms, sdnn_ms, within
from edge.core.sample import Channel

FIT_OVER_NS: Final = 5_000_000_000
_LEAST_POINTS: Final = 3
_STILL_NS: Final = 15_000_000_000
"""How long a warmth or a rate that was told holds."""
_SKIN: Final = (Channel.GSR_US, Channel.GSR_RAW)
NOISY: Final = "too noisy, or too short yet, to tell"
_WORDS: Final[dict[SignalState, str]] = {
    "ok": "",
    "absent": "no samples come",
    "electrode_off": "the electrodes do not touch the skin",
    "saturated": "the sensor is at its stop",
    "motion": "movement",
    "flat": "the line does not move at all",
    "noisy": NOISY,
}
_RELATIVE: Final = "not calibrated: amplitudes are relative"
DOWN: Final = "beats point down, of which fewer are found: name the sensor in upside_down"
TURNED: Final = "turned over, beats point down, of which fewer are found: take the sensor out of upside_down"
SLOW_HEART: Final = "beats slower than heart_lowest_bpm"
FAST_HEART: Final = "beats faster than heart_highest_bpm"
SLOW: Final = "too slow for responses to be told: at least twice a second is needed"


class Reading:
    """What the sources of one sensor show; changes nothing."""

    def __init__(self, sources: dict[Channel, Source], settings: SignalSettings, *, turned: bool) -> None:
        """`turned`: its pulse is turned over."""
        self._sources = sources
        self._settings = settings
        self._down = TURNED if turned else DOWN

    def skin(self, until_ns: int) -> SkinSource | None:
        """The skin's source as of `until_ns`, the calibrated one where two still speak."""
        names = [name for name in _SKIN if name in self.channels(until_ns)]
        found = [source for name in names if isinstance(source := self._sources[name], SkinSource)]
        return found[0] if found else None

    def channels(self, until_ns: int) -> list[Channel]:
        """What the sensor measures as of `until_ns`. A board that was calibrated, or exchanged, meanwhile tells of the
        skin by another channel: the one that fell silent is no electrode that came off."""
        gone = {channel for channel in _SKIN if channel in self._sources and self._was_exchanged(channel, until_ns)}
        return [channel for channel in self._sources if channel not in gone]

    def heart(self) -> PulseSource | ToldSource | None:
        """The source of beats: an optical pulse, else intervals that the sensor tells."""
        found = [self._sources.get(name) for name in (Channel.PULSE_RAW, Channel.IBI_MS)]
        return next((one for one in found if isinstance(one, PulseSource | ToldSource)), None)

    def heart_numbers(self, until_ns: int) -> dict[str, float | None]:
        """`hr_bpm`, `rmssd_ms` and `sdnn_ms` over their windows up to `until_ns`."""
        heart, given = self.heart(), self._settings
        kept = heart.intervals.kept if heart else ()
        rate = heart.intervals.rate(until_ns) if heart else self._mean(Channel.HR_BPM, until_ns - _STILL_NS, until_ns)
        lately: list[Interval] = within(kept, until_ns, given.rmssd_window_s)
        longer: list[Interval] = within(kept, until_ns, given.sdnn_window_s)
        return {
            "hr_bpm": rate,
            "rmssd_ms": rmssd_ms(lately, least=given.rmssd_least),
            "sdnn_ms": sdnn_ms(longer, least=given.sdnn_least),
        }

    def skin_point(self, until_ns: int) -> SkinPoint | None:
        """The newest point of skin, in microsiemens, if it is not too old."""
        skin = self.skin(until_ns)
        if skin is None or skin.raw:
            return None
        point = skin.newest(until_ns)
        fresh = point is not None and until_ns - point.t_ns <= self._settings.absent_s * 1e9
        return point if fresh else None

    def skin_numbers(self, start_ns: int, end_ns: int) -> dict[str, float | None]:
        """Level, its slope and the responses that peaked in a stretch; nothing where there is no skin, no responses
        where none could be seen."""
        skin = self.skin(end_ns)
        if skin is None:
            return {}
        points = _between(skin.points, start_ns, end_ns)
        if not points:
            return {}
        found: dict[str, float | None] = {}
        if not all(one.alone for one in points):
            sizes = [one.amplitude for one in skin.responses if start_ns <= one.peak_ns < end_ns]
            found |= {"scr_count": float(len(sizes)), "scr_sum" if skin.raw else "scr_sum_us": sum(sizes)}
        return found if skin.raw else found | _level(points)

    def beats(self, start_ns: int, end_ns: int) -> float | None:
        """How many beats lie in a stretch; None where nobody counts them."""
        heart = self.heart()
        return None if heart is None else float(sum(start_ns <= one.t_ns < end_ns for one in heart.beats))

    def warmth(self, start_ns: int, end_ns: int) -> float | None:
        """Mean skin temperature of a stretch, degrees Celsius."""
        return self._mean(Channel.SKIN_C, start_ns, end_ns)

    def state(self, channel: Channel, start_ns: int, end_ns: int) -> tuple[SignalState, float]:
        """The state of a channel in a stretch, and its fit share."""
        fitness = self._sources[channel].fitness
        if channel not in (*_SKIN, Channel.PULSE_RAW):
            start_ns = min(start_ns, end_ns - _STILL_NS)
        state, share = fitness.between(start_ns, end_ns)
        if channel in _SKIN and state == "absent" and self._others_come(channel, end_ns):
            return "electrode_off", 0.0
        return state, share

    def quality(self, until_ns: int) -> dict[str, ChannelQuality]:
        """How fit each channel is at `until_ns`, by name."""
        found = {}
        for channel in self.channels(until_ns):
            state, share = self.state(channel, until_ns - FIT_OVER_NS, until_ns)
            if self._silent(channel, until_ns):
                state, share = self.state(channel, until_ns, until_ns)
            detail = self._detail(channel, state, until_ns)
            found[channel.value] = ChannelQuality(state=state, index=round(share, 3), detail=detail)
        return found

    def _detail(self, channel: Channel, state: SignalState, until_ns: int) -> str:
        if channel is Channel.GSR_RAW and state == "ok":
            return _RELATIVE
        source = self._sources[channel]
        if doubted := self._doubted(source, state, until_ns):
            return doubted
        newest = source.newest(until_ns) if state == "noisy" and isinstance(source, SkinSource) else None
        return SLOW if newest is not None and newest.alone else _WORDS[state]

    def _doubted(self, source: Source, state: SignalState, until_ns: int) -> str:
        """Why no rate, or not always one, is told of a heart that can be seen."""
        if not isinstance(source, PulseSource | ToldSource) or state not in ("ok", "noisy"):
            return ""
        match source.intervals.pace.doubt(until_ns):
            case "slow":
                return f"{SLOW_HEART}, {self._settings.heart_lowest_bpm:g} a minute"
            case "fast":
                return f"{FAST_HEART}, {self._settings.heart_highest_bpm:g} a minute"
            case None:
                down = state == "noisy" and isinstance(source, PulseSource) and source.points_down
                return self._down if down else ""

    def _silent(self, channel: Channel, until_ns: int) -> bool:
        last = self._sources[channel].fitness.last_ns
        if channel not in (*_SKIN, Channel.PULSE_RAW):
            return False
        return last is None or until_ns - last > self._settings.absent_s * 1e9

    def _was_exchanged(self, channel: Channel, until_ns: int) -> bool:
        """Whether the other channel of skin goes on, or was all there was, while this one is silent."""
        other = self._sources.get(_SKIN[1] if channel is _SKIN[0] else _SKIN[0])
        newest = other.fitness.newest(until_ns) if other else None
        if newest is None:
            return False
        last = self._sources[channel].fitness.newest(until_ns)
        return last is None or newest - last > self._settings.absent_s * 1e9

    def _others_come(self, channel: Channel, until_ns: int) -> bool:
        """Whether the board itself still talks: an uncoupled electrode leaves its channel out, not the others."""
        lasts = [one.fitness.last_ns for name, one in self._sources.items() if name is not channel]
        newest = max((last for last in lasts if last is not None and last <= until_ns), default=None)
        return newest is not None and until_ns - newest <= self._settings.absent_s * 1e9

    def _mean(self, channel: Channel, start_ns: int, end_ns: int) -> float | None:
        source = self._sources.get(channel)
        return source.mean(start_ns, end_ns) if isinstance(source, PlainSource) else None


def _between(points: Iterable[SkinPoint], start_ns: int, end_ns: int) -> list[SkinPoint]:
    return [one for one in points if start_ns <= one.t_ns < end_ns and one.tonic is not None]


def _level(points: list[SkinPoint]) -> dict[str, float | None]:
    """Mean tonic level and its slope by least squares; no slope of less than three points."""
    levels = [one.tonic or 0.0 for one in points]
    times = [(one.t_ns - points[0].t_ns) / 1e9 for one in points]
    mean, middle = sum(levels) / len(levels), sum(times) / len(times)
    spread = sum((at - middle) ** 2 for at in times)
    if len(points) < _LEAST_POINTS or spread <= 0:
        return {"scl_us": mean, "scl_slope_us_s": None}
    together = sum((at - middle) * (level - mean) for at, level in zip(times, levels, strict=True))
    return {"scl_us": mean, "scl_slope_us_s": together / spread}
