"""Times of records: monotonic always, wall put right once it is known, and nothing sorted or thrown away by a wrong one
(issue 5, point 8; docs/decisions/0013)."""

import asyncio
import random
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import decode
from contract.messages import ClockFix, Label, Loss, Marker, Record
from contract.times import from_wire, to_wire
from edge.core.clock import Stamp, SystemClock, host_boot, offset_ms
from edge.core.health import Health, State
from edge.outbox.clock_keeper import PART, ClockKeeper
from edge.outbox.restamp import restamped
from edge.outbox.retention import SPARED_HEAD
from edge.outbox.rows import make_row
from edge.outbox.settings import OutboxSettings
from edge.outbox.store import Outbox
from tests.support.clock import START_MS, FakeClock
from tests.support.outboxes import DEVICE, prediction, recording

BOOT = "00000001-00000000"
HOST = "5e1f2d0c-host"
YEAR_S = 365 * 86_400


def unset_clock() -> FakeClock:
    """A host that believes it is years ago."""
    clock = FakeClock(trusted=False)
    clock.jump_wall(-5 * YEAR_S)
    return clock


def opened(folder: Path, clock: FakeClock, host: str = HOST, **limits: float) -> AbstractAsyncContextManager[Outbox]:
    settings = OutboxSettings(linger_ms=0, **limits)  # type: ignore[arg-type]
    return Outbox.open(
        folder / "store.db", device=DEVICE, clock=clock, health=Health(clock), limits=settings, host_boot=host
    )


def keeper(outbox: Outbox, clock: FakeClock) -> ClockKeeper:
    return ClockKeeper(outbox=outbox, clock=clock, health=Health(clock), rng=random.Random(1))


def synchronise(clock: FakeClock, by_s: float = 5 * YEAR_S) -> None:
    """A time server is found."""
    clock.jump_wall(by_s)
    clock.trusted = True


async def records(outbox: Outbox) -> list[Record]:
    return [record for _, record in await outbox.history(after=0, limit=10_000)]


async def test_once_the_clock_is_kept_the_runs_records_have_their_right_times(tmp_path: Path) -> None:
    clock = unset_clock()
    async with opened(tmp_path, clock) as outbox:
        watch = keeper(outbox, clock)
        body = prediction()
        shifted = clock.now().wall_ms
        for _ in range(3):
            await outbox.append(msgspec.structs.replace(body, start_ms=shifted, end_ms=shifted + 5))
            clock.advance(10)
        await watch.look()
        assert [one.clock for one in await records(outbox)] == ["untrusted"] * 3
        synchronise(clock)
        await watch.look()
        found = await records(outbox)
        assert [one.clock for one in found] == ["corrected"] * 3 + ["trusted"]
        times = [from_wire(one.t) for one in found[:3]]
        assert times == [START_MS + one.mono_ms for one in found[:3]]
        assert [one.body.start_ms for one in found[:3]] == [START_MS + 1000] * 3  # type: ignore[union-attr]
        fix = found[3].body
        assert isinstance(fix, ClockFix)
        assert (fix.of_boot, fix.reason, fix.jump_ms) == (outbox.boot, "synchronised", 5 * YEAR_S * 1000)
        waiting = await outbox.pending()
        assert [(one.t_ms, decode(one.payload, Record).clock) for one in waiting][:3] == [
            (time, "corrected") for time in times
        ], "what is still to be sent is right too"
        await watch.look()
        assert len(await records(outbox)) == 4, "told once"


async def test_a_record_that_was_stamped_before_and_comes_after_is_put_right_without_another_word(
    tmp_path: Path,
) -> None:
    clock = unset_clock()
    async with opened(tmp_path, clock) as outbox:
        watch = keeper(outbox, clock)
        await outbox.append(prediction())
        late = clock.now()
        synchronise(clock)
        await watch.look()
        await outbox.append(prediction(1), late)
        clock.advance(11)
        await watch.look()
        found = await records(outbox)
        assert [one.clock for one in found] == ["corrected", "trusted", "corrected"]
        assert from_wire(found[2].t) == START_MS + found[2].mono_ms


