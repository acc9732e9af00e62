"""The relay of live pictures: shared parts, newest wins, a notice when the camera is lost, bounds, ends."""

import asyncio

import pytest

from edge.core.frame import Frame
from edge.core.slot import Slot, SlotClosedError
from edge.web.relay import BOUNDARY, NO_LIVE_VIDEO, Relay, Relays, TooManyViewersError, Watcher, picture_of
from tests.support.clock import START_MS, FakeClock
from tests.support.web import SteppedClock, jpeg_of

ME = Watcher("192.0.2.7", None)


def frame_of(number: int, clock: FakeClock) -> Frame:
    return Frame("front", number, jpeg_of(number), 640, 480, clock.mono_ns())


def relay_on(source: Slot[Frame], clock: FakeClock) -> Relay:
    return Relay(source, clock=clock, lost_after_s=2.0, notice=NO_LIVE_VIDEO)


def test_a_part_carries_the_camera_s_own_bytes_and_its_time() -> None:
    """S1.5"""
    clock = FakeClock()
    frame = frame_of(1, clock)
    clock.advance(0.25)
    picture = picture_of(frame, clock.now())
    head, _, rest = picture.part.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"Content-Type: image/jpeg",
        b"Content-Length: %d" % len(frame.jpeg),
        b"X-Timestamp: %.3f" % ((START_MS + 1000) / 1000),
    ]
    assert rest == frame.jpeg + b"\r\n" + BOUNDARY
    assert picture.jpeg is frame.jpeg


async def test_two_watchers_get_the_same_object_and_a_slow_one_skips() -> None:
    """X.9: nothing is made per viewer."""
    clock, source = SteppedClock(), Slot[Frame]()
    relay = relay_on(source, clock)
    with relay.watching(ME) as first, relay.watching(Watcher("192.0.2.8", None)) as second:
        await clock.pass_time(0)
        source.put(frame_of(1, clock))
        seen, one = await first.next(first.version)
        assert (await second.next(seen - 1))[1] is one
        for number in range(2, 6):
            source.put(frame_of(number, clock))
            await clock.pass_time(0.04)
        assert (await second.next(seen))[1].jpeg == jpeg_of(5)
        assert relay.forwarded == 5
    assert relay.watchers == frozenset()
    await clock.pass_time(0)


async def test_a_lost_camera_is_told_once_a_second_and_comes_back_by_itself() -> None:
    clock, source = SteppedClock(), Slot[Frame]()
    relay = relay_on(source, clock)
    with relay.watching(ME) as pictures:
        await clock.pass_time(0)
        assert pictures.latest is not None
        assert pictures.latest.jpeg == NO_LIVE_VIDEO
        assert b"X-No-Signal: 1" in pictures.latest.part
        source.put(frame_of(1, clock))
        await clock.pass_time(0)
        await clock.pass_time(1.0)
        assert pictures.latest.jpeg == jpeg_of(1)
        told = pictures.version
        for second in range(1, 4):
            await clock.pass_time(1.0)
            assert pictures.latest.jpeg == NO_LIVE_VIDEO
            assert pictures.version == told + second
        source.put(frame_of(2, clock))
        await clock.pass_time(0)
        assert pictures.latest.jpeg == jpeg_of(2)
    await clock.pass_time(0)


async def test_an_old_frame_left_in_the_slot_is_not_shown_as_live() -> None:
    clock, source = SteppedClock(), Slot[Frame]()
    source.put(frame_of(1, clock))
    clock.advance(3600)
    with relay_on(source, clock).watching(ME) as pictures:
        await clock.pass_time(0)
        assert pictures.latest is not None
        assert pictures.latest.jpeg == NO_LIVE_VIDEO
    await clock.pass_time(0)


async def test_finish_ends_those_who_watch_now_and_serves_those_who_come_later() -> None:
    """S1.10: breaks the frame loop."""
    clock, source = SteppedClock(), Slot[Frame]()
    relay = relay_on(source, clock)
    with relay.watching(ME) as before:
        await clock.pass_time(0)
        relay.finish()
        with pytest.raises(SlotClosedError):
            await before.next(before.version)
        with relay.watching(Watcher("192.0.2.9", None)) as after:
            source.put(frame_of(1, clock))
            await clock.pass_time(0)
            assert after.latest is not None
            assert after.latest.jpeg == jpeg_of(1)
    await clock.pass_time(0)


async def test_a_closed_source_ends_every_picture() -> None:
    clock, source = SteppedClock(), Slot[Frame]()
    with relay_on(source, clock).watching(ME) as pictures:
        await clock.pass_time(0)
        source.close()
        await clock.pass_time(0)
        with pytest.raises(SlotClosedError):
            await pictures.next(pictures.version)
    await clock.pass_time(0)


async def test_one_viewer_too_many_is_refused_over_all_cameras() -> None:
    clock = SteppedClock()
    relays = Relays({"front": Slot(), "back": Slot()}, clock=clock, max_viewers=2)
    with relays.watching("front", ME), relays.watching("back", ME):
        assert (relays.viewers("front"), relays.viewers("back")) == (1, 1)
        with pytest.raises(TooManyViewersError), relays.watching("back", ME):
            pass
    with relays.watching("back", ME):
        assert relays.viewers("front") == 0
    await clock.pass_time(0)


async def test_a_hundred_rounds_of_watching_leave_no_task() -> None:
    """S1.35"""
    clock, source = SteppedClock(), Slot[Frame]()
    relay = relay_on(source, clock)
    before = len(asyncio.all_tasks())
    for _ in range(100):
        with relay.watching(ME):
            await asyncio.sleep(0)
        await clock.pass_time(0)
    assert len(asyncio.all_tasks()) == before
