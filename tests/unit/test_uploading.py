"""Hours, limits, turns, sizes and digests of uploads, each by itself."""

import hashlib
import random
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.objects import device_of
from edge.sync.upload_settings import UploadSettings, UploadWindow
from edge.sync.uploading.ahead import Ahead
from edge.sync.uploading.lineup import Candidate, Lineup
from edge.sync.uploading.reading import (
    FileUnreadableError,
    FileUnusableError,
    PartChangedError,
    PartReader,
    md5_of,
    whole_sha256,
)
from edge.sync.uploading.schedule import NOTHING, Schedule, holds
from edge.sync.uploading.sizes import LARGEST_PART_BYTES, MOST_PARTS, larger, outgrown, part_bytes_for
from edge.sync.uploading.sweep import Sweep
from edge.sync.uploading.throttle import Flow, Throttle
from tests.support.clock import FakeClock

MIB = 1 << 20
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
times = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59))
windows = st.builds(UploadWindow, days=st.lists(st.sampled_from(DAYS), max_size=7), begin=times, end=times)


def check() -> None:
    """It may go on."""


def md5(data: bytes) -> str:
    """Hex."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@given(window=windows, minute=st.integers(0, 7 * 1440 - 1))
def test_a_window_holds_as_long_as_it_lasts(window: UploadWindow, minute: int) -> None:
    """Against walking back to each day's beginning of it."""
    moment = datetime(2026, 6, 1) + timedelta(minutes=minute)  # noqa: DTZ001 - a Monday, by no zone

    def begins(day: int) -> datetime:
        start = moment.replace(hour=int(window.begin[:2]), minute=int(window.begin[3:])) - timedelta(days=day)
        return start

    def lasts() -> timedelta:
        begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in (window.begin, window.end))
        return timedelta(minutes=end - begin if end > begin else end - begin + 1440)

    days = window.days or DAYS
    expected = any(
        begins(day) <= moment < begins(day) + lasts() and DAYS[begins(day).weekday()] in days for day in (0, 1)
    )
    assert holds(window, moment) is expected


