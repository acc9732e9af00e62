"""What is no signal is recognised, and what is one is measured; on drawn signals whose truth is known."""

import numpy as np
import pytest

from contract.messages import SignalState
from contract.sessions import SignalView
from edge.affect.signals.heart import PulseSignal
from edge.affect.signals.reading import DOWN, NOISY, TURNED
from edge.affect.signals.settings import SignalSettings
from edge.affect.signals.stream import SignalStream
from edge.core.clock import Stamp
from edge.core.sample import Channel, Sample
from tests.support.drawn_signals import SECOND_NS, Floats, beat_times, every, pulse, samples_of, skin

NOISE = np.random.default_rng(3)


def watched(
    samples: list[Sample], *, until_s: float, settings: SignalSettings | None = None
) -> tuple[SignalStream, SignalView]:
    stream = SignalStream("drawn", settings=settings)
    for sample in samples:
        stream.add(sample)
    at_ns = round(until_s * SECOND_NS)
    return stream, stream.view(at_ns, Stamp(at_ns, 1_760_000_000_000, True))


def state_of(channel: Channel, times: Floats, values: Floats) -> SignalState:
    _, view = watched(samples_of(channel, times, values), until_s=float(times[-1]))
    return view.quality[channel.value].state


@pytest.mark.parametrize("rate_hz", [4, 10, 100])
def test_noise_of_two_nanosiemens_gives_no_response(rate_hz: int) -> None:
    times = every(60, rate_hz=rate_hz)
    values = 2.0 + NOISE.normal(0, 0.002, times.size)
    _, view = watched(samples_of(Channel.GSR_US, times, values), until_s=60)
    assert view.responses == []
    assert view.quality["gsr_us"].state == "ok"


@pytest.mark.parametrize("rate_hz", [4, 25, 100])
def test_drawn_responses_are_found(rate_hz: int) -> None:
    times = every(90, rate_hz=rate_hz)
    stream, view = watched(samples_of(Channel.GSR_US, times, skin(times, [20.0, 50.0])), until_s=90)
    assert len({one.onset_ms for one in view.responses}) == 2
    assert all(0.3 < one.amplitude_us < 0.6 for one in view.responses)
    assert {one.recovery_s is None for one in view.responses} == {True, False}
    numbers = stream.summary(20 * SECOND_NS, 25 * SECOND_NS).numbers
    assert numbers["scr_count"] == 1
    assert 3.5 < numbers["scl_us"] < 4.5


@pytest.mark.parametrize("first", [Channel.GSR_RAW, Channel.GSR_US])
def test_a_board_that_is_calibrated_meanwhile_is_not_off_the_skin(first: Channel) -> None:
    """Its channel has another name and unit from then on; or the other way round, after another one was plugged in."""
    times = every(60, rate_hz=10)
    values = {Channel.GSR_US: skin(times, [30.0]), Channel.GSR_RAW: 400 - 20 * skin(times, [30.0])}
    second = Channel.GSR_US if first is Channel.GSR_RAW else Channel.GSR_RAW
    named = [first if at < 20 else second for at in times.tolist()]
    samples = [
        Sample("drawn", round(at * SECOND_NS), {name: float(values[name][n]), Channel.SKIN_C: 33.0})
        for n, (at, name) in enumerate(zip(times.tolist(), named, strict=True))
    ]
    stream, view = watched(samples, until_s=60)
    assert {name: one.state for name, one in view.quality.items()} == {second.value: "ok", "skin_c": "ok"}
    assert (view.scl_us is not None) is (second is Channel.GSR_US)
    now = stream.summary(30 * SECOND_NS, 35 * SECOND_NS)
    assert now.numbers["scr_count"] == 1
    assert now.states == {second.value: "ok", "skin_c": "ok"}
    assert set(stream.summary(10 * SECOND_NS, 15 * SECOND_NS).states) == {first.value, "skin_c"}


def test_uncalibrated_counts_have_no_level() -> None:
    times = every(60, rate_hz=10)
    stream, view = watched(samples_of(Channel.GSR_RAW, times, 400 - 20 * skin(times, [30.0])), until_s=60)
    numbers = stream.summary(30 * SECOND_NS, 35 * SECOND_NS).numbers
    assert view.scl_us is None
    assert "relative" in view.quality["gsr_raw"].detail
    assert numbers["scr_count"] == 1
    assert "scr_sum" in numbers
    assert "scl_us" not in numbers


