"""The local store: durable before told, numbered without holes, kept until the cloud has it."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from contract.codec import decode, encode
from contract.messages import Loss, Prediction, Record
from edge.core.errors import RecordInvalidError, StoreError
from edge.core.health import Health, State
from edge.outbox.database import put_aside
from edge.outbox.settings import OutboxSettings
from tests.support.clock import FakeClock
from tests.support.outboxes import add_recording, alarm, open_outbox, prediction, recording, telemetry


async def test_a_record_has_its_identity_time_and_place(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        first = await outbox.append(prediction(1))
        second = await outbox.append(prediction(2))
        assert [first.seq, second.seq] == [1, 2]
        assert first.id == f"{outbox.boot}:1"
        assert first.clock == "trusted"
        waiting = await outbox.pending()
    assert [(one.row, one.seq, one.leaf) for one in waiting] == [(1, 1, "predictions"), (2, 2, "predictions")]
    assert decode(waiting[0].payload, Record) == first


async def test_nobody_is_told_before_the_commit(tmp_path: Path) -> None:
    told: list[tuple[int, bool]] = []

    def on_commit(rows: Sequence[tuple[int, Record]]) -> None:
        database = sqlite3.connect(tmp_path / "store.db")
        there = {row for (row,) in database.execute("SELECT row FROM outbox JOIN records USING (row)")}
        database.close()
        told.extend((row, row in there) for row, _ in rows)

    async with open_outbox(tmp_path, on_commit=on_commit) as outbox:
        await asyncio.gather(*(outbox.append(prediction(index)) for index in range(20)))
    assert told == [(row, True) for row in range(1, 21)]


async def test_what_waits_goes_into_one_commit(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, limits=OutboxSettings(linger_ms=20)) as outbox:
        await asyncio.gather(*(outbox.append(prediction(index)) for index in range(400)))
        assert outbox.commits_total <= 2
        assert outbox.last_row == 400


async def test_each_run_has_a_later_name_and_counts_from_one(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        async with open_outbox(tmp_path) as outbox:
            names.append(outbox.boot)
            assert (await outbox.append(prediction())).seq == 1
    assert names == sorted(names)
    assert len(set(names)) == 3


async def test_a_run_that_said_nothing_still_has_a_name_of_its_own(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as first:
        silent = first.boot
    async with open_outbox(tmp_path) as second:
        assert second.boot[:8] > silent[:8]


async def test_acknowledging_is_cumulative_and_of_one_boot_alone(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        old = outbox.boot
        for index in range(4):
            await outbox.append(prediction(index))
    async with open_outbox(tmp_path) as outbox:
        await outbox.append(prediction(9))
        assert await outbox.acknowledge(old, 2) == 2
        assert await outbox.acknowledge(old, 1) == 0
        assert [one.seq for one in await outbox.pending()] == [3, 4, 1]
        assert await outbox.acknowledge(old, 1000) == 2
        assert [one.boot for one in await outbox.pending()] == [outbox.boot]
        assert await outbox.acknowledge("00000009-00000000", 5) == 0
        assert (await outbox.counts()).outbox_records == 1


@pytest.mark.parametrize("seq", [1 << 62, 1 << 63, 1 << 80])
async def test_numbers_that_no_database_holds_do_no_harm(tmp_path: Path, seq: int) -> None:
    """An acknowledgement comes from outside."""
    async with open_outbox(tmp_path) as outbox:
        await outbox.append(prediction())
        assert await outbox.pending_range(outbox.boot, seq, seq) == []
        assert len(await outbox.pending_range(outbox.boot, 1, seq)) == 1
        assert await outbox.acknowledge(outbox.boot, seq) == 1
        assert (await outbox.append(prediction(1))).seq == 2


async def test_history_stays_after_the_acknowledgement(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        for index in range(5):
            await outbox.append(prediction(index))
        await outbox.append(telemetry())
        await outbox.acknowledge(outbox.boot, 6)
        assert [row for row, _ in await outbox.history(limit=2)] == [6, 5]
        assert [row for row, _ in await outbox.history("prediction", limit=2)] == [5, 4]
        assert [row for row, _ in await outbox.history("prediction", before=3)] == [2, 1]
        assert [row for row, _ in await outbox.history(after=3)] == [4, 5, 6]
        assert await outbox.newest_row() == 6


async def test_counts_tell_how_old_the_oldest_is(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_outbox(tmp_path, clock=clock) as outbox:
        assert (await outbox.counts()).oldest_unacked_s is None
        await outbox.append(prediction())
        clock.advance(90)
        counts = await outbox.counts()
    assert counts.outbox_records == 1
    assert counts.oldest_unacked_s == pytest.approx(90, abs=1)


async def test_waiting_for_what_comes_next(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        waiter = asyncio.create_task(outbox.wait_beyond(1))
        await outbox.append(prediction())
        await asyncio.sleep(0)
        assert not waiter.done()
        await outbox.append(prediction())
        await asyncio.wait_for(waiter, 5)


async def test_a_damaged_file_is_put_aside_and_told_of(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        old = outbox.boot
        for index in range(50):
            await outbox.append(prediction(index))
    path = tmp_path / "store.db"
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000 + path.read_bytes()[8100:])
    (tmp_path / "store.db-wal").write_bytes(b"left over")
    clock = FakeClock()
    health = Health(clock)
    async with open_outbox(tmp_path, health=health) as outbox:
        assert outbox.boot[:8] > old[:8], "run order survives the loss of the database"
        rows = await outbox.history()
        assert list(tmp_path.glob("*.damaged-*"))  # noqa: ASYNC240
        assert isinstance(rows[0][1].body, Loss)
        assert "store.db.damaged-" in rows[0][1].body.reason


def test_side_files_go_with_the_database(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".suspect"):
        (tmp_path / f"store.db{suffix}").write_text("x")
    put_aside(tmp_path / "store.db", 7)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "store.db.damaged-7",
        "store.db.damaged-7-shm",
        "store.db.damaged-7-wal",
    ]


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
async def test_a_file_of_rubbish_never_stops_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.db").write_bytes(content)
    for _ in range(2):
        async with open_outbox(tmp_path) as outbox:
            await outbox.append(prediction())


async def test_a_schema_from_the_future_is_left_alone(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await outbox.append(prediction())
    database = sqlite3.connect(tmp_path / "store.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="newer than this software"):
        async with open_outbox(tmp_path):
            pass
    assert not list(tmp_path.glob("*.damaged*"))  # noqa: ASYNC240


async def test_appending_to_a_closed_store_is_refused(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        pass
    with pytest.raises(StoreError, match="closed"):
        await outbox.append(prediction())


async def test_an_upload_is_listed_until_it_is_told_as_done(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await add_recording(outbox, tmp_path, "rec-always", b"a" * 10, "continuous")
        await add_recording(outbox, tmp_path, "rec-event", b"b" * 10)
        await outbox.uploads.add("rec-event", tmp_path / "rec-event.mp4")
        assert [one.id for one in await outbox.uploads.heads()] == ["rec-event", "rec-always"], "events first"
        await outbox.uploads.begin("rec-event", "u1", 5)
        await outbox.uploads.add_part("rec-event", 1, "tag")
    async with open_outbox(tmp_path) as outbox:
        upload = await outbox.uploads.get("rec-event")
        assert upload and upload.body
        assert (upload.upload_id, upload.part_bytes, upload.tags) == ("u1", 5, {1: "tag"})
        await outbox.uploads.begin("rec-event", "u2", 5)
        again = await outbox.uploads.get("rec-event")
        assert again and again.parts == {}, "parts belong to one upload"
        record = await outbox.uploads.finish(upload.body)
        assert record and record.body == recording_uploaded(b"b" * 10)
        assert await outbox.uploads.phases("rec-event") == {"closed", "uploaded"}
        assert await outbox.uploads.pending() == 1
        (left,) = await outbox.uploads.heads()
        assert left.body
        await outbox.uploads.give_up(left.body, "gone")
        assert await outbox.uploads.heads() == []
        assert await outbox.uploads.phases("rec-always") == {"closed", "lost"}
        await outbox.uploads.add("rec-always", tmp_path / "rec-always.mp4")
        assert await outbox.uploads.heads() == [], "what is lost stays lost"


def recording_uploaded(data: bytes) -> object:
    """The body that says an object of these bytes is there."""
    return replace(recording("rec-event", data), phase="uploaded")


async def test_an_upload_needs_its_announcement(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        with pytest.raises(StoreError, match="never announced"):
            await outbox.uploads.add("rec-1", tmp_path / "x")


async def test_alarm_and_health(tmp_path: Path) -> None:
    health = Health(FakeClock())
    async with open_outbox(tmp_path, health=health) as outbox:
        await outbox.append(alarm())
        assert health.of("store") is State.OK


@pytest.mark.parametrize(
    "body",
    [
        replace(prediction(), confidence=float("nan")),
        replace(prediction(), confidence=1.0001),
        replace(prediction(), source="bad id"),
        replace(prediction(), user_id="\ud800"),
        replace(prediction(), user_id="x" * 300_000),
    ],
)
async def test_a_record_that_the_cloud_would_refuse_for_ever_is_not_kept(tmp_path: Path, body: Prediction) -> None:
    """It would hold up everything behind it."""
    async with open_outbox(tmp_path) as outbox:
        with pytest.raises(RecordInvalidError, match="breaks the contract"):
            await outbox.append(body)
        await outbox.append(prediction())
        bodies = [record.body for _, record in await outbox.history(after=0)]
    assert isinstance(bodies[0], Loss)
    assert "Prediction" in bodies[0].reason
    assert len(bodies) == 2


async def test_what_is_written_is_counted_for_the_disk(tmp_path: Path) -> None:
    """So that what the disk bears can be told from what was meant to be written."""
    written: list[int] = []
    async with open_outbox(tmp_path) as outbox:
        outbox.count_bytes(written.append)
        records = [await outbox.append(prediction(index)) for index in range(3)]
        await outbox.acknowledge(outbox.boot, 3)
    assert sum(written) == sum(len(encode(record)) for record in records)
