"""Streaming equals batch, gaps are cut, and a stream is bounded; on recorded and on drawn signals."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from contract.sessions import Response
from edge.affect.signals.heart import PulseSignal
from edge.affect.signals.settings import SignalSettings
from edge.affect.signals.stream import SignalStream
from edge.affect.signals.summary import SegmentSignals
from edge.core.clock import Stamp
from edge.core.sample import Channel, Sample
from tests.support.drawn_signals import SECOND_NS, Floats, beat_times, every, pulse, samples_of, skin

WALL_MS = 1_760_000_000_000
SECONDS = 60


def stamp(at_ns: int) -> Stamp:
    """Of the whole millisecond, so that all views put a moment at the same millisecond of the wall."""
    at_ms = at_ns // 1_000_000
    return Stamp(at_ms * 1_000_000, WALL_MS + at_ms, True)


def recorded(data: Path) -> list[Sample]:
    """A minute of one wrist: pulse at 64 Hz and conductance at 4 Hz, jittered, with a gap and a lost second."""
    folder = data / "body" / "hku956"
    only = [("subject", "=", 1903), ("song_no", "=", 0)]
    light = pq.read_table(folder / "bvp_64hz_x100.parquet", filters=only)["bvp_c"].to_numpy()[: 64 * SECONDS] / 100
    skin_us = pq.read_table(folder / "eda_temp_4hz.parquet", filters=only)["eda_us"].to_numpy()[: 4 * SECONDS]
    late = np.random.default_rng(7).uniform(0, 0.004, light.size)
    at_light, at_skin = every(SECONDS, rate_hz=64) + late, every(SECONDS, rate_hz=4) + late[: skin_us.size]
    found = samples_of(Channel.PULSE_RAW, at_light, light) + samples_of(Channel.GSR_US, at_skin, skin_us * 10.0)
    found = sorted((one for one in found if not 40 <= one.mono_ns / SECOND_NS < 41), key=lambda one: one.mono_ns)
    found[2000] = Sample("drawn", found[2000].mono_ns, found[2000].values, gap_before=True)
    return found


def run(samples: Sequence[Sample], looks: Iterable[int]) -> tuple[list[Response], list[int], list[Sample]]:
    """Offer samples with views after those of the numbers `looks`; everything that the views told, in order."""
    stream = SignalStream("drawn")
    looking = set(looks)
    responses: list[Response] = []
    beats: list[int] = []
    derived: list[Sample] = []
    for number, sample in enumerate(samples):
        stream.add(sample)
        if number in looking or number == len(samples) - 1:
            view = stream.view(sample.mono_ns, stamp(sample.mono_ns))
            responses += view.responses
            beats += view.beats_ms
            derived += stream.derived()
    return responses, beats, derived


def summaries(samples: Sequence[Sample], looks: Iterable[int]) -> list[SegmentSignals]:
    """The segments of a minute, asked for at the end, after views at the samples of the numbers `looks`."""
    stream = SignalStream("drawn")
    looking = set(looks)
    for number, sample in enumerate(samples):
        stream.add(sample)
        if number in looking:
            stream.view(sample.mono_ns, stamp(sample.mono_ns))
    return [stream.summary(at * SECOND_NS, (at + 5) * SECOND_NS) for at in range(0, 55, 5)]


@pytest.mark.data
@settings(max_examples=2, deadline=None, phases=[Phase.explicit, Phase.generate])
@example(every_so_many=40, offset=0)
@given(every_so_many=st.integers(20, 900), offset=st.integers(0, 100))
def test_streaming_equals_batch(data_dir: Path, every_so_many: int, offset: int) -> None:
    """Issue 4: the same samples in any chunks, looked at whenever, give the same to 1e-6."""
    samples = recorded(data_dir)
    looks = range(offset, len(samples), every_so_many)
    assert run(samples, looks) == run(samples, [])
    whole, pieces = summaries(samples, []), summaries(samples, looks)
    assert [one.states for one in pieces] == [one.states for one in whole]
    for piece, one in zip(pieces, whole, strict=True):
        assert piece.numbers == pytest.approx(one.numbers, abs=1e-6)


@pytest.mark.data
def test_a_block_is_only_a_matter_of_cost(data_dir: Path) -> None:
    """All of a recording at once, filtered as one piece, gives the beats that half seconds give, to 1e-6."""
    light = [one for one in recorded(data_dir) if Channel.PULSE_RAW in one.values]
    pieces, whole = _beats_by(light, SECOND_NS // 2), _beats_by(light, 100 * SECOND_NS)
    assert pieces.shape == whole.shape
    assert pieces == pytest.approx(whole, abs=1e-6)


def _beats_by(samples: Sequence[Sample], block_ns: int) -> Floats:
    """Seconds and quality of each beat, worked on in blocks of another length."""
    signal = PulseSignal(SignalSettings())
    found = []
    for _, block in groupby(samples, key=lambda one: one.mono_ns // block_ns):
        some = list(block)
        values = [one.values[Channel.PULSE_RAW] for one in some]
        cuts = frozenset(one.mono_ns for one in some if one.gap_before)
        found += signal.block([one.mono_ns for one in some], values, cuts)[0]
    return np.array([(one.t_ns / SECOND_NS, one.quality) for one in found])


@pytest.mark.parametrize(("rate_hz", "bpm"), [(25, 38), (64, 205), (500, 205)])
def test_streaming_equals_batch_at_any_rate_and_pace(rate_hz: int, bpm: float) -> None:
    """A heart that is found to be faster than was believed is so in whatever pieces it comes."""
    times = every(30, rate_hz=rate_hz)
    light, wet = pulse(times, beat_times(30, bpm=bpm, swing=0.01)), skin(times, [8.0, 20.0])
    both = zip(times.tolist(), light.tolist(), wet.tolist(), strict=True)
    samples = [
        Sample("drawn", round(at * SECOND_NS), {Channel.PULSE_RAW: shone, Channel.GSR_US: told})
        for at, shone, told in both
    ]
    whole = run(samples, [])
    assert len(whole[0]) >= 2
    assert len(whole[1]) >= 0.7 * bpm * 29 / 60
    for step in (rate_hz // 4, 3 * rate_hz + 1):
        assert run(samples, range(0, len(samples), step)) == whole


@pytest.mark.data
def test_something_was_found_in_what_streaming_is_proven_with(data_dir: Path) -> None:
    responses, beats, derived = run(recorded(data_dir), [])
    assert len(responses) >= 1
    assert len(beats) >= 20
    assert derived


def test_no_interval_and_no_response_reaches_across_a_gap() -> None:
    times = every(60, rate_hz=100)
    light = samples_of(Channel.PULSE_RAW, times, pulse(times, beat_times(60, bpm=70)))
    _, _, derived = run([one for one in light if not 30 <= one.mono_ns / SECOND_NS < 31], [])
    for one in derived:
        begins_s, ends_s = one.mono_ns / SECOND_NS - one.values[Channel.IBI_MS] / 1000, one.mono_ns / SECOND_NS
        assert not (begins_s < 30.5 < ends_s)


def test_a_response_that_a_gap_cuts_is_none() -> None:
    times = every(40, rate_hz=4)
    values = skin(times, [20.0])
    whole = samples_of(Channel.GSR_US, times, values)
    assert len({one.onset_ms for one in run(whole, [])[0]}) == 1
    cut = [one for one in whole if not 20.4 <= one.mono_ns / SECOND_NS < 22.4]
    assert not [one for one in run(cut, [])[0] if one.onset_ms - WALL_MS < 20_400 and one.peak_ms - WALL_MS > 22_400]


def test_samples_out_of_order_and_no_numbers_are_left_out() -> None:
    times = every(30, rate_hz=4)
    good = samples_of(Channel.GSR_US, times, skin(times, [10.0]))
    bad = [Sample("drawn", one.mono_ns - 1, {Channel.GSR_US: 9.0}) for one in good[1:]]
    nan = [Sample("drawn", one.mono_ns + 1, {Channel.GSR_US: float("nan")}) for one in good]
    mixed = [one for three in zip(good[1:], bad, nan[1:], strict=True) for one in three]
    assert run([good[0], *mixed], [])[0] == run(good, [])[0]


def test_memory_does_not_grow() -> None:
    stream = SignalStream("drawn", settings=SignalSettings(sdnn_window_s=30.0))
    times = every(400, rate_hz=25)
    light = pulse(times, beat_times(400, bpm=90))
    for sample in samples_of(Channel.PULSE_RAW, times, light):
        stream.add(sample)
        if sample.mono_ns % SECOND_NS == 0:
            stream.view(sample.mono_ns, stamp(sample.mono_ns))
    heart = stream._reading.heart()
    assert heart is not None
    assert len(heart.intervals.kept) < 900
    assert len(stream._pending[Channel.PULSE_RAW].times) < 50


def test_to_forget_is_to_begin_anew() -> None:
    times = every(30, rate_hz=4)
    samples = samples_of(Channel.GSR_US, times, skin(times, [10.0]))
    stream = SignalStream("drawn")
    for sample in samples:
        stream.add(sample)
    stream.forget()
    view = stream.view(30 * SECOND_NS, stamp(30 * SECOND_NS))
    assert view.scl_us is None
    assert view.responses == []
    assert view.quality == {}
