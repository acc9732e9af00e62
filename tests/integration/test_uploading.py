"""Uploads while recording, in ranks and turns, beside files that fail, held back and gone on with: issue 5, point 3."""

import asyncio
import os
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.messages import File, Loss
from edge.core.errors import LinkError, StoreError
from edge.core.health import State
from edge.core.hub import Hub
from edge.outbox.upload_rows import Stray
from edge.sync.targets.folder import FolderTarget
from edge.sync.targets.target import Abandoned, ObjectDamagedError, Target
from edge.sync.upload_settings import UploadSettings, UploadWindow
from edge.sync.uploader import PART
from edge.sync.uploading.desk import UploadDesk
from edge.sync.uploading.schedule import NOTHING
from edge.web.upload_port import UploadsView
from tests.support.memory_target import COMPLETING, DELETING, MemoryTarget
from tests.support.outboxes import open_outbox
from tests.support.uploads import HastyClock, add_clip, clip, growth, session_file, until, until_read, uploading

ONE = UploadSettings(parallel=1)
DATA = os.urandom(4500)


def write(folder: Path, name: str, data: bytes) -> None:
    """A clip's file as it is now."""
    (folder / f"{name}.mp4").write_bytes(data)


@pytest.mark.parametrize("kind", ["memory", "folder"])
async def test_parts_go_up_while_it_grows_and_the_rest_when_it_is_closed(tmp_path: Path, kind: str) -> None:
    body, memory = clip("rec-grows", DATA), MemoryTarget()
    objects = tmp_path / "objects"

    def make() -> Target:
        return memory if kind == "memory" else FolderTarget(objects, part_bytes=1000, create=True)

    async with open_outbox(tmp_path) as outbox, uploading(outbox, make) as (uploader, health):
        await until(lambda: health.of(PART) is State.OK)
        write(tmp_path, "rec-grows", DATA[:900])
        uploader.grew(growth(tmp_path, body, 900))
        assert await outbox.uploads.growing() == []
        write(tmp_path, "rec-grows", DATA[:2600])
        uploader.grew(growth(tmp_path, body, 2600))
        await until(lambda: uploader.sent_bytes_total == 2000)
        (row,) = await outbox.uploads.growing()
        assert (row.body, await outbox.uploads.pending()) == (None, 0)
        await add_clip(outbox, tmp_path, "rec-grows", DATA)
        await until(lambda: uploader.uploaded_total == 1)
        assert uploader.sent_bytes_total == len(DATA), "nothing twice"
        assert await outbox.uploads.phases("rec-grows") == {"closed", "uploaded"}
    stored = memory.objects[body.key] if kind == "memory" else (objects / body.key).read_bytes()
    assert stored == DATA


async def test_a_growing_upload_goes_on_after_a_restart(tmp_path: Path) -> None:
    body, target = clip("rec-grows", DATA), MemoryTarget()
    write(tmp_path, "rec-grows", DATA[:3000])
    async with open_outbox(tmp_path) as outbox, uploading(outbox, lambda: target) as (uploader, _):
        uploader.grew(growth(tmp_path, body, 3000))
        await until(lambda: uploader.sent_bytes_total == 3000)
    async with open_outbox(tmp_path) as outbox, uploading(outbox, lambda: target) as (uploader, _):
        await add_clip(outbox, tmp_path, "rec-grows", DATA)
        await until(lambda: uploader.uploaded_total == 1)
        assert uploader.sent_bytes_total == 1500
    assert target.objects[body.key] == DATA


async def test_what_salvage_cut_below_what_was_sent_begins_again(tmp_path: Path) -> None:
    body, target = clip("rec-cut", DATA[:1500]), MemoryTarget()
    write(tmp_path, "rec-cut", DATA)
    async with open_outbox(tmp_path) as outbox, uploading(outbox, lambda: target) as (uploader, _):
        uploader.grew(growth(tmp_path, body, 4000))
        await until(lambda: uploader.sent_bytes_total == 4000)
        await add_clip(outbox, tmp_path, "rec-cut", DATA[:1500])
        await until(lambda: uploader.uploaded_total == 1)
        assert uploader.restarted_total == 1
    assert target.objects[body.key] == DATA[:1500]
    assert (target.aborted, target.under_way) == (["upload-1"], {})