def test_states_of_the_skin() -> None:
    times = every(40, rate_hz=4)
    noise = NOISE.normal(0, 1, times.size)
    assert state_of(Channel.GSR_US, times, np.full(times.size, 3.0)) == "flat"
    assert state_of(Channel.GSR_US, times, np.where(times > 30, 0.0, 3.0)) == "electrode_off"
    assert state_of(Channel.GSR_US, times, 99.0 + 0.01 * noise) == "saturated"
    assert state_of(Channel.GSR_US, times, np.where(times > 30, 8.0 + 3 * noise, 8.0)) == "motion"
    assert state_of(Channel.GSR_US, times, 8.0 + 0.1 * noise) == "noisy"


@pytest.mark.parametrize("rate_hz", [2, 4, 10])
def test_a_lively_skin_is_not_noise_to_a_slow_sensor(rate_hz: int) -> None:
    """From sample to sample its line bends more, the fewer there are."""
    times = every(60, rate_hz=rate_hz)
    lively = skin(times, [5.0 + 4 * number for number in range(13)], size=0.3, level=8.0)
    assert state_of(Channel.GSR_US, times, lively) == "ok"
    assert state_of(Channel.GSR_US, times, lively + NOISE.normal(0, 0.12, times.size)) == "noisy"


@pytest.mark.parametrize("channel", [Channel.GSR_US, Channel.GSR_RAW])
@pytest.mark.parametrize("rate_hz", [0.8, 1.0, 1.5])
def test_a_sensor_too_slow_for_responses_says_so(channel: Channel, rate_hz: float) -> None:
    """It still tells the level; that it counted no response would be a claim."""
    times = every(60, rate_hz=rate_hz)
    values = skin(times, [20.0]) if channel is Channel.GSR_US else 400 - 20 * skin(times, [20.0])
    stream, view = watched(samples_of(channel, times, values), until_s=60)
    told = view.quality[channel.value]
    assert (told.state, told.index) == ("noisy", 0.0)
    assert told.detail == "too slow for responses to be told: at least twice a second is needed"
    assert (view.scl_us is not None) is (channel is Channel.GSR_US)
    numbers = stream.summary(20 * SECOND_NS, 25 * SECOND_NS).numbers
    assert not {"scr_count", "scr_sum", "scr_sum_us"} & numbers.keys()
    assert stream.summary(20 * SECOND_NS, 25 * SECOND_NS).states == {channel.value: "noisy"}


@pytest.mark.parametrize("rate_hz", [2, 4, 25])
def test_a_sensor_that_stutters_is_not_too_slow(rate_hz: int) -> None:
    times = every(60, rate_hz=rate_hz)
    heard = times[(times % 5 > 1.2) | (times % 5 == 0.0)]
    stream, view = watched(samples_of(Channel.GSR_US, heard, skin(heard, [20.0])), until_s=60)
    assert view.quality["gsr_us"].state == "ok"
    assert "scr_count" in stream.summary(20 * SECOND_NS, 25 * SECOND_NS).numbers


def test_a_skin_that_is_left_out_while_the_board_talks_is_an_electrode_off() -> None:
    times = every(30, rate_hz=4)
    with_skin = samples_of(Channel.GSR_US, times[:60], skin(times[:60], []))
    warm = samples_of(Channel.SKIN_C, times + 0.01, np.full(times.size, 33.0))
    _, view = watched(sorted(with_skin + warm, key=lambda one: one.mono_ns), until_s=29.9)
    assert view.quality["gsr_us"].state == "electrode_off"
    assert view.skin_c == pytest.approx(33.0)
    _, view = watched(with_skin, until_s=40)
    assert view.quality["gsr_us"].state == "absent"


def test_states_of_the_pulse() -> None:
    times = every(40, rate_hz=100)
    clean = pulse(times, beat_times(40, bpm=70)) + NOISE.normal(0, 1, times.size)
    wild = clean + np.where(times > 39, NOISE.normal(0, 1500, times.size), 0.0)
    assert state_of(Channel.PULSE_RAW, times, clean) == "ok"
    assert state_of(Channel.PULSE_RAW, times, np.full(times.size, 500.0)) == "flat"
    assert state_of(Channel.PULSE_RAW, times, np.minimum(clean, 520.0)) == "saturated"
    assert state_of(Channel.PULSE_RAW, times, NOISE.normal(500, 20, times.size)) == "noisy"
    _, view = watched(samples_of(Channel.PULSE_RAW, times, wild), until_s=40)
    assert view.quality["pulse_raw"].index < 1.0


