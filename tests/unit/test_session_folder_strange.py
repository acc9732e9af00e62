"""What a card or a person may leave among the folders of sessions: nothing of it ends or holds up the appliance."""

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from contract.messages import AnyBody, Loss, Record
from edge.affect.sessions.folder.cabinet import Cabinet
from edge.affect.sessions.folder.layout import NOTE, TWIN
from edge.affect.sessions.folder.settings import FolderSettings
from edge.affect.sessions.folder.stash import SessionStash
from edge.core.clock import Stamp
from edge.core.errors import StoreDelayedError, StoreError
from edge.core.health import State
from edge.outbox import database
from tests.support.session_folders import FakeUploads, FoldersRoom, opened_folders

CSV = FolderSettings(late_s=0.0, format="csv")


async def _ended(stage: FoldersRoom) -> Path:
    view = await stage.viewed("p1")
    await stage.until(lambda: stage.note(view.session_id) is not None)
    stage.deliver("left", 20)
    await stage.room.desk.stop(view.session_id)
    await stage.whole(view.session_id)
    return stage.path(view.session_id)


async def _losses(stage: FoldersRoom) -> list[Loss]:
    return [one for one in await stage.room.bodies(Loss) if isinstance(one, Loss)]


async def test_a_folder_whose_name_is_no_text_is_told_once_shown_and_given_up(tmp_path: Path) -> None:
    home = tmp_path / "sessions" / "folders" / os.fsdecode(b"s-\xe9t\xe9")
    home.mkdir(parents=True)
    (home / NOTE).write_bytes(b"{ torn")
    (home / "signals.csv").write_bytes(b"t_ms\n")
    for _ in range(2):
        async with opened_folders(tmp_path, settings=CSV) as stage:
            await stage.until(lambda: stage.room.health.of("session-folders") is State.DEGRADED)
            assert [(one.what, one.count) for one in await _losses(stage)] == [("file", 0)]
            msgspec.json.encode([part.detail for part in stage.room.health.parts()])
    async with opened_folders(tmp_path, settings=CSV) as stage:
        stash = SessionStash(stage.folders)
        (held,) = stash.holdings()
        await stash.evict(held)
        assert stash.holdings() == []


async def test_a_copy_of_a_folder_under_any_name_ends_nothing(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=CSV) as stage:
        home = await _ended(stage)
        shutil.copytree(home, home.with_name(f"{home.name} (copy)"))
    async with opened_folders(tmp_path, settings=CSV, uploads=FakeUploads()) as stage:
        await stage.until(lambda: len(SessionStash(stage.folders).holdings()) == 2)
        await stage.until(lambda: stage.room.health.of("session-folders") is State.DEGRADED)
        view = await stage.viewed("p2")
        await stage.until(lambda: stage.note(view.session_id) is not None)
        await stage.room.desk.erase("p1")
        assert not home.exists()
        assert not home.with_name(f"{home.name} (copy)").exists()


@pytest.mark.timeout(20)
def test_no_pipe_in_the_place_of_a_note_is_waited_at(tmp_path: Path) -> None:
    home = tmp_path / "s-1"
    home.mkdir()
    for name in (NOTE, TWIN):
        os.mkfifo(home / name)
    (home / "signals.csv").write_bytes(b"t_ms\n")
    cabinet = Cabinet(tmp_path)
    assert cabinet.scan() == {}
    assert cabinet.unread == {"s-1"}


@pytest.mark.parametrize("damaged", [False, True])
async def test_while_the_disk_is_full_one_loss_waits_and_not_one_more_at_each_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    async with opened_folders(tmp_path, settings=CSV) as stage:
        home = await _ended(stage)
    if damaged:
        for name in (NOTE, TWIN):
            (home / name).write_bytes(b"{ torn")
    async with opened_folders(tmp_path, settings=CSV, runs=False) as stage:
        said: list[AnyBody] = []

        async def late(body: AnyBody, at: Stamp | None = None) -> Record:
            del at
            said.append(body)
            raise StoreDelayedError("it waits for the disk")

        (held,) = SessionStash(stage.folders).holdings()
        monkeypatch.setattr(stage.room.outbox, "append", late)
        for _ in range(3):
            with pytest.raises(StoreError):
                await SessionStash(stage.folders).evict(held)
            await stage.folders.unread.tell()
        assert len(said) == len({msgspec.json.encode(one) for one in said})
        assert home.exists()


async def test_a_damaged_store_that_cannot_be_deleted_holds_up_an_erasure_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_folders(tmp_path, settings=CSV) as stage:
        await _ended(stage)
        with monkeypatch.context() as patch:
            patch.setattr(database, "remove_asides", _refused)
            with pytest.raises(StoreError):
                await stage.room.desk.erase("p1")
        await stage.room.desk.erase("p1")


def _refused(_path: Path) -> int:
    raise PermissionError(13, "Permission denied")
