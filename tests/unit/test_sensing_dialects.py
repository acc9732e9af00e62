"""Frames and rows as samples: any bytes, in pieces of any size, and which of the two it is."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.sample import Channel, Sample
from edge.sensing.dialect import Listener
from edge.sensing.frame_dialect import FrameDialect
from edge.sensing.frames import Hello, ResetCause, Sampled, encode_message
from edge.sensing.line_dialect import LineDialect
from edge.sensing.settings import SerialSettings
from edge.sensing.units import NodeUnits, plausible

_S = 1_000_000_000
_FRAMES, _LINES = SerialSettings(protocol="frames"), SerialSettings(protocol="lines")


def _hello(
    seq: int = 0,
    *,
    boots: int = 1,
    gsr_open: int | None = 32768,
    channels: tuple[int, ...] = (1, 2),
    protocol: int = 1,
) -> bytes:
    return encode_message(Hello(seq, protocol, (1, 0, 0), 7, boots, ResetCause.POWER_ON, 100, 16, gsr_open, channels))


def _sample(seq: int, t_ms: int, *values: int, self_test: bool = False) -> bytes:
    return encode_message(Sampled(seq, t_ms * 1000, values or (19_200, 32_768), self_test=self_test))


def _stream(count: int = 30) -> bytes:
    return _hello() + b"".join(_sample(n, 10 * n, 19_200 + n, 32_768) for n in range(1, count + 1))


def _told(samples: list[Sample]) -> list[tuple[int | None, dict[Channel, float], bool]]:
    return [(sample.node_ms, sample.values, sample.gap_before) for sample in samples]


@given(st.lists(st.integers(0, 600), max_size=20))
def test_any_chunking_of_frames_gives_the_same_samples(cuts: list[int]) -> None:
    data = _stream()
    dialect, samples, before = FrameDialect(_FRAMES), [], 0
    for number, cut in enumerate([*sorted(cuts), len(data)]):
        samples += dialect.feed(data[before:cut], _S + number)
        before = max(before, cut)
    assert _told(samples) == _told(FrameDialect(_FRAMES).feed(data, _S))
    assert len(samples) == 30


@given(st.lists(st.integers(0, 400), max_size=20))
def test_any_chunking_of_rows_gives_the_same_samples(cuts: list[int]) -> None:
    data = b"torn\n" + b"".join(b"%d,300,72\n" % (n * 10) for n in range(30))
    dialect, samples, before = LineDialect(_LINES), [], 0
    for number, cut in enumerate([*sorted(cuts), len(data)]):
        samples += dialect.feed(data[before:cut], _S + number)
        before = max(before, cut)
    assert _told(samples) == _told(LineDialect(_LINES).feed(data, _S))


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=80), max_size=20), st.booleans())
def test_any_bytes_give_plausible_samples_in_order_and_never_an_error(chunks: list[bytes], greeted: bool) -> None:
    for dialect in (FrameDialect(_FRAMES), LineDialect(_LINES)):
        last_ns = 0
        dialect.feed(_hello() if greeted else b"\n", _S)
        for number, chunk in enumerate(chunks):
            for sample in dialect.feed(chunk, 2 * _S + number):
                assert sample.values == plausible(sample.values)
                assert last_ns <= sample.mono_ns <= 2 * _S + number
                last_ns = sample.mono_ns
        assert dialect.diagnosis().bad_rows >= 0


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.floats(0, 0.03))
def test_damaged_frames_never_become_samples_that_were_not_sent(seed: int, rate: float) -> None:
    rng = random.Random(seed)
    sent = {(10 * n, (19_200 + n) / 64, 512.0) for n in range(1, 61)}
    data = bytes(byte ^ 1 << rng.randrange(8) if rng.random() < rate else byte for byte in _stream(60))
    dialect = FrameDialect(SerialSettings(protocol="frames", gsr_calibration=0))
    samples = dialect.feed(_hello(65_535, gsr_open=None) + data.replace(_hello(), b""), 10 * _S)
    for sample in samples:
        if Channel.GSR_RAW in sample.values:
            assert (sample.node_ms, sample.values[Channel.GSR_RAW], sample.values[Channel.PULSE_RAW]) in sent


def test_samples_before_the_first_hello_are_not_told_of() -> None:
    dialect = FrameDialect(_FRAMES)
    assert dialect.feed(_sample(5, 50), _S) == []
    assert dialect.diagnosis().commands == ()
    [sample] = dialect.feed(_hello(6) + _sample(7, 70), 2 * _S)
    assert sample.node_ms == 70


def test_a_node_of_another_protocol_is_not_misread_and_is_said_to_be_one() -> None:
    dialect = FrameDialect(_FRAMES)
    assert len(dialect.feed(_hello() + _sample(1, 10), _S)) == 1
    assert dialect.feed(_hello(0, boots=2, protocol=2) + _sample(1, 10), 2 * _S) == []
    found = dialect.diagnosis()
    assert (found.bad_rows, found.board, found.commands) == (1, "", ())
    assert found.last_bad == ("1 greetings in protocol 2, of which 1 alone is spoken here",)
    [sample] = dialect.feed(_hello(0, boots=3) + _sample(1, 10), 3 * _S)
    assert sample.gap_before


def test_what_is_torn_before_the_first_frame_is_no_error() -> None:
    dialect = FrameDialect(_FRAMES)
    dialect.feed(_sample(1, 10)[5:] + _hello(2) + _sample(3, 30), _S)
    found = dialect.diagnosis()
    assert (found.bad_rows, found.lost, found.resets) == (0, 0, 0)


def test_lost_frames_a_reset_and_a_pattern_leave_gaps_and_only_the_first_is_a_loss() -> None:
    dialect = FrameDialect(_FRAMES)
    data = _hello() + _sample(1, 10) + _sample(4, 40) + _sample(5, 50, self_test=True) + _sample(6, 60)
    samples = dialect.feed(data + _hello(0, boots=2) + _sample(1, 10), _S)
    assert [sample.gap_before for sample in samples] == [False, True, True, True]
    assert [sample.node_ms for sample in samples] == [10, 40, 60, 10]
    found = dialect.diagnosis()
    assert (found.lost, found.resets) == (2, 1)


def test_a_node_of_other_channels_is_understood_as_far_as_it_is_known() -> None:
    dialect = FrameDialect(_FRAMES)
    samples = dialect.feed(_hello(channels=(4, 2, 99)) + _sample(1, 10, 5000, 6400, 1), _S)
    assert samples[0].values == {Channel.PULSE_RAW: 100.0}
    assert dialect.diagnosis().calibrated is None


@pytest.mark.parametrize(
    ("calibration", "value", "found"),
    [
        (0.0, 300 * 64 + 32, {Channel.GSR_RAW: 300.5}),
        (512.0, 300 * 64 + 32, {Channel.GSR_US: pytest.approx(100 * 211.5 / 1625)}),
        (511.5, 512 * 64, {}),
        (0.0, 65_535, {Channel.GSR_RAW: pytest.approx(1023.98, abs=0.01)}),
    ],
    ids=["counts", "microsiemens", "open electrodes", "full scale"],
)
def test_fractions_of_counts_become_fractions_of_units(
    calibration: float, value: int, found: dict[Channel, float]
) -> None:
    values, left_out = NodeUnits((1,), calibration).values([value])
    assert values == found
    assert left_out == (not found)


def test_which_of_the_two_it_is_is_heard_and_nothing_heard_is_lost() -> None:
    listener = Listener()
    assert listener.feed(b"\x17garbage") is None
    assert listener.feed(b"0,300,72\n100,300,72\n") is None
    assert listener.feed(b"200,300,72\n") == "lines"
    assert listener.heard.endswith(b"200,300,72\n")
    listener.begin_anew()
    assert listener.heard == b""
    assert listener.feed(_stream(1)[:9]) is None
    assert listener.feed(_stream(1)[9:]) == "frames"


@given(st.binary(max_size=6000))
def test_listening_keeps_no_more_than_its_bound(data: bytes) -> None:
    listener = Listener()
    listener.feed(data)
    assert len(listener.heard) <= 4096