@pytest.mark.parametrize(("rate_hz", "bpm"), [(25, 60), (64, 75), (100, 110), (500, 65)])
def test_beats_and_heart_rate_at_any_rate(rate_hz: int, bpm: float) -> None:
    times = every(60, rate_hz=rate_hz)
    truth = beat_times(60, bpm=bpm)
    stream, view = watched(samples_of(Channel.PULSE_RAW, times, pulse(times, truth)), until_s=60)
    beats = np.array([one.mono_ns / SECOND_NS for one in stream.derived()])
    assert np.abs(beats[:, None] - truth[None, :]).min(axis=1).max() < 0.03
    assert view.hr_bpm == pytest.approx(bpm, abs=2)
    assert view.rmssd_ms is not None
    assert view.sdnn_ms is None


@pytest.mark.parametrize(("bpm", "lowest_bpm"), [(30, 25.0), (37, 35.0), (40, 35.0), (45, 35.0), (50, 35.0)])
def test_a_slow_heart_is_no_movement(bpm: float, lowest_bpm: float) -> None:
    """Half a second of it has a beat or none; an athlete's rests at 40 a minute and below."""
    settings = SignalSettings(heart_lowest_bpm=lowest_bpm)
    times = every(90, rate_hz=100)
    wave = pulse(times, beat_times(90, bpm=bpm)) + NOISE.normal(0, 0.5, times.size)
    stream, view = watched(samples_of(Channel.PULSE_RAW, times, wave), until_s=90, settings=settings)
    assert view.hr_bpm == pytest.approx(bpm, abs=2)
    states = [stream.summary(at * SECOND_NS, (at + 5) * SECOND_NS).states["pulse_raw"] for at in range(20, 85, 5)]
    assert set(states) == {"ok"}


def test_a_movement_is_told_from_a_slow_heart() -> None:
    times = every(60, rate_hz=100)
    wave = pulse(times, beat_times(60, bpm=40)) + NOISE.normal(0, 0.5, times.size)
    shaken = (times > 50) & (times <= 52)
    stream, _ = watched(samples_of(Channel.PULSE_RAW, times, np.where(shaken, wave * 9, wave)), until_s=60)
    assert stream.summary(50 * SECOND_NS, 52 * SECOND_NS).states["pulse_raw"] == "motion"


@pytest.mark.parametrize(("bpm", "highest_bpm"), [(185, 200.0), (195, 200.0), (205, 220.0), (215, 230.0)])
def test_a_heart_at_its_fastest_is_followed(bpm: float, highest_bpm: float) -> None:
    times = every(60, rate_hz=100)
    wave = pulse(times, beat_times(60, bpm=bpm, swing=0.01)) + NOISE.normal(0, 0.5, times.size)
    settings = SignalSettings(heart_highest_bpm=highest_bpm)
    _, view = watched(samples_of(Channel.PULSE_RAW, times, wave), until_s=60, settings=settings)
    assert view.hr_bpm == pytest.approx(bpm, abs=2)
    assert view.quality["pulse_raw"].state == "ok"


@pytest.mark.parametrize(("bpm", "highest_bpm"), [(130, 110.0), (205, 180.0), (235, 220.0), (260, 220.0)])
def test_a_heart_beyond_belief_is_never_told_at_half_its_rate(bpm: float, highest_bpm: float) -> None:
    times = every(60, rate_hz=100)
    wave = pulse(times, beat_times(60, bpm=bpm, swing=0.01)) + NOISE.normal(0, 0.5, times.size)
    settings = SignalSettings(heart_highest_bpm=highest_bpm)
    _, view = watched(samples_of(Channel.PULSE_RAW, times, wave), until_s=60, settings=settings)
    assert view.quality["pulse_raw"].state == "noisy"
    assert view.hr_bpm is None


@pytest.mark.parametrize("level", [-3e6, 0.0, 100_000.0, 8.3e6])
def test_a_pulse_of_any_converter_is_read(level: float) -> None:
    times = every(30, rate_hz=100)
    _, view = watched(samples_of(Channel.PULSE_RAW, times, level + pulse(times, beat_times(30, bpm=70))), until_s=30)
    assert view.quality["pulse_raw"].state == "ok"
    assert view.hr_bpm == pytest.approx(70, abs=2)


@pytest.mark.parametrize("steps", [12, 20])
def test_a_small_pulse_in_few_steps_of_its_converter_is_not_at_its_stop(steps: int) -> None:
    """A wave that rests between beats stays on its lowest step; there is still room below."""
    times = every(30, rate_hz=100)
    wave = pulse(times, beat_times(30, bpm=60))
    few = np.round((wave - wave.min()) / (wave.max() - wave.min()) * steps + 512)
    assert state_of(Channel.PULSE_RAW, times, few) == "ok"