def test_the_first_window_that_holds_decides_and_an_unknown_hour_is_in_none() -> None:
    night = UploadWindow(begin="22:00", end="06:00")
    office = UploadWindow(begin="08:00", end="18:00", upload=False)
    always = UploadWindow(max_bits_per_s=5000)
    clock = FakeClock()
    for hours in range(24):
        chosen = UploadSettings(windows=(night, office, always), max_bits_per_s=7, timezone="Etc/UTC")
        hour = int(clock.now().wall_ms // 3_600_000 % 24)
        expected = None if hour >= 22 or hour < 6 else NOTHING if 8 <= hour < 18 else 5000
        assert Schedule(chosen, clock).limit_bps() == expected, f"{hours}: {hour}"
        clock.advance(3600)
    clock.trusted = False
    assert Schedule(chosen, clock).limit_bps() == 7
    assert Schedule(UploadSettings(), clock).limit_bps() is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"timezone": "Mars/Olympus"}, "Europe/Berlin"),
        ({"windows": [{"begin": "24:00"}]}, r"\$.windows\[0\].begin"),
        ({"windows": [{"days": ["Monday"]}]}, r"\$.windows\[0\].days\[0\]"),
        ({"parallel": 0}, r"\$.parallel"),
        ({"speed": 1}, "speed"),
    ],
)
def test_settings_that_will_not_do_are_named(raw: object, words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(raw, UploadSettings)


def test_the_limit_holds_over_time_whoever_sends() -> None:
    clock = FakeClock()
    throttle = Throttle(lambda: 80_000, clock)
    for _ in range(500):
        clock.advance(throttle.take(1000))
    passed_s = (clock.mono_ns() - FakeClock().mono_ns()) / 1e9
    assert 500_000 * 8 / passed_s == pytest.approx(80_000, rel=0.01)


def test_a_pause_saves_up_a_quarter_of_a_second_at_most_and_no_limit_is_none() -> None:
    clock = FakeClock()
    throttle = Throttle(lambda: 80_000, clock)
    clock.advance(3600)
    assert throttle.take(2500) == 0
    assert throttle.take(1000) == pytest.approx(0.1)
    assert Throttle(lambda: None, clock).take(1 << 40) == 0


def test_the_rate_settles_at_what_flows_and_fades() -> None:
    clock = FakeClock()
    flow = Flow(clock)
    for _ in range(3000):
        clock.advance(0.01)
        flow.add(1250)
    assert flow.rate_bps == pytest.approx(1_000_000, rel=0.05)
    clock.advance(60)
    assert flow.rate_bps < 10


def lineup() -> tuple[Lineup, FakeClock]:
    """Nobody had a turn yet."""
    clock = FakeClock()
    return Lineup(clock, random.Random(1), 600.0), clock


def test_cameras_take_turns_within_a_rank_and_no_rank_waits_for_a_larger_one() -> None:
    line, _ = lineup()
    waiting = [Candidate(f"{lane}{order}", 2, lane, order) for lane in "ab" for order in range(3)]
    first = [line.take(waiting) for _ in range(4)]
    assert [one.id for one in first if one] == ["a0", "b0", "a1", "b1"]
    alarm = Candidate("z", 0, "a", 99)
    assert line.take([*waiting, alarm]) == alarm
    assert line.take([alarm]) is None
    line.release("z")
    assert line.take([alarm]) == alarm


def test_who_fails_alone_is_to_blame_and_who_fails_with_all_is_not() -> None:
    line, clock = lineup()
    assert not line.failed("bad"), "perhaps the target's fault"
    assert line.unavailable() == {"bad"}
    clock.advance(2)
    assert line.unavailable() == set()
    assert not line.failed("bad"), "still nobody got through"
    line.succeeded("good")
    assert line.failed("bad")
    rest = line.rest_s("bad") or 0
    assert 1 < rest <= 4
    assert line.next_s() == pytest.approx(rest)
    line.forget("bad")
    assert line.rest_s("bad") is None
    assert line.failed("twice", restarted=True)


def test_those_that_rest_are_bounded() -> None:
    line, _ = lineup()
    for number in range(1500):
        line.failed(str(number))
    assert len(line.unavailable()) == 1000


@given(size=st.integers(0, 50 << 40), least=st.integers(5 * MIB, 1 << 30))
def test_there_are_never_more_than_ten_thousand_parts(size: int, least: int) -> None:
    """Of 5 MiB to 5 GiB each, up to the 48 TiB that this makes."""
    part = part_bytes_for(size, least)
    assert least <= part <= LARGEST_PART_BYTES
    assert outgrown(size, part) is (size > LARGEST_PART_BYTES * MOST_PARTS)
    assert part == least or part % MIB == 0
    assert larger(size, part) >= part


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), part=st.integers(1, 100), seed=st.integers(0, 1000))
def test_the_digest_of_parts_read_in_any_order_is_the_file_s(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, part: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("reading") / "clip"
    path.write_bytes(data)
    reader, rng = PartReader(path, part), random.Random(seed)
    count = -(-len(data) // part)
    digests = {n: md5(data[(n - 1) * part : n * part]) for n in range(1, count + 1)}
    for number in rng.choices(range(1, count + 1), k=5) if count else ():
        wanted = data[(number - 1) * part : number * part]
        assert reader.read(number, len(wanted), digests, check) == wanted
    assert reader.sha256(len(data), digests, check) == hashlib.sha256(data).hexdigest() == whole_sha256(path)


def test_what_changed_after_it_was_sent_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    path.write_bytes(b"a" * 30)
    digests = {1: md5(b"a" * 10), 2: md5(b"b" * 10)}
    with pytest.raises(PartChangedError, match="part 2"):
        PartReader(path, 10).read(3, 10, digests, check)
    with pytest.raises(FileUnusableError, match="not what was recorded"):
        PartReader(path, 10).read(4, 10, {}, check)
    with pytest.raises(FileUnusableError, match="gone"):
        PartReader(tmp_path / "nothing", 10).read(1, 10, {}, check)
    with pytest.raises(FileUnreadableError, match="cannot read"):
        whole_sha256(tmp_path)


@pytest.mark.parametrize(
    ("tag", "digest"), [('"' + "a" * 32 + '"', "a" * 32), ("b" * 32, "b" * 32), ("opaque:x", ""), ("", "")]
)
def test_a_tag_is_an_md5_or_not(tag: str, digest: str) -> None:
    assert md5_of(tag) == digest


def test_only_what_is_under_our_own_name_is_swept() -> None:
    sweep = Sweep("gate-1", UploadSettings(), FakeClock(), set)
    assert {device_of(prefix + "x.mp4") for prefix in sweep._prefixes} == {"gate-1"}


def test_a_part_that_is_sent_again_while_the_next_was_read_is_not_hashed_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    path.write_bytes(bytes(range(40)))
    reader = PartReader(path, 10)
    for number in (1, 2, 3):
        reader.read(number, 10, {}, check)
    assert reader.read(2, 10, {1: "another"}, check) == bytes(range(10, 20)), "part 1 is not read again"
    reader.read(3, 10, {}, check)
    reader.read(4, 10, {}, check)
    assert reader.sha256(40, {}, check) == hashlib.sha256(bytes(range(40))).hexdigest()


def test_parts_read_ahead_are_bounded_and_given_once(tmp_path: Path) -> None:
    ahead, readers = Ahead(2), [PartReader(tmp_path / str(number), 10) for number in range(3)]
    for reader in readers:
        ahead.keep(reader, 2, b"0123")
    assert ahead.take(readers[0], 2, 4) is None, "the first gave way"
    assert ahead.take(readers[1], 3, 4) is None
    assert ahead.take(readers[2], 2, 4) == b"0123"
    assert ahead.take(readers[2], 2, 4) is None