async def test_what_was_thrown_away_is_aborted(tmp_path: Path) -> None:
    body, target = clip("rec-empty", DATA), MemoryTarget()
    write(tmp_path, "rec-empty", DATA)
    async with open_outbox(tmp_path) as outbox, uploading(outbox, lambda: target) as (uploader, _):
        uploader.grew(growth(tmp_path, body, 2000))
        await until(lambda: uploader.sent_bytes_total == 2000)
        uploader.stopped_growing("rec-empty")
        await until_read(outbox.uploads.growing, [])
        await until(lambda: uploader.aborted_total == 1)
        assert await outbox.uploads.strays() == []
    assert (target.aborted, target.deleted) == (["upload-1"], []), "at once, and what grew was never whole"


async def test_uploads_of_ours_that_nobody_knows_are_aborted(tmp_path: Path) -> None:
    target = MemoryTarget()
    mine, other = "recordings/bench-1/x.mp4", "recordings/bench-10/x.mp4"
    async with open_outbox(tmp_path) as outbox:
        body = await add_clip(outbox, tmp_path, "rec-mine", DATA)
        await outbox.uploads.begin("rec-mine", "known", 1000)
        target.under_way["known"] = (body.key, {})
        target.old = [Abandoned(mine, "left"), Abandoned(other, "foreign"), Abandoned(body.key, "known")]
        async with uploading(outbox, lambda: target) as (uploader, _):
            await until(lambda: uploader.aborted_total == 1 and uploader.uploaded_total == 1)
    assert target.aborted == ["left"]


async def test_alarms_first_then_cameras_in_turns_part_by_part(tmp_path: Path) -> None:
    target = MemoryTarget()
    async with open_outbox(tmp_path) as outbox:
        for name in ("a-1", "a-2"):
            await add_clip(outbox, tmp_path, name, DATA[:2000], camera="a")
        await add_clip(outbox, tmp_path, "b-1", DATA[:2000], camera="b")
        await add_clip(outbox, tmp_path, "wanted", DATA[:500], camera="b", reason="event")
        alarm = session_file("urgent", DATA[:2500])
        (tmp_path / "urgent.parquet").write_bytes(DATA[:2500])
        await outbox.uploads.offer(alarm, tmp_path / "urgent.parquet", rank=0)
        async with uploading(outbox, lambda: target, ONE) as (uploader, _):
            await until(lambda: uploader.uploaded_total == 5)
    names = [f"{Path(key).stem}:{number}" for key, number in target.order]
    assert names[:4] == ["urgent:1", "urgent:2", "urgent:3", "wanted:0"]
    assert names[4:] == ["a-1:1", "b-1:1", "a-1:2", "b-1:2", "a-2:1", "a-2:2"]
    assert target.most_at_once == 1


async def test_a_file_is_told_of_once_and_uploaded(tmp_path: Path) -> None:
    target, file = MemoryTarget(), session_file("file-1", DATA)
    path = tmp_path / "signals.parquet"
    path.write_bytes(DATA)
    async with open_outbox(tmp_path) as outbox:
        first = await outbox.uploads.offer(file, path)
        assert await outbox.uploads.offer(file, path) == first
        async with uploading(outbox, lambda: target) as (uploader, _):
            await until(lambda: uploader.uploaded_total == 1)
        assert await outbox.uploads.offer(file, path) == first
        assert await outbox.uploads.pending() == 0
        bodies = [record.body for _, record in await outbox.history("file", after=0)]
        assert [body.phase for body in bodies if isinstance(body, File)] == ["closed", "uploaded"]
        gone = session_file("file-2", DATA)
        await outbox.uploads.offer(gone, tmp_path / "nothing")
        async with uploading(outbox, lambda: target):
            await until_read(outbox.uploads.pending, 0)
        (loss,) = [record.body for _, record in await outbox.history("loss", after=0)]
        assert isinstance(loss, Loss)
        assert (loss.what, loss.file_id) == ("file", "file-2")


