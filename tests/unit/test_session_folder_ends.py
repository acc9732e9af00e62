"""What becomes of a folder: sent and told of once, given up with its losses in the ledger, erased wherever it is."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from contract.messages import Erasure, Loss
from edge.affect.sessions.folder.cabinet import Cabinet
from edge.affect.sessions.folder.closing import Closing
from edge.affect.sessions.folder.convert import convert
from edge.affect.sessions.folder.finishing import AGAIN_S
from edge.affect.sessions.folder.layout import read_note
from edge.affect.sessions.folder.settings import FolderSettings
from edge.affect.sessions.folder.sheets import form_of
from edge.affect.sessions.folder.stash import SessionStash
from edge.core.errors import RefusedError, StoreError
from edge.core.stash import Worth
from tests.support.session_folders import FakeCameras, FakeUploads, FoldersRoom, StillClock, opened_folders

CSV = FolderSettings(late_s=0.0, format="csv")


async def _ended(stage: FoldersRoom, participant: str = "p1") -> str:
    """A short session, whole."""
    view = await stage.viewed(participant)
    await stage.until(lambda: stage.note(view.session_id) is not None)
    stage.deliver("left", 20)
    await stage.room.desk.stop(view.session_id)
    await stage.whole(view.session_id)
    return view.session_id


async def test_a_whole_folder_is_offered_once_and_known_to_have_arrived(tmp_path: Path) -> None:
    uploads = FakeUploads()
    async with opened_folders(tmp_path, uploads=uploads, settings=CSV) as stage:
        session_id = await _ended(stage)
        files = [file for file, _ in uploads.offered.values()]
        assert [file.name for file in files] == [
            "signals.csv",
            "predictions.csv",
            "labels.csv",
            "markers.csv",
            "session.json",
        ]
        assert {(file.purpose, file.session_id, file.participant) for file in files} == {("session", session_id, "p1")}
        assert files[0].key == f"sessions/bench-1/{session_id}/signals.csv"
        assert all(path.stat().st_size == file.size_bytes for file, path in uploads.offered.values())
        stash = SessionStash(stage.folders)
        assert [(one.worth, one.order) for one in stash.holdings()] == [(Worth.SAMPLES, 1)]
        for file in files:
            uploads.told[file.file_id].add("uploaded")
            stage.folders.uploaded(file.file_id)
        await stage.until(lambda: stash.holdings()[0].worth is Worth.UPLOADED)
        await stash.evict(stash.holdings()[0])
        assert await stage.room.bodies(Loss) == []
        assert not stage.root.joinpath(session_id).exists()


async def test_files_that_the_last_run_offered_are_asked_for_again(tmp_path: Path) -> None:
    uploads = FakeUploads()
    async with opened_folders(tmp_path, uploads=uploads, settings=CSV) as stage:
        await _ended(stage)
    for told in uploads.told.values():
        told.add("uploaded")
    uploads.offered.clear()
    async with opened_folders(tmp_path, uploads=uploads, settings=CSV) as stage:
        await stage.until(lambda: not stage.folders.stats.waiting)
        assert SessionStash(stage.folders).holdings()[0].worth is Worth.UPLOADED
    assert not uploads.offered


async def test_an_evicted_folder_is_told_of_once_file_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = FakeUploads()
    async with opened_folders(tmp_path, uploads=uploads, settings=CSV) as stage:
        await _ended(stage)
        running = await stage.viewed("p2", sensor="right")
        arrived = next(iter(uploads.offered))
        uploads.told[arrived].add("uploaded")
        stash = SessionStash(stage.folders)
        (holding,) = stash.holdings()
        assert holding.size_bytes > 0
        assert stash.used_bytes() >= holding.size_bytes

        def refuse(_cabinet: Cabinet, _name: str) -> None:
            raise OSError(5, "input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(Cabinet, "delete", refuse)
            with pytest.raises(OSError, match="input/output"):
                await stash.evict(holding)
        for one in await stage.room.bodies(Loss):
            assert isinstance(one, Loss)
            uploads.told[one.file_id or ""].add("lost")
        await stash.evict(holding)
        losses = await stage.room.bodies(Loss)
        assert len(losses) == 4
        assert {one.what for one in losses if isinstance(one, Loss)} == {"file"}
        assert arrived not in {one.file_id for one in losses if isinstance(one, Loss)}
        assert stash.holdings() == []
        assert stage.folders.state_of(running.session_id) == "running"


async def test_without_uploads_a_loss_is_told_once_as_well(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=CSV) as stage:
        await _ended(stage)
        stash = SessionStash(stage.folders)
        (holding,) = stash.holdings()
        name, note = holding.id, stage.folders.catalogue.notes[holding.id]
        await stage.folders._sending.give_up(name, note, "once")
        await stash.evict(holding)
        assert len(await stage.room.bodies(Loss)) == 5


async def test_erasing_takes_folders_links_and_videos_of_one_participant(tmp_path: Path) -> None:
    clock, uploads = StillClock(), FakeUploads()
    cameras = FakeCameras(tmp_path / "spool", "front", clock=clock)
    async with opened_folders(
        tmp_path, clock=clock, cameras=cameras, uploads=uploads, settings=CSV, filming=["front"]
    ) as stage:
        whole, other = await _ended(stage), await _ended(stage, "p2")
        running = await stage.viewed("p1")
        stage.deliver("left", 5)
        await stage.until(lambda: stage.path(running.session_id).joinpath("session.json").exists())
        cameras.writing = 2
        erasure = await stage.room.desk.erase("p1")
        stage.deliver("left", 5)
        await asyncio.sleep(0.05)
        assert [path.name for path in stage.root.iterdir()] == [other]
        assert {file.session_id for file, _ in uploads.offered.values()} == {other}
        assert set(cameras.made) == {other}
        assert erasure.files == 2 + 5 + 1
        told = [one for one in await stage.room.bodies(Erasure) if isinstance(one, Erasure)]
        assert (told[0].files, set(told[0].sessions)) == (8, {whole, running.session_id})


async def test_an_erasure_that_the_disk_refused_is_gone_on_with_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_folders(tmp_path, settings=CSV) as stage:
        session_id = await _ended(stage)

        def refuse(_cabinet: Cabinet, _name: str) -> None:
            raise OSError(5, "input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(Cabinet, "delete", refuse)
            with pytest.raises(StoreError, match="could not be deleted"):
                await stage.room.desk.erase("p1")
        assert stage.path(session_id).exists()
    uploads = FakeUploads()
    async with opened_folders(tmp_path, settings=CSV, uploads=uploads) as stage:
        await asyncio.sleep(0.05)
        assert not uploads.offered
        await stage.room.desk._erasing.resume()
        assert list(stage.root.iterdir()) == []
        assert stage.folders.stats.folders == 0


async def test_no_video_without_consent_that_covers_it(tmp_path: Path) -> None:
    clock = StillClock()
    cameras = FakeCameras(tmp_path / "spool", "front", clock=clock)
    async with opened_folders(tmp_path, clock=clock, cameras=cameras, settings=CSV) as stage:
        assert "video" not in stage.room.desk.consent_text().text
        with pytest.raises(RefusedError, match=r"does not cover that; .*consent_covers_video"):
            await stage.viewed("p1", cameras=["front"])
    async with opened_folders(tmp_path, clock=clock, cameras=cameras, settings=CSV, filming=["front"]) as stage:
        text = stage.room.desk.consent_text()
        assert "records you on video" in text.text
        view = await stage.room.desk.start("p1", overrule=True)
        assert any("no video" in one for one in view.warnings)
        client = await stage.room.desk.start("p9", external=True, video_id=1)
        assert any("no video" in one for one in client.warnings)
        await stage.room.desk.stop(client.session_id)
        with pytest.raises(RefusedError, match="no camera back"):
            await stage.viewed("p2", cameras=["back"])
        filmed = await stage.viewed("p3", sensor="right")
        assert (filmed.cameras, client.cameras) == (["front"], []), "who leads it sees whether it is on video"
        await stage.until(lambda: bool(cameras.made))
    assert [call for call in cameras.calls if call.startswith("start")] == [f"start {filmed.session_id} front"]


async def test_a_full_disk_costs_the_oldest_samples_and_they_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = FolderSettings(late_s=0.0, max_waiting=1000)
    async with opened_folders(tmp_path, settings=settings) as stage:
        view = await stage.viewed()
        await stage.until(lambda: stage.note(view.session_id) is not None)

        def refuse(_handle: int, _data: object, _at: int) -> int:
            raise OSError(28, "no space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("edge.affect.sessions.folder.journal.os.pwrite", refuse)
            stage.deliver("left", 1500)
            await asyncio.sleep(0.1)
        await stage.room.desk.stop(view.session_id)
        note = await stage.whole(view.session_id)
        (loss,) = await stage.room.bodies(Loss)
        rows = pq.read_table(stage.path(view.session_id) / "signals.parquet").num_rows
    assert isinstance(loss, Loss)
    assert (loss.what, loss.count) == ("samples", 500)
    assert rows == 2 * 1000
    (hole,) = note.holes
    assert (hole.reason, hole.samples) == ("dropped", 500)


async def test_a_conversion_that_was_cut_anywhere_is_made_again(tmp_path: Path) -> None:
    async with opened_folders(tmp_path) as stage:
        view = await stage.viewed()
        stage.deliver("left", 20)
        await stage.until(lambda: stage.note(view.session_id) is not None)
    folder = stage.root / view.session_id
    note = read_note(folder)
    assert note is not None
    assert note.state == "running"
    with pytest.raises(ValueError, match="no folder of a session that ended"):
        convert(folder, "csv")
    (folder / "signals.csv").write_text("half")
    (folder / ".labels.part").write_text("half")
    async with opened_folders(tmp_path) as again:
        made = await again.whole(view.session_id)
        assert await asyncio.to_thread(convert, folder, "csv") == read_note(folder)
    assert made.reason == "restarted"
    assert sorted(path.name for path in folder.iterdir()) == [
        ".session.json.twin",
        "labels.parquet",
        "markers.parquet",
        "predictions.parquet",
        "session.json",
        "signals.parquet",
    ]
    assert pq.read_table(folder / "signals.parquet").num_rows == 40


def test_what_lies_there_and_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    (tmp_path / "bare").mkdir()
    (tmp_path / ".gone-x" / "video").mkdir(parents=True)
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "session.json").write_text('{"layout": 99}')
    assert Cabinet(tmp_path).scan() == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "newer"]


def test_pyarrow_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert form_of("auto") == "parquet"
    assert form_of("csv") == "csv"
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert form_of("auto") == "csv"
    with pytest.raises(ModuleNotFoundError, match="extra `parquet`"):
        form_of("parquet")


async def test_an_appliance_that_is_stopped_keeps_every_sample(tmp_path: Path) -> None:
    for round_ in range(5):
        folder = tmp_path / str(round_)
        folder.mkdir()
        async with opened_folders(folder, settings=FolderSettings(late_s=0.0, format="csv", sync_s=0.2)) as stage:
            view = await stage.viewed()
            stage.deliver("left", 500)
            for _ in range(round_ * 3):
                await asyncio.sleep(0)
            stage.deliver("left", 50)
        async with opened_folders(folder, settings=CSV) as stage:
            note = await stage.whole(view.session_id)
        assert (note.reason, note.files[0].rows) == ("restarted", 2 * 550)


async def test_a_folder_whose_note_cannot_be_read_is_erased_with_its_person(tmp_path: Path) -> None:
    """The raw signals in it are theirs, whatever became of the note."""
    async with opened_folders(tmp_path, settings=CSV) as stage:
        session_id = await _ended(stage)
    (stage.root / session_id / "session.json").write_text("{ torn")
    async with opened_folders(tmp_path, settings=CSV) as stage:
        await stage.room.desk.erase("p1")
        assert not stage.root.joinpath(session_id).exists()


class _Killed:
    """A child process that the system killed before it had made anything."""

    returncode = -9

    async def communicate(self) -> tuple[None, bytes]:
        """Nothing was said."""
        return None, b""


@pytest.mark.parametrize(("kills", "made"), [(1, "signals.csv"), (2, "")])
async def test_where_memory_is_short_the_tables_become_csv_and_tries_grow_rare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, made: str
) -> None:
    """A process that is killed each time must neither keep the appliance busy nor keep the folder from being made."""
    make, begun = asyncio.create_subprocess_exec, list[str]()

    async def killed(*command: str, **options: Any) -> object:
        begun.append(command[-1])
        return _Killed() if len(begun) <= kills else await make(*command, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", killed)
    settings = FolderSettings(late_s=0.0, format="parquet")
    async with opened_folders(tmp_path, settings=settings) as stage:
        view = await stage.viewed("p1")
        await stage.until(lambda: stage.note(view.session_id) is not None)
        await stage.room.desk.stop(view.session_id)
        await stage.until(lambda: len(begun) >= 2)
        if not made:
            await stage.until(lambda: "was killed" in stage.folders._finishing.problem)
            stage.room.clock.advance(AGAIN_S + 1)
        note = await stage.whole(view.session_id)
        assert note.files[0].name == (made or "signals.parquet")
    assert begun == ["parquet", "csv", "parquet"][: kills + 1]


async def test_what_fails_again_and_again_is_tried_ever_more_rarely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = list[int]()

    async def fail(_closing: Closing, _name: str, _note: object, _boot: str) -> object:
        tries.append(1)
        raise StoreError("never")

    monkeypatch.setattr(Closing, "run", fail)
    async with opened_folders(tmp_path, settings=CSV) as stage:
        view = await stage.viewed("p1")
        await stage.until(lambda: stage.note(view.session_id) is not None)
        await stage.room.desk.stop(view.session_id)
        for count in range(1, 5):
            await stage.until(lambda wanted=count: len(tries) == wanted)  # type: ignore[misc]
            stage.room.clock.advance(AGAIN_S * 2 ** (count - 1) - 1)
            await asyncio.sleep(0.05)
            assert len(tries) == count
            stage.room.clock.advance(2)
