"""What the keeper of the disk shows of it."""

import asyncio
from pathlib import Path

from msgspec.structs import replace

from edge.core.hub import Hub
from edge.recording.retention.settings import ClassBudget
from tests.support.spool_disk import MIB, SpoolDisk


async def test_the_view_tells_what_lies_there_how_long_it_lasts_and_what_went(tmp_path: Path) -> None:
    """`3 days 4 h at this rate`: ten mebibytes an hour into seventy-six are seven and a half hours."""
    disk = SpoolDisk(tmp_path, max_bytes=76 * MIB, continuous=ClassBudget(max_bytes=2 * MIB, max_days=30))
    assert disk.retention.view().used_bytes == 0
    await disk.retention.sweep()
    for index in range(20):
        disk.clock.advance(360)
        disk.add(f"rec-{index:02}", reason="continuous" if index % 2 else "event")
        await disk.retention.sweep()
    view = disk.retention.view()
    assert (view.used_bytes, view.room, view.lost) == (12 * MIB, True, 8)
    assert abs(view.bytes_per_hour - 10 * MIB) < 0.02 * 10 * MIB
    assert view.horizon_s is not None
    assert abs(view.horizon_s - 65 / 10 * 3600) < 0.02 * 65 / 10 * 3600, "64 MiB are left, and the first that goes"
    assert view.kept_s is not None
    assert abs(view.kept_s - 7.6 * 3600) < 0.02 * 7.6 * 3600
    by_kind = {one.kind: one for one in view.classes}
    assert (by_kind["event"].count, by_kind["event"].unsent_bytes) == (10, 10 * MIB)
    assert (by_kind["continuous"].count, by_kind["continuous"].max_days) == (2, 30)
    kept_s = by_kind["continuous"].kept_s
    assert kept_s is not None
    assert abs(kept_s - 0.4 * 3600) < 0.02 * 0.4 * 3600
    assert [(one.count, one.lost, one.size_bytes) for one in view.evictions] == [(8, 8, 8 * MIB)]
    assert [(one.name, one.used_bytes, one.holdings) for one in view.stashes] == [("recordings", 12 * MIB, 12)]


async def test_the_view_has_the_times_of_the_list_also_while_the_clock_is_not_trusted(tmp_path: Path) -> None:
    """What may go for its days is another matter: that needs a clock that is trusted."""
    disk = SpoolDisk(tmp_path)
    disk.add("rec-0")
    (entry,) = disk.spool.entries()
    disk.spool.note(replace(entry.sidecar, trusted=False))
    await disk.retention.sweep()
    (event,) = [one for one in disk.retention.view().classes if one.kind == "event"]
    assert event.oldest_ms == entry.sidecar.start_ms


async def test_what_happens_is_published_at_once_and_else_once_a_minute(tmp_path: Path) -> None:
    disk = SpoolDisk(tmp_path, max_bytes=MIB)
    hub = disk.retention._hub = Hub()
    published: list[int] = []
    running = asyncio.create_task(_count(hub, published))
    await asyncio.sleep(0)
    disk.retention._tell()
    disk.retention._tell()
    disk.clock.advance(61)
    disk.retention._tell()
    for name in ("a", "b"):
        disk.add(name)
    await disk.retention.sweep()
    disk.retention._tell()
    await asyncio.sleep(0)
    assert published == [0, 0, 1]
    running.cancel()
    await asyncio.wait([running])


async def _count(hub: Hub, published: list[int]) -> None:
    async for message in hub.watch():
        assert message.topic == "storage"
        published.append(message.data["lost"])