async def test_a_file_that_fails_holds_up_no_other_and_waits_for_somebody(tmp_path: Path) -> None:
    target = MemoryTarget()
    cured = False

    def refuse(key: str, number: int) -> None:
        if "rec-bad" in key and not cured:
            raise ObjectDamagedError("refused")

    target.refuse = refuse
    settings = UploadSettings(parallel=1, attempts=2, retry_limit_s=1)
    async with open_outbox(tmp_path) as outbox:
        await add_clip(outbox, tmp_path, "rec-bad", DATA, reason="event")
        for name in ("rec-1", "rec-2"):
            await add_clip(outbox, tmp_path, name, DATA)
        async with uploading(outbox, lambda: target, settings) as (uploader, health):
            desk = UploadDesk(uploads=outbox.uploads, uploader=uploader, hub=Hub(), clock=HastyClock())
            await until(lambda: uploader.uploaded_total == 2)
            await until(lambda: uploader.restarted_total == 2)

            async def failed() -> int:
                return (await outbox.uploads.totals()).failed

            await until_read(failed, 1)
            shown = await desk.uploads(10)
            assert (shown["totals"]["failed"], shown["uploads"][0]["attempts"]) == (1, 2)
            assert "refused" in shown["uploads"][0]["last_error"]
            assert [one["state"] for one in shown["uploads"]] == ["failed", "done", "done"]
            cured = True
            await desk.retry("rec-bad")
            await until(lambda: uploader.uploaded_total == 3)
            assert health.of(PART) is not State.FAILED


async def test_a_target_that_fails_is_no_file_s_fault(tmp_path: Path) -> None:
    target = MemoryTarget()
    target.refuse = lambda key, number: (_ for _ in ()).throw(LinkError("500"))
    settings = UploadSettings(parallel=1, attempts=2, retry_limit_s=1)
    async with open_outbox(tmp_path) as outbox:
        await add_clip(outbox, tmp_path, "rec-1", DATA)
        async with uploading(outbox, lambda: target, settings) as (uploader, health):
            await until(lambda: health.of(PART) is State.FAILED)
            await asyncio.sleep(1.5)
            upload = await outbox.uploads.get("rec-1")
            assert upload and (upload.attempts, upload.failed_ms) == (0, None)
            target.refuse = lambda key, number: None
            await until(lambda: uploader.uploaded_total == 1)
            assert health.of(PART) is State.OK


async def test_held_back_means_held_back_also_after_a_restart(tmp_path: Path) -> None:
    target = MemoryTarget()
    async with open_outbox(tmp_path) as outbox:
        for name in ("rec-1", "rec-2"):
            await add_clip(outbox, tmp_path, name, DATA)
        async with uploading(outbox, None) as (uploader, _):
            await uploader.pause("rec-1")
            await uploader.pause()
    async with open_outbox(tmp_path) as outbox, uploading(outbox, lambda: target) as (uploader, health):
        await until(lambda: health.of(PART) is State.OK)
        await asyncio.sleep(0.2)
        assert target.order == []
        await uploader.resume()
        await until(lambda: uploader.uploaded_total == 1)
        assert [one.id for one, _ in await outbox.uploads.listing(9)] == ["rec-1"]
        await uploader.resume("rec-1")
        await until(lambda: uploader.uploaded_total == 2)


