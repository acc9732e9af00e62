"""The table of uploads: what was in it before, ranks, pauses, faults, strays, and that nothing is told twice."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from contract.messages import Event, File
from edge.core.errors import RefusedError, StoreError, UnknownError
from edge.outbox.upload_rows import Stray
from tests.support.outboxes import START_MS, add_recording, open_outbox, recording
from tests.support.uploads import clip, growth, session_file


async def test_uploads_of_the_schema_before_go_on(tmp_path: Path) -> None:
    """Those of 0003, with their parts."""
    _store_of_before(tmp_path / "store.db", msgspec.json.encode(recording("rec-1", b"a" * 10)))
    async with open_outbox(tmp_path) as outbox:
        upload = await outbox.uploads.get("rec-1")
        assert upload and upload.body == recording("rec-1", b"a" * 10)
        assert (upload.rank, upload.lane, upload.key, upload.size_bytes) == (1, "front", upload.body.key, 10)
        assert (upload.upload_id, upload.part_bytes, upload.tags) == ("u1", 5, {1: "tag"})
        assert [one.id for one in await outbox.uploads.heads()] == ["rec-1"]


def _store_of_before(path: Path, body: bytes) -> None:
    schema = Path(__file__).parents[2] / "edge/outbox/schema"
    connection = sqlite3.connect(path)
    for number in (1, 2, 3):
        (script,) = schema.glob(f"{number:04}_*.sql")
        connection.executescript(script.read_text(encoding="utf-8"))
    connection.execute("PRAGMA user_version = 3")
    connection.execute("INSERT INTO uploads VALUES ('rec-1', 0, 0, '/x', ?, 'u1', 5)", (body,))
    connection.execute("INSERT INTO parts VALUES ('rec-1', 1, 'tag')")
    connection.commit()
    connection.close()


async def test_a_clip_of_an_alarm_goes_first(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        for event_id, severity in (("ev-low", "LOW"), ("ev-high", "HIGH")):
            event = Event(
                event_id=event_id,
                phase="open",
                camera="front",
                type="motion",
                severity="HIGH" if severity == "HIGH" else "LOW",
                start_ms=START_MS,
            )
            await outbox.append(event)
            body = msgspec.structs.replace(recording(f"rec-{event_id}", b"x"), event_id=event_id)
            await outbox.append(body)
            await outbox.uploads.add(body.recording_id, tmp_path / "x")
        await outbox.append(clip("rec-plain", b"x"))
        await outbox.uploads.add("rec-plain", tmp_path / "x")
        ranks = {upload.id: upload.rank for upload, _ in await outbox.uploads.listing(9)}
    assert ranks == {"rec-ev-high": 0, "rec-ev-low": 1, "rec-plain": 2}


async def test_what_grows_becomes_what_is_closed_and_keeps_its_parts(tmp_path: Path) -> None:
    body = clip("rec-1", b"x" * 30)
    async with open_outbox(tmp_path) as outbox:
        uploads = outbox.uploads
        await uploads.begin_growing(growth(tmp_path, body, 20, urgent=True))
        await uploads.begin("rec-1", "u1", 10)
        await uploads.add_part("rec-1", 1, "tag", size_bytes=10, md5="m")
        assert (await uploads.pending(), await uploads.heads()) == (0, [])
        await outbox.append(body)
        await uploads.add("rec-1", tmp_path / "rec-1.mp4")
        (head,) = await uploads.heads()
        assert (head.rank, head.body, head.upload_id) == (0, body, "u1")
        assert (await uploads.totals()).sent_bytes == 10
        await uploads.finish(body)
        await uploads.begin_growing(growth(tmp_path, body, 30))
        assert await uploads.get("rec-1") is None, "a late word of the recorder changes nothing"
        assert await uploads.strays() == []


async def test_what_is_forgotten_leaves_a_stray_until_it_is_aborted(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        uploads = outbox.uploads
        await add_recording(outbox, tmp_path, "rec-1", b"x" * 10)
        await uploads.begin("rec-1", "u1", 5)
        assert await uploads.begun() == {"u1"}
        await uploads.forget("rec-1")
        await uploads.add_part("rec-1", 1, "late")
        key = recording("rec-1", b"").key
        strays = [Stray(key, ""), Stray(key, "u1")]
        assert (await uploads.strays(), await uploads.begun()) == (strays, frozenset())
        assert await uploads.strays(strays[0]) == strays[1:]
        for stray in strays:
            await uploads.remove_stray(stray)
        assert await uploads.strays() == []
        assert await uploads.finish(recording("rec-1", b"x" * 10)) is None
        assert await uploads.give_up(recording("rec-1", b"x" * 10), "why") is None
        assert await uploads.phases("rec-1") == {"closed"}, "nothing is told of what somebody else gave up"
        assert await uploads.strays() == strays[:1], "what arrived all the same is thrown away"


async def test_pauses_faults_and_retries_are_kept(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        for name in ("rec-1", "rec-2"):
            await add_recording(outbox, tmp_path, name, b"x")
        await outbox.uploads.pause("rec-1", paused=True)
        await outbox.uploads.pause_all(paused=True)
        await outbox.uploads.fault("rec-2", "no", START_MS)
    async with open_outbox(tmp_path) as outbox:
        uploads = outbox.uploads
        assert await uploads.all_paused()
        await uploads.pause_all(paused=False)
        assert (await uploads.all_paused(), await uploads.heads()) == (False, [])
        totals = await uploads.totals()
        assert (totals.count, totals.failed, totals.paused) == (2, 1, 1)
        with pytest.raises(RefusedError, match="not failed"):
            await uploads.retry("rec-1")
        with pytest.raises(UnknownError, match="rec-9"):
            await uploads.pause("rec-9", paused=True)
        await uploads.retry_old(START_MS + 1000, 1001)
        assert await uploads.heads() == [], "not yet"
        await uploads.retry_old(START_MS + 1000, 1000)
        (head,) = await uploads.heads()
        assert (head.id, head.attempts, head.last_error) == ("rec-2", 1, "no")
        await uploads.fault("rec-2", "no", START_MS)
        await uploads.retry_old(START_MS - 1, 1000)
        assert len(await uploads.heads()) == 1, "a clock that leapt back keeps nothing waiting for years"
        await uploads.fault("rec-2", "no", START_MS)
        await uploads.retry()
        assert (await uploads.heads())[0].attempts == 0


async def test_a_file_keeps_its_rank_and_its_lane(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        file = session_file("file-1", b"x")
        await outbox.uploads.offer(file, tmp_path / "x", rank=2)
        (head,) = await outbox.uploads.heads()
        assert (head.kind, head.rank, head.lane, head.camera, head.name) == ("file", 2, "session", None, file.name)
        assert head.content_type == "application/octet-stream"
        record = await outbox.uploads.finish(file)
        assert record
        assert isinstance(record.body, File)
        assert record.body.phase == "uploaded"
        assert await outbox.uploads.phases("file-1") == {"closed", "uploaded"}
        with pytest.raises(StoreError, match="no recording"):
            await outbox.uploads.offer(replace_id(file), tmp_path / "x")
            await outbox.uploads.add("file-2", tmp_path / "x")


def replace_id(file: File) -> File:
    """Another one."""
    return msgspec.structs.replace(file, file_id="file-2")


async def test_a_file_that_a_repair_dropped_from_the_table_is_sent_after_another_offer(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        file = session_file("f-1", b"x")
        first = await outbox.uploads.offer(file, tmp_path / "x")
        await outbox.uploads.forget("f-1")
        assert await outbox.uploads.offer(file, tmp_path / "x") == first
        assert [one.id for one in await outbox.uploads.heads()] == ["f-1"]
        await outbox.uploads.finish(file)
        assert await outbox.uploads.offer(file, tmp_path / "x") == first
        assert await outbox.uploads.heads() == []