def test_a_heart_that_the_sensor_tells_is_used_where_no_pulse_is() -> None:
    truth = beat_times(60, bpm=80)
    told = samples_of(Channel.IBI_MS, truth[1:], np.diff(truth) * 1000)
    _, view = watched(told, until_s=59)
    assert view.hr_bpm == pytest.approx(80, abs=3)
    assert view.rmssd_ms is not None
    rate = samples_of(Channel.HR_BPM, every(20, rate_hz=1), np.full(20, 66.0))
    stream, view = watched(rate, until_s=20)
    assert view.hr_bpm == pytest.approx(66.0)
    assert stream.derived() == []


def test_a_burst_of_motion_is_told_and_gives_no_beats() -> None:
    times = every(40, rate_hz=100)
    truth = beat_times(40, bpm=70)
    shaken = (times > 30) & (times <= 32)
    values = pulse(times, truth) + np.where(shaken, NOISE.normal(0, 1500, times.size), 0.0)
    stream, view = watched(samples_of(Channel.PULSE_RAW, times, values), until_s=40)
    assert stream.summary(30 * SECOND_NS, 32 * SECOND_NS).states["pulse_raw"] == "motion"
    within = [one for one in stream.derived() if 30.2 < one.mono_ns / SECOND_NS < 31.8]
    assert not within
    assert view.hr_bpm == pytest.approx(70, abs=3)


@pytest.mark.parametrize(
    ("bpm", "why"), [(31, "slower than heart_lowest_bpm, 35"), (235, "faster than heart_highest_bpm, 220")]
)
def test_a_heart_beyond_belief_is_told_to_be_so(bpm: float, why: str) -> None:
    times = every(60, rate_hz=100)
    wave = pulse(times, beat_times(60, bpm=bpm, swing=0.01)) + NOISE.normal(0, 0.5, times.size)
    _, view = watched(samples_of(Channel.PULSE_RAW, times, wave), until_s=60)
    assert why in view.quality["pulse_raw"].detail
    truth = beat_times(60, bpm=bpm)
    told = samples_of(Channel.IBI_MS, truth[1:], np.diff(truth) * 1000)
    _, view = watched(told, until_s=59)
    assert why in view.quality["ibi_ms"].detail


def test_a_pace_that_was_disbelieved_is_not_told_of_a_line_without_beats() -> None:
    times = every(90, rate_hz=100)
    beats = beat_times(90, bpm=31, swing=0.01)
    wave = pulse(times, beats[beats < 60]) + NOISE.normal(0, 0.5, times.size)
    _, view = watched(samples_of(Channel.PULSE_RAW, times, wave), until_s=90)
    assert view.quality["pulse_raw"].detail == NOISY


def test_beats_that_point_down_are_told_and_can_be_turned_over() -> None:
    times = every(60, rate_hz=100)
    samples = samples_of(Channel.PULSE_RAW, times, -pulse(times, beat_times(60, bpm=45)))
    _, view = watched(samples, until_s=60)
    assert (view.quality["pulse_raw"].state, view.quality["pulse_raw"].detail) == ("noisy", DOWN)
    _, view = watched(samples, until_s=60, settings=SignalSettings(upside_down=("drawn",)))
    assert (view.quality["pulse_raw"].state, view.quality["pulse_raw"].detail) == ("ok", "")
    assert view.hr_bpm == pytest.approx(45, abs=2)


def test_a_sensor_that_is_turned_over_for_nothing_is_told() -> None:
    """It was told to be named where it is named."""
    times = every(60, rate_hz=100)
    samples = samples_of(Channel.PULSE_RAW, times, pulse(times, beat_times(60, bpm=45)))
    _, view = watched(samples, until_s=60, settings=SignalSettings(upside_down=("drawn",)))
    assert (view.quality["pulse_raw"].state, view.quality["pulse_raw"].detail) == ("noisy", TURNED)


def test_noise_points_nowhere() -> None:
    times = every(120, rate_hz=100)
    _, view = watched(samples_of(Channel.PULSE_RAW, times, NOISE.normal(500, 10, times.size)), until_s=120)
    assert view.quality["pulse_raw"].detail == NOISY


def test_a_line_that_rests_points_nowhere() -> None:
    """On the even grid it stirs by what numbers are rounded by, and mostly to one side."""
    signal = PulseSignal(SignalSettings())
    for block in np.split(every(30, rate_hz=100), 60):
        times = np.round(block * SECOND_NS).astype(int).tolist()
        signal.block(times, [670.6244146936303] * len(times), frozenset())
    assert not signal.points_down
