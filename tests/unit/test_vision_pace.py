"""Which frames are analysed (S1.31)."""

import asyncio

import pytest

from edge.core.frame import Frame
from edge.core.slot import Slot
from edge.vision.pace import FramePace
from tests.support.clock import FakeClock
from tests.support.moving_scene import FRAME_NS


async def _taken(pace: FramePace, slot: Slot[Frame], bursts: list[int]) -> list[int]:
    """The numbers of the frames taken when so many frames come at once, one burst after the other."""
    taken: list[int] = []

    async def take() -> None:
        while True:
            frame = await pace.next_due()
            if frame:
                taken.append(frame.seq)

    taker = asyncio.create_task(take())
    await asyncio.sleep(0)
    seq = 0
    for burst in bursts:
        for _ in range(burst):
            seq += 1
            slot.put(Frame("front", seq, b"", 64, 48, seq * FRAME_NS))
        for _ in range(5):
            await asyncio.sleep(0)
    taker.cancel()
    await asyncio.gather(taker, return_exceptions=True)
    return taken


@pytest.mark.parametrize(
    ("every_nth", "max_fps", "taken"),
    [(1, 120, [1, 2, 3, 4, 5, 6, 7, 8, 9]), (3, 120, [1, 4, 7]), (1, 5, [1, 4, 7]), (2, 5, [1, 4, 7])],
)
async def test_every_nth_and_no_more_than_so_many_a_second(every_nth: int, max_fps: float, taken: list[int]) -> None:
    """15 frames a second come."""
    slot: Slot[Frame] = Slot()
    pace = FramePace(slot, FakeClock(), every_nth=every_nth, max_fps=max_fps)
    assert await _taken(pace, slot, [1] * 9) == taken
    assert pace.skipped == 0


async def test_of_a_burst_the_newest_is_taken_and_the_rest_counted() -> None:
    slot: Slot[Frame] = Slot()
    pace = FramePace(slot, FakeClock(), every_nth=1, max_fps=120)
    assert await _taken(pace, slot, [1, 5, 1]) == [1, 6, 7]
    assert pace.skipped == 4


async def test_a_closed_slot_is_a_slot_without_frames() -> None:
    slot: Slot[Frame] = Slot()
    slot.close()
    assert await FramePace(slot, FakeClock(), every_nth=1, max_fps=15).next_due() is None


@pytest.mark.parametrize(
    ("every_nth", "max_fps", "bursts", "behind"),
    [
        (1, 120, [1] * 40, False),
        (2, 120, [1] * 40, False),
        (1, 5, [1] * 60, False),
        (1, 120, [3] * 40, True),
        (2, 120, [2] * 60, False),
        (2, 120, [5] * 40, True),
        (1, 5, [2] * 60, False),
        (1, 120, [1] * 30 + [4] * 2, False),
    ],
)
async def test_it_is_behind_when_frames_that_were_due_go_unseen(
    every_nth: int, max_fps: float, bursts: list[int], behind: bool
) -> None:
    slot: Slot[Frame] = Slot()
    pace = FramePace(slot, FakeClock(), every_nth=every_nth, max_fps=max_fps)
    await _taken(pace, slot, bursts)
    assert pace.behind is behind


async def test_the_rate_is_what_was_taken_lately() -> None:
    slot: Slot[Frame] = Slot()
    pace = FramePace(slot, FakeClock(), every_nth=3, max_fps=120)
    assert pace.fps == 0
    await _taken(pace, slot, [1] * 60)
    assert pace.fps == pytest.approx(5.0, rel=0.01)


async def test_a_camera_that_gives_nothing_has_no_rate_and_nothing_to_be_behind_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slot: Slot[Frame] = Slot()
    pace = FramePace(slot, FakeClock(), every_nth=1, max_fps=120)
    await _taken(pace, slot, [4] * 40)
    assert pace.behind
    monkeypatch.setattr("edge.vision.pace.IDLE_S", 0.01)
    assert await pace.next_due() is None
    assert not pace.behind
    assert pace.fps == 0


async def test_fewer_are_taken_while_it_is_calm_and_none_is_missed_with_that() -> None:
    """15 frames a second come."""
    slot: Slot[Frame] = Slot()
    pace = FramePace(slot, FakeClock(), every_nth=1, max_fps=120, calm_fps=5)
    pace.calm = True
    assert await _taken(pace, slot, [1] * 40) == list(range(1, 41, 3))
    assert pace.skipped == 0
    assert not pace.behind


async def test_frames_of_which_none_is_due_are_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.vision.pace.IDLE_S", 0.02)
    slot: Slot[Frame] = Slot()
    pace = FramePace(slot, FakeClock(), every_nth=1, max_fps=0.5)
    slot.put(Frame("front", 1, b"", 64, 48, FRAME_NS))
    assert await pace.next_due() is not None
    waiting = asyncio.ensure_future(pace.next_due())
    for seq in range(2, 8):
        slot.put(Frame("front", seq, b"", 64, 48, seq * FRAME_NS))
        await asyncio.sleep(0.01)
    assert not waiting.done()
    assert await waiting is None