async def test_many_records_go_in_chunks_and_a_kill_between_them_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outbox.restamp._CHUNK", 4)
    clock = unset_clock()
    async with opened(tmp_path, clock) as outbox:
        watch = keeper(outbox, clock)
        for index in range(10):
            await outbox.append(prediction(index))
        synchronise(clock)
        real = outbox._writer.execute

        async def dies(*_: object) -> None:
            raise ConnectionAbortedError

        monkeypatch.setattr(outbox._writer, "execute", dies)
        with pytest.raises(ConnectionAbortedError):
            await watch.look()
        monkeypatch.setattr(outbox._writer, "execute", real)
        assert [one.clock for one in await records(outbox)].count("corrected") == 4
    later = FakeClock(trusted=False)
    async with opened(tmp_path, later, "another-boot-of-the-host") as outbox:
        await keeper(outbox, later).look()
        found = await records(outbox)
        assert [one.clock for one in found[:10]] == ["corrected"] * 10
        assert sum(isinstance(one.body, ClockFix) for one in found) == 1
        assert [from_wire(one.t) for one in found[:10]] == [START_MS + one.mono_ms for one in found[:10]]


@pytest.mark.parametrize(("host", "clocks"), [(HOST, "corrected"), ("another", "untrusted"), ("", "untrusted")])
async def test_an_earlier_run_is_put_right_only_within_one_boot_of_the_host(
    tmp_path: Path, host: str, clocks: str
) -> None:
    clock = unset_clock()
    async with opened(tmp_path, clock) as outbox:
        await outbox.append(prediction())
        first = outbox.boot
    clock.advance(60)
    async with opened(tmp_path, clock, host) as outbox:
        synchronise(clock)
        await keeper(outbox, clock).look()
        found = await records(outbox)
        assert found[0].clock == clocks
        assert [one.body.of_boot for one in found[1:]] == [first] * (clocks == "corrected")  # type: ignore[union-attr]


async def test_what_nobody_will_ever_know_costs_nothing(tmp_path: Path) -> None:
    """A run that was mended once, whose clock was lost again, and whose host then started anew."""
    clock = unset_clock()
    async with opened(tmp_path, clock) as outbox:
        watch = keeper(outbox, clock)
        await outbox.append(prediction())
        synchronise(clock)
        await watch.look()
        clock.trusted = False
        clock.advance(5)
        await outbox.append(prediction())
    later = FakeClock()
    async with opened(tmp_path, later, "another") as outbox:
        watch = keeper(outbox, later)
        await watch.look()
        commits = outbox.commits_total
        for _ in range(5):
            later.advance(11)
            await watch.look()
        assert outbox.commits_total == commits
        assert [one.clock for one in await records(outbox)] == ["corrected", "trusted", "untrusted"]


async def test_a_leap_of_a_kept_clock_is_told_and_moves_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock) as outbox:
        watch = keeper(outbox, clock)
        await outbox.append(prediction())
        await watch.look()
        clock.jump_wall(-7)
        await watch.look()
        await watch.look()
        found = await records(outbox)
        assert [one.clock for one in found] == ["trusted", "trusted"]
        assert from_wire(found[0].t) == START_MS + found[0].mono_ms
        fix = found[1].body
        assert isinstance(fix, ClockFix)
        assert (fix.reason, fix.jump_ms, watch.leaps_total) == ("jumped", -7000, 1)


async def test_a_slewed_clock_says_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock) as outbox:
        watch = keeper(outbox, clock)
        for _ in range(20):
            clock.advance(1)
            clock.jump_wall(0.4)
            await watch.look()
        assert await records(outbox) == []


async def test_health_says_whether_times_can_be_believed(tmp_path: Path) -> None:
    clock = unset_clock()
    async with opened(tmp_path, clock) as outbox:
        health = Health(clock)
        watch = ClockKeeper(outbox=outbox, clock=clock, health=health, rng=random.Random(1))
        await watch.look()
        assert health.of(PART) is State.DEGRADED
        synchronise(clock)
        await watch.look()
        assert health.of(PART) is State.OK


