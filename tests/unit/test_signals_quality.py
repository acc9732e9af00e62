"""What is no signal is recognised, and what is one is measured; on drawn signals whose truth is known."""

import numpy as np
import pytest

from contract.messages import SignalState
from contract.sessions import SignalView
from edge.affect.signals.stream import SignalStream
from edge.core.clock import Stamp
from edge.core.sample import Channel, Sample
from tests.support.drawn_signals import SECOND_NS, Floats, beat_times, every, pulse, samples_of, skin

NOISE = np.random.default_rng(3)


def watched(samples: list[Sample], *, until_s: float) -> tuple[SignalStream, SignalView]:
    stream = SignalStream("drawn")
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
