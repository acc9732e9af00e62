"""The latest-wins slot: newest wins, nobody waits for a slow reader."""

import asyncio

import pytest

from edge.core.slot import Slot, SlotClosedError


async def test_a_late_reader_gets_only_the_newest() -> None:
    slot: Slot[int] = Slot()
    for item in (1, 2, 3):
        slot.put(item)
    assert await slot.next() == (3, 3)


async def test_a_slow_reader_skips_and_a_quick_one_sees_all() -> None:
    slot: Slot[int] = Slot()
    quick: list[int] = []

    async def read() -> None:
        async for item in slot.items():
            quick.append(item)

    reader = asyncio.create_task(read())
    for item in range(5):
        slot.put(item)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    slot.close()
    await reader
    assert quick == [0, 1, 2, 3, 4]


async def test_fresh_ignores_the_item_already_there() -> None:
    slot: Slot[str] = Slot()
    slot.put("stale")
    items = slot.items(fresh=True)
    reader = asyncio.ensure_future(anext(items))
    await asyncio.sleep(0)
    slot.put("fresh")
    assert await reader == "fresh"
    await items.aclose()  # type: ignore[attr-defined]


async def test_closing_ends_every_reader() -> None:
    slot: Slot[int] = Slot()
    reader = asyncio.ensure_future(slot.next())
    await asyncio.sleep(0)
    slot.close()
    with pytest.raises(SlotClosedError):
        await reader


async def test_what_a_reader_does_not_want_does_not_wake_it() -> None:
    slot: Slot[int] = Slot()
    asked: list[tuple[int, int]] = []

    def even(version: int, item: int) -> bool:
        asked.append((version, item))
        return item % 2 == 0

    choosy, easy = asyncio.ensure_future(slot.next(0, even)), asyncio.ensure_future(slot.next())
    await asyncio.sleep(0)
    slot.put(1)
    await asyncio.sleep(0)
    assert easy.done()
    assert not choosy.done()
    slot.put(4)
    assert await choosy == (2, 4)
    assert asked == [(1, 1), (2, 4)]


async def test_closing_ends_a_choosy_reader_too() -> None:
    slot: Slot[int] = Slot()
    reader = asyncio.ensure_future(slot.next(0, lambda _version, _item: False))
    await asyncio.sleep(0)
    slot.put(1)
    slot.close()
    with pytest.raises(SlotClosedError):
        await reader


async def test_it_rests_until_then_unless_somebody_takes_every_item() -> None:
    slot: Slot[int] = Slot()
    slot.rest(100)
    assert slot.resting(99)
    assert not slot.resting(100)
    items = slot.items()
    reader = asyncio.ensure_future(anext(items))
    await asyncio.sleep(0)
    assert not slot.resting(99)
    slot.put(1)
    assert await reader == 1
    assert not slot.resting(99)
    await items.aclose()  # type: ignore[attr-defined]
    assert slot.resting(99)


async def test_readers_who_give_up_leave_nothing_behind() -> None:
    """A camera that never gives a picture is asked for one again and again."""
    slot: Slot[int] = Slot()
    for _ in range(100):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slot.next(), 0)
        reader = asyncio.ensure_future(slot.next())
        await asyncio.sleep(0)
        reader.cancel()
    await asyncio.sleep(0)
    assert slot._waiters == []
