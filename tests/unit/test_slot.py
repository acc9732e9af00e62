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