async def test_a_pause_stops_what_is_on_its_way_and_the_limit_holds(tmp_path: Path) -> None:
    target = MemoryTarget(part_bytes=100_000, slices=100)
    settings = UploadSettings(max_bits_per_s=40_000)
    async with open_outbox(tmp_path) as outbox:
        await add_clip(outbox, tmp_path, "rec-1", bytes(100_000))
        async with uploading(outbox, lambda: target, settings) as (uploader, _):
            await until(lambda: uploader.progress is not None and uploader.progress.sent_bytes > 1_000)
            assert uploader.journeys.flow.rate_bps < 200_000
            await uploader.pause()
            await until(lambda: uploader.progress is None)
            assert (target.objects, uploader.sent_bytes_total) == ({}, 0)


async def test_in_hours_without_uploads_nothing_goes(tmp_path: Path) -> None:
    target = MemoryTarget()
    settings = UploadSettings(windows=(UploadWindow(upload=False),))
    async with open_outbox(tmp_path) as outbox:
        await add_clip(outbox, tmp_path, "rec-1", DATA)
        async with uploading(outbox, lambda: target, settings) as (uploader, health):
            uploader.journeys.throttle._ask = lambda: NOTHING  # whether the machine's clock is trusted or not
            await until(lambda: health.of(PART) is State.OK)
            await asyncio.sleep(0.2)
            assert target.order == []


async def test_parts_outgrown_are_made_larger_before_they_are_too_many(tmp_path: Path) -> None:
    data = os.urandom(25_000)
    body, target = clip("rec-long", data), MemoryTarget(part_bytes=2)
    write(tmp_path, "rec-long", data)
    async with open_outbox(tmp_path) as outbox:
        await add_clip(outbox, tmp_path, "rec-long", data)
        await outbox.uploads.begin("rec-long", "too-small", 2)
        target.under_way["too-small"] = (body.key, {})
        async with uploading(outbox, lambda: target) as (uploader, _):
            await until(lambda: uploader.uploaded_total == 1)
    assert target.objects[body.key] == data
    assert target.aborted == ["too-small"]
    assert len(target.order) == 1


async def test_the_hub_is_told_when_something_changed_and_only_then(tmp_path: Path) -> None:
    target, hub, clock = MemoryTarget(), Hub(), HastyClock()
    async with open_outbox(tmp_path) as outbox, uploading(outbox, lambda: target, ONE) as (uploader, _):
        desk = UploadDesk(uploads=outbox.uploads, uploader=uploader, hub=hub, clock=clock)
        told: list[dict[str, Any]] = []

        async def watch() -> None:
            async for message in hub.watch():
                told.append(message.data)

        tasks = [asyncio.create_task(watch()), asyncio.create_task(desk.run())]
        try:
            await add_clip(outbox, tmp_path, "rec-1", DATA)
            await until(lambda: bool(told) and told[-1]["uploads"] != [] and told[-1]["uploads"][0]["state"] == "done")
            await until(lambda: told[-1]["totals"]["rate_bps"] == 0)
            before = len(told)
            await asyncio.sleep(0.3)
            assert len(told) == before
            view = msgspec.convert(told[-1], UploadsView)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    assert (view.paused, view.totals.count) == (False, 0)
    assert [(one.name, one.sent_bytes, one.eta_s) for one in view.uploads] == [("rec-1.mp4", len(DATA), None)]


