"""The standard heart rate measurement: its bytes, any bytes, and when the beats were."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.sample import Channel
from edge.sensing.beats import Beats
from edge.sensing.heart_rate import HeartRate, parse_heart_rate
from edge.sensing.units import plausible

_S = 1_000_000_000


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\x00\x48", HeartRate(72, None, None, ())),
        (b"\x01\x2c\x01", HeartRate(300, None, None, ())),
        (b"\x06\x48", HeartRate(72, True, None, ())),
        (b"\x04\x48", HeartRate(72, False, None, ())),
        (b"\x02\x48", HeartRate(72, None, None, ())),
        (b"\x08\x48\x10\x00", HeartRate(72, None, 16, ())),
        (b"\x10\x3c\x00\x04", HeartRate(60, None, None, (1_000_000,))),
        (b"\x1f\x48\x00\x05\x00\x55\x03\x40\x03", HeartRate(72, True, 5, (833_008, 812_500))),
        (b"\x10\x48", HeartRate(72, None, None, ())),
    ],
    ids=["8 bit", "16 bit", "contact", "no contact", "contact bit alone", "energy", "interval", "all", "none yet"],
)
def test_measurements_are_read(data: bytes, found: HeartRate) -> None:
    assert parse_heart_rate(data) == found


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x01\x48", b"\x08\x48\x10", b"\x00\x48\x00", b"\x10\x48\x00"])
def test_what_is_too_short_or_too_long_is_none(data: bytes) -> None:
    assert parse_heart_rate(data) is None


@given(st.binary(max_size=40))
def test_any_bytes_give_a_measurement_or_none(data: bytes) -> None:
    found = parse_heart_rate(data)
    assert found is None or 0 <= found.bpm < 65536


@given(
    st.integers(0, 65535),
    st.none() | st.booleans(),
    st.none() | st.integers(0, 65535),
    st.lists(st.integers(0, 65535), max_size=9),
)
def test_what_is_written_is_read_again(bpm: int, contact: bool | None, energy: int | None, ticks: list[int]) -> None:
    flags = (bpm > 255) | (contact is not None) << 2 | bool(contact) << 1
    flags |= (energy is not None) << 3 | bool(ticks) << 4
    data = bytes([flags]) + struct.pack("<H" if bpm > 255 else "<B", bpm)
    data += b"" if energy is None else struct.pack("<H", energy)
    data += struct.pack(f"<{len(ticks)}H", *ticks)
    intervals = tuple(round(tick * 1e6 / 1024) for tick in ticks)
    assert parse_heart_rate(data) == HeartRate(bpm, contact, energy, intervals)


@given(st.lists(st.tuples(st.binary(max_size=24), st.integers(0, 4 * _S)), max_size=40))
def test_any_notifications_give_plausible_samples_in_order(notifications: list[tuple[bytes, int]]) -> None:
    beats, now_ns, last_ns = Beats("body"), 100 * _S, 0
    for data, step_ns in notifications:
        now_ns += step_ns
        for sample in beats.add(data, now_ns):
            assert last_ns <= sample.mono_ns <= now_ns
            assert sample.values
            assert plausible(sample.values) == sample.values
            last_ns = sample.mono_ns


def _told(*ticks: int) -> bytes:
    return b"\x10\x3c" + struct.pack(f"<{len(ticks)}H", *ticks)


def test_beats_lie_apart_as_their_intervals_say_however_they_are_bunched() -> None:
    beats = Beats("body")
    samples = [
        *beats.add(_told(1024), 10 * _S),
        *beats.add(_told(1024, 512, 512), 12 * _S),
        *beats.add(_told(1024), 13 * _S + 200_000_000),
    ]
    assert [sample.mono_ns / _S for sample in samples] == pytest.approx([10, 11, 11.5, 12, 13], abs=0.06)
    assert [sample.values.get(Channel.IBI_MS) for sample in samples] == [1000, 1000, 500, 500, 1000]
    assert [Channel.HR_BPM in sample.values for sample in samples] == [True, False, False, True, True]
    assert not any(sample.gap_before for sample in samples)


def test_lost_contact_and_what_no_heart_does_leave_a_gap() -> None:
    beats = Beats("body")
    beats.add(_told(1024), 10 * _S)
    assert beats.add(b"\x14\x3c\x00\x04", 11 * _S) == []
    [after] = beats.add(_told(1024), 12 * _S)
    assert after.gap_before
    assert beats.implausible == 1
    assert beats.add(b"\x10\x00" + struct.pack("<H", 60_000), 13 * _S) == []
    assert beats.implausible == 3
    assert beats.add(b"\x10", 14 * _S) == []
    assert beats.bad == 1