async def test_days_are_counted_by_what_is_to_be_believed(tmp_path: Path) -> None:
    """Neither the distant past nor the distant future that an unset clock says makes a record old or young."""
    clock = unset_clock()
    async with opened(tmp_path, clock, history_days=1.0) as outbox:
        await outbox.append(prediction(1))
        clock.jump_wall(50 * YEAR_S)
        await outbox.append(prediction(2))
        await outbox.acknowledge(outbox.boot, 2)
        await outbox.tidy()
        assert len(await records(outbox)) == 2, "who does not know the time throws nothing away by it"
    other = FakeClock()
    async with opened(tmp_path, other, "another", history_days=1.0) as outbox:
        await outbox.append(prediction(3))
        await outbox.acknowledge(outbox.boot, 1)
        await outbox.tidy()
        assert len(await records(outbox)) == 3, "before something young, and nobody knows how long before"
        other.advance(2 * 86_400)
        await outbox.append(prediction(4))
        await outbox.tidy()
        assert [one.body.segment_index for one in await records(outbox)] == [4]  # type: ignore[union-attr]


async def test_the_age_of_what_waits_is_told_by_the_monotonic_clock(tmp_path: Path) -> None:
    clock = unset_clock()
    async with opened(tmp_path, clock) as outbox:
        await outbox.append(prediction())
        clock.advance(30)
        synchronise(clock)
        assert (await outbox.counts()).oldest_unacked_s == 30


def test_a_key_keeps_its_name_and_a_trace_moves_point_by_point() -> None:
    at = unset_clock().now()
    fix = ClockFix(of_boot=BOOT, at_mono_ms=5000, wall_ms=START_MS + 5000)
    clip = recording("rec-1", b"x")
    moved = restamped(make_row(1, boot=BOOT, seq=1, at=at, body=clip).record, fix).body
    assert (moved.key, moved.start_ms) == (clip.key, clip.start_ms + 5 * YEAR_S * 1000)  # type: ignore[union-attr]
    label = Label(
        label_id="l", participant="p", session_id="s", at_ms=at.wall_ms, source="trace", trace=[(at.wall_ms, 0.1, None)]
    )
    told = restamped(make_row(1, boot=BOOT, seq=1, at=at, body=label).record, fix).body
    assert isinstance(told, Label)
    assert (told.at_ms, told.asked_ms, told.trace) == (START_MS + 1000, None, [(START_MS + 1000, 0.1, None)])


@given(st.integers(0, 10**12), st.integers(0, 2**42), st.integers(0, 10**12))
def test_two_records_keep_their_distance(mono_ms: int, wall_ms: int, later_ms: int) -> None:
    fix = ClockFix(of_boot=BOOT, at_mono_ms=mono_ms + later_ms, wall_ms=max(START_MS, later_ms))
    at = Stamp(mono_ms * 1_000_000, wall_ms, False)
    new = restamped(make_row(1, boot=BOOT, seq=1, at=at, body=prediction()).record, fix)
    assert from_wire(new.t) == fix.wall_ms - later_ms
    assert (new.mono_ms, new.clock) == (mono_ms, "corrected")


def test_the_host_says_which_boot_it_is(tmp_path: Path) -> None:
    assert host_boot() == host_boot() != ""
    assert host_boot(tmp_path / "none") == ""
    clock = SystemClock()
    assert abs(offset_ms(clock.now()) - offset_ms(clock.now())) < 1000


@pytest.mark.parametrize("trusted", [True, False])
async def test_what_stands_for_records_of_an_earlier_boot_of_the_host_is_on_their_clock(
    tmp_path: Path, *, trusted: bool
) -> None:
    """Evicted or erased: a fix of that run must not take this boot's monotonic time for that of the other."""
    clock = unset_clock()
    async with opened(tmp_path, clock) as outbox:
        clock.advance(1000)
        await asyncio.gather(*(outbox.append(prediction()) for _ in range(SPARED_HEAD + 20)))
        await outbox.append(Marker(session_id="s-1", name="cue", at_ms=START_MS))
        synchronise(clock)
        await keeper(outbox, clock).look()
        made = (await records(outbox))[0].t
    later = FakeClock(trusted=trusted)
    later.jump_wall(YEAR_S)
    async with opened(tmp_path, later, "another") as outbox:
        await outbox._keeper.evict(5)
        await outbox.erase("p-1", ["s-1"])
        await keeper(outbox, later).look()
        losses = [one for one in await records(outbox) if isinstance(one.body, Loss)]
        assert len(losses) == 2
        expected = to_wire(later.now().wall_ms) if trusted else made
        assert [(one.t, one.mono_ms, one.clock) for one in losses] == [(expected, 1_001_000, "trusted")] * 2