@pytest.mark.parametrize(("size", "at"), [(500, 0), (2500, 2), (2500, 3), (2500, COMPLETING)])
@pytest.mark.parametrize("how", ["evicted", "erased"])
async def test_what_is_given_up_on_its_way_leaves_no_object_and_no_word(
    tmp_path: Path, how: str, size: int, at: int
) -> None:
    """The storage has the bytes in hand, and takes them, when a recording is given up or its participant erased."""
    target, going, go_on = MemoryTarget(slices=0), threading.Event(), threading.Event()

    def hold(_key: str, number: int) -> None:
        if number == at:
            going.set()
            go_on.wait(10)

    target.refuse = hold
    body = msgspec.structs.replace(clip("rec-gone", DATA[:size]), participant="p1")
    write(tmp_path, "rec-gone", DATA[:size])
    async with open_outbox(tmp_path) as outbox:
        await outbox.append(body)
        await outbox.uploads.add("rec-gone", tmp_path / "rec-gone.mp4")
        async with uploading(outbox, lambda: target) as (uploader, _):
            await until(going.is_set)
            if how == "evicted":
                await outbox.append(Loss(what="recording", reason="disk", count=1, recording_id="rec-gone"))
                await outbox.uploads.forget("rec-gone")
            else:
                await outbox.erase("p1", [])
            assert await outbox.uploads.strays(), "a kill now would be made up for"
            go_on.set()
            await until_read(outbox.uploads.strays, [])
            await until(lambda: not uploader.lineup.busy)
        assert uploader.uploaded_total == 0
        assert await outbox.uploads.phases("rec-gone") == ({"closed", "lost"} if how == "evicted" else set())
    assert (target.objects, target.under_way) == ({}, {})
    assert target.deleted[-1] == body.key
    assert len(target.order) == (max(at, 1) if at >= 0 else 3), "it stopped at the next part"


async def test_a_stray_that_the_storage_refuses_holds_up_no_other_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = MemoryTarget()

    def refuse(key: str, number: int) -> None:
        if number == DELETING and "kept" in key:
            raise LinkError("it may not be deleted")

    target.refuse = refuse
    async with open_outbox(tmp_path) as outbox:
        for number in range(4):
            await outbox.uploads.add_stray(Stray(f"recordings/kept-{number}.mp4", ""))
        await outbox.uploads.add_stray(Stray("recordings/other.mp4", ""))
        async with uploading(outbox, lambda: target):
            await until(lambda: target.deleted == ["recordings/other.mp4"])
            await until_read(lambda: _count(outbox.uploads.strays()), 4)
            await until(lambda: "it may not be deleted" in caplog.text)
    assert caplog.text.count("it may not be deleted") == 1


async def test_what_is_begun_again_under_a_key_is_not_thrown_away(tmp_path: Path) -> None:
    target, body = MemoryTarget(), session_file("f-1", DATA)
    (tmp_path / "f-1").write_bytes(DATA)
    async with open_outbox(tmp_path) as outbox:
        await outbox.uploads.add_stray(Stray(body.key, ""))
        await outbox.uploads.offer(body, tmp_path / "f-1")
        async with uploading(outbox, lambda: target) as (uploader, _):
            await until(lambda: uploader.uploaded_total == 1)
            assert await outbox.uploads.strays() == []
    assert (target.objects, target.deleted) == ({body.key: DATA}, [])


async def _count(found: Awaitable[list[Stray]]) -> int:
    return len(await found)


async def test_a_store_that_fails_as_a_file_has_its_turn_costs_the_turn_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was taken for one under way until the next start."""
    target = MemoryTarget()
    async with open_outbox(tmp_path) as outbox:
        get, failing = outbox.uploads.get, [True]

        async def fails_once(upload_id: str) -> Any:
            if failing.pop() if failing else False:
                raise StoreError("the disk is full")
            return await get(upload_id)

        monkeypatch.setattr(outbox.uploads, "get", fails_once)
        async with uploading(outbox, lambda: target) as (uploader, _):
            await add_clip(outbox, tmp_path, "rec-1", DATA)
            await until(lambda: uploader.uploaded_total == 1, within_s=10)
        assert not failing


async def test_a_storage_that_never_answers_does_not_keep_the_daemon_from_ending(tmp_path: Path) -> None:
    """The process had stopped, and went on for the minute that the answer was waited for, until it was killed."""
    let_go, waiting = threading.Event(), list[threading.Thread]()

    class Silent(MemoryTarget):
        def check(self) -> None:
            waiting.append(threading.current_thread())
            let_go.wait(30)

    async with open_outbox(tmp_path) as outbox:
        async with uploading(outbox, Silent):
            await until(lambda: bool(waiting), within_s=10)
        assert [thread.is_alive() and thread.daemon for thread in waiting] == [True]
    let_go.set()
    waiting[0].join(10)
