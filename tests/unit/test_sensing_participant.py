"""The made-up participant: within the bounds of a body, follows its mood, the same for the same seed."""

import random
from itertools import pairwise
from statistics import mean

import pytest

from edge.core.sample import Channel, Sample
from edge.sensing.participant import Participant
from edge.sensing.settings import SimulatedSettings
from edge.sensing.simulated import SimulatedSensor
from edge.sensing.units import plausible
from tests.support.clock import FakeClock


def _play(seconds: float, **settings: float) -> list[Sample]:
    clock = FakeClock()
    sensor = SimulatedSensor(SimulatedSettings(**settings), clock=clock, pause=clock.advance)  # type: ignore[arg-type]
    sensor.open()
    end = clock.mono_ns() + round(seconds * 1e9)
    samples: list[Sample] = []
    while clock.mono_ns() < end:
        samples += sensor.read()
    return samples


def test_the_same_seed_gives_the_same_participant() -> None:
    assert _play(60, seed=3) == _play(60, seed=3)
    assert _play(60, seed=3) != _play(60, seed=4)


def test_every_value_is_one_a_body_can_show() -> None:
    for sample in _play(1200):
        assert plausible(sample.values) == sample.values
        assert set(sample.values) == {Channel.GSR_US, Channel.HR_BPM, Channel.SKIN_C}


def test_it_samples_at_its_rate_and_gaps_are_marked_where_samples_are_missing() -> None:
    samples = _play(1200, rate_hz=8.0, gap_every_s=60.0)
    steps = [after.mono_ns - before.mono_ns for before, after in pairwise(samples)]
    missing = [step > 125_000_000 for step in steps]
    assert missing == [sample.gap_before for sample in samples[1:]]
    assert 8 <= sum(missing) <= 35
    assert set(steps) - {step for step, gap in zip(steps, missing, strict=True) if gap} == {125_000_000}


def test_no_gaps_when_none_are_wanted() -> None:
    assert not any(sample.gap_before for sample in _play(600, gap_every_s=0))


def test_its_heart_and_skin_follow_its_arousal_and_its_mood_visits_every_quadrant() -> None:
    participant = Participant(random.Random(5), rate_hz=4.0, mood_s=40.0)
    calm: list[tuple[float, float]] = []
    aroused: list[tuple[float, float]] = []
    quadrants = set()
    for _ in range(4 * 1800):
        values = participant.step()
        valence, arousal = participant.mood
        quadrants.add((valence > 0, arousal > 0))
        if abs(arousal) > 0.4:
            (aroused if arousal > 0 else calm).append((values[Channel.HR_BPM], values[Channel.GSR_US]))
    assert len(quadrants) == 4
    assert mean(hr for hr, _ in aroused) > mean(hr for hr, _ in calm) + 8
    assert mean(us for _, us in aroused) > mean(us for _, us in calm) + 0.3


def test_a_pulse_beats_as_fast_as_the_heart_and_is_lost_and_shaken_now_and_then() -> None:
    samples = _play(900, rate_hz=50.0, pulse=True, gap_every_s=0, seed=2)
    assert {channel for sample in samples for channel in sample.values} == {
        Channel.GSR_US,
        Channel.SKIN_C,
        Channel.PULSE_RAW,
    }
    assert all(plausible(sample.values) == sample.values for sample in samples)
    pulse = [sample.values[Channel.PULSE_RAW] for sample in samples]
    off = [value > 1000 for value in pulse]
    assert 0.005 < sum(off) / len(off) < 0.2
    quiet = pulse[: 30 * 50]
    beats = sum(before < 560 <= after for before, after in pairwise(quiet))
    assert 25 <= beats <= 60
    assert min(sample.values[Channel.GSR_US] for sample in samples) < 0.02


def test_a_pulse_that_is_sampled_too_slowly_is_refused() -> None:
    with pytest.raises(ValueError, match="rate_hz of 25"):
        SimulatedSettings(pulse=True)
