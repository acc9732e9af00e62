"""The disk takes nothing: what was accepted is kept, who gives way is decided, and the loss is told."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from contract.messages import Event, Loss, Prediction, Recording
from edge.core.errors import StoreDelayedError, StoreError
from edge.core.health import Health, State
from edge.outbox.database import StoreDamagedError
from edge.outbox.settings import OutboxSettings
from edge.outbox.store import Outbox
from tests.support.clock import FakeClock
from tests.support.outboxes import alarm, open_outbox, prediction, recording, telemetry

LIMITS = OutboxSettings(linger_ms=0, waiting_records=10, wait_s=0.2)


async def fill_disk(outbox: Outbox) -> None:
    """SQLite itself says that the disk is full, once the page that it has begun is."""
    await outbox._writer._connection.execute("PRAGMA max_page_count = 1")
    with suppress(StoreDelayedError):
        while True:
            await outbox.append(prediction())


async def free_disk(outbox: Outbox) -> None:
    """There is room again."""
    await outbox._writer._connection.execute("PRAGMA max_page_count = 1073741823")


@asynccontextmanager
async def full_outbox(folder: Path, health: Health) -> AsyncIterator[Outbox]:
    """A store whose disk has just become full."""
    async with open_outbox(folder, limits=LIMITS, health=health) as outbox:
        await outbox.append(prediction())
        await fill_disk(outbox)
        yield outbox
        await free_disk(outbox)


async def test_a_record_waits_and_is_written_when_there_is_room(tmp_path: Path) -> None:
    health = Health(FakeClock())
    async with full_outbox(tmp_path, health) as outbox:
        assert health.of("store") is State.DEGRADED
        before = outbox.last_row
        with pytest.raises(StoreDelayedError, match="full"):
            await outbox.append(alarm())
        assert outbox.last_row == before, "nothing is told that is not durable"
        await free_disk(outbox)
        await asyncio.wait_for(outbox.wait_beyond(before + 1), 10)
        assert health.of("store") is State.OK
        assert isinstance((await outbox.history())[0][1].body, Event)
        assert [one.seq for one in await outbox.pending()] == list(range(1, outbox.last_row + 1)), "no hole, no double"


async def test_bulk_does_not_wait_and_the_lowest_gives_way_to_alarms(tmp_path: Path) -> None:
    async with full_outbox(tmp_path, Health(FakeClock())) as outbox:
        with pytest.raises(StoreError) as refused:
            await outbox.append(telemetry())
        assert not isinstance(refused.value, StoreDelayedError)
        waiting, durable = outbox.waiting_records, outbox.last_row
        results = await asyncio.gather(
            *(outbox.append(body) for body in [prediction(1)] * 12 + [alarm()] * 3), return_exceptions=True
        )
        gone = [result for result in results if not isinstance(result, StoreDelayedError)]
        assert len(gone) == waiting + 15 - 10
        assert all(isinstance(result, StoreDelayedError) for result in results[-3:]), "alarms stay in line"
        assert outbox.waiting_records == 10
        await free_disk(outbox)
        await asyncio.wait_for(outbox.wait_beyond(durable + 10), 10)
        bodies = [record.body for _, record in await outbox.history(after=durable)]
        assert isinstance(bodies[0], Loss)
        assert (bodies[0].what, bodies[0].count, bodies[0].boot) == ("records", len(gone) + 1, None)
        assert [type(body) for body in bodies[1:]] == [Prediction] * 7 + [Event] * 3
        assert outbox.refused_total == len(gone) + 1


async def test_closing_a_full_store_tells_whoever_waits(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, limits=LIMITS) as outbox:
        await fill_disk(outbox)
        waiting = asyncio.create_task(outbox.append(alarm()))
        await asyncio.sleep(0.1)
    with pytest.raises(StoreError):
        await waiting


async def test_damage_while_running_ends_the_service_and_marks_the_file(tmp_path: Path) -> None:
    health = Health(FakeClock())
    async with open_outbox(tmp_path, health=health, limits=LIMITS) as outbox:
        await outbox.append(prediction())

        async def broken(_: object) -> None:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

        with pytest.raises(StoreError):
            await outbox._writer.execute(broken)
        assert health.of("store") is State.FAILED
        with pytest.raises((sqlite3.DatabaseError, StoreDamagedError)):
            await asyncio.wait_for(outbox.run(), 5)
        assert (tmp_path / "store.db.suspect").exists()
    async with open_outbox(tmp_path) as outbox:
        assert len(await outbox.history()) == 1, "the check found it sound after all"


async def test_what_is_acknowledged_late_is_still_counted(tmp_path: Path) -> None:
    broken = True

    async def fail(_: object) -> None:
        if broken:
            raise sqlite3.OperationalError("disk I/O error")

    async with open_outbox(tmp_path, limits=LIMITS) as outbox:
        for index in range(5):
            await outbox.append(prediction(index))
        failing = asyncio.create_task(outbox._writer.execute(fail))
        with pytest.raises(StoreDelayedError, match="I/O"):
            await outbox.acknowledge(outbox.boot, 3)
        with pytest.raises(StoreDelayedError):
            await failing
        assert outbox.outbox_records == 5
        broken = False
        await outbox.append(prediction(9))
        assert [one.seq for one in await outbox.pending()] == [4, 5, 6]
        assert outbox.outbox_records == 3


async def test_the_end_of_an_upload_that_waits_for_the_disk_is_told_once(tmp_path: Path) -> None:
    body = recording("rec-1", b"video")
    async with full_outbox(tmp_path, Health(FakeClock())) as outbox:
        await free_disk(outbox)
        await asyncio.wait_for(outbox.wait_beyond(outbox.last_row), 10)
        await outbox.append(body)
        await outbox.uploads.add(body.recording_id, tmp_path / "rec-1.mp4")
        await fill_disk(outbox)
        with pytest.raises(StoreDelayedError):
            await outbox.uploads.finish(body)
        with pytest.raises(StoreDelayedError, match="rec-1"):
            await outbox.uploads.heads()
        await free_disk(outbox)
        await asyncio.wait_for(outbox.wait_beyond(outbox.last_row), 10)
        assert await outbox.uploads.heads() == []
        phases = [record.body for _, record in await outbox.history("recording")]
        assert [one.phase for one in phases if isinstance(one, Recording)] == ["uploaded", "closed"]


async def test_what_cannot_be_read_is_an_error_of_the_store(tmp_path: Path) -> None:
    """Nobody who asks for uploads expects SQLite's own."""
    async with open_outbox(tmp_path) as outbox:
        await outbox._reader.execute("PRAGMA query_only = OFF")
        await outbox._reader.execute("DROP TABLE parts")
        await outbox._reader.execute("DROP TABLE uploads")
        for ask in (outbox.counts, outbox.uploads.heads, outbox.uploads.pending):
            with pytest.raises(StoreError, match="cannot read"):
                await ask()
