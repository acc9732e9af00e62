"""A folder for object storage in every odd state: it says what is wrong, and goes on when it is mended."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from edge.config import EdgeConfig
from edge.core.errors import LinkError
from edge.core.health import State
from edge.daemon.sync import target_maker
from edge.sync.requests import RequestDesk
from edge.sync.settings import FolderSettings
from edge.sync.targets.folder import FolderTarget
from edge.sync.targets.target import Object
from edge.sync.uploader import PART
from tests.support.conformance import nothing, thing_of
from tests.support.outboxes import open_outbox
from tests.support.uploads import add_clip, until, uploading

THING = thing_of(b"clip")
Spoil = Callable[[Path], None]


def a_circle(folder: Path) -> None:
    folder.symlink_to(folder)


def a_file(folder: Path) -> None:
    folder.write_bytes(b"not a folder")
    folder.chmod(0o755)


def nothing_there(folder: Path) -> None:
    assert not folder.exists()


def a_circle_within(folder: Path) -> None:
    folder.mkdir()
    (folder / "recordings").symlink_to("recordings")


def a_file_within(folder: Path) -> None:
    folder.mkdir()
    (folder / "recordings").write_bytes(b"not a folder")


def a_way_out_within(folder: Path) -> None:
    folder.mkdir()
    (folder / "recordings").symlink_to(folder.parent)


STATES: list[tuple[Spoil, str]] = [
    (a_circle, "circle"),
    (a_file, "something else stands"),
    (nothing_there, "is it mounted"),
    (a_circle_within, "circle"),
    (a_file_within, "something else stands"),
    (a_way_out_within, "lead out"),
]


@pytest.mark.parametrize(("spoil", "words"), STATES)
@pytest.mark.parametrize("create", [False, True])
def test_whatever_stands_there_is_a_fault_of_the_way(tmp_path: Path, spoil: Spoil, words: str, create: bool) -> None:
    if create and spoil is nothing_there:
        return
    folder = tmp_path / "share"
    spoil(folder)
    target = FolderTarget(folder, part_bytes=1000, create=create)
    works: tuple[Callable[[], object], ...] = (
        lambda: target.put(THING, b"clip", nothing),
        lambda: target.begin(THING),
        lambda: target.put_part(THING, "0" * 16, 1, b"clip", nothing),
        lambda: target.held(THING, "0" * 16, {1: ""}),
        lambda: target.complete(THING, "0" * 16, {1: ""}),
        lambda: target.confirm(THING, {}),
        lambda: target.abort(THING.key, "0" * 16),
        lambda: target.delete(THING.key),
        lambda: target.abandoned("recordings/gate/", 1.0),
        target.check,
    )
    said = []
    for work in works:
        try:
            work()
        except LinkError as error:
            said.append(str(error))
    assert said, "it does not pass for a good one"
    assert words in said[0]


@pytest.mark.parametrize("spoil", [state[0] for state in STATES])
async def test_health_says_so_and_the_file_goes_once_it_is_mended(tmp_path: Path, spoil: Spoil) -> None:
    folder = tmp_path / "share"
    spoil(folder)
    make = partial(FolderTarget, folder, part_bytes=1000)
    async with open_outbox(tmp_path) as outbox, uploading(outbox, make) as (uploader, health):
        body = await add_clip(outbox, tmp_path, "rec-1", b"clip")
        await until(lambda: health.of(PART) is State.FAILED)
        for path in (folder / "recordings", folder):
            if path.is_symlink() or path.is_file():
                path.unlink()
        folder.mkdir(exist_ok=True)
        await until(lambda: uploader.uploaded_total == 1)
        assert health.of(PART) is State.OK
    assert (folder / body.key).read_bytes() == b"clip"


def test_an_empty_mount_point_is_no_folder_to_fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun is not given up either: it is there when the mount is."""
    mounted = {tmp_path}
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) in mounted)
    target = FolderTarget(tmp_path / "share", part_bytes=4, mounted=True)
    (tmp_path / "share").mkdir()
    thing = thing_of(b"clip" * 2)
    upload_id = target.begin(thing)
    tags = {1: target.put_part(thing, upload_id, 1, b"clip", nothing)}
    mounted.clear()
    for work in (target.check, lambda: target.held(thing, upload_id, tags), lambda: target.confirm(thing, tags)):
        with pytest.raises(LinkError, match="is it mounted"):
            work()
    mounted.add(tmp_path)
    assert target.held(thing, upload_id, tags) == tags


def test_a_share_that_went_for_a_moment_does_not_lose_what_was_begun(tmp_path: Path) -> None:
    share, away = tmp_path / "share", tmp_path / "away"
    share.mkdir()
    target = FolderTarget(share, part_bytes=4)
    upload_id = target.begin(THING)
    tags = {1: target.put_part(THING, upload_id, 1, b"clip", nothing)}
    share.rename(away)
    with pytest.raises(LinkError, match="is it mounted"):
        target.held(THING, upload_id, tags)
    away.rename(share)
    assert target.held(THING, upload_id, tags) == tags


def test_a_pipe_in_the_place_of_a_file_holds_no_thread(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path, part_bytes=4)
    upload_id = target.begin(THING)
    growing = next((tmp_path / THING.key).parent.iterdir())
    growing.unlink()
    os.mkfifo(growing)
    os.mkfifo(tmp_path / THING.key)
    empty = Object(key=THING.key, size_bytes=0, sha256=THING.sha256)
    for work in (
        lambda: target.begin(THING),
        lambda: target.put_part(THING, upload_id, 1, b"clip", nothing),
        lambda: target.complete(empty, upload_id, {}),
        lambda: target.confirm(empty, {}),
    ):
        with pytest.raises(LinkError, match="something else stands"):
            work()


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "share", tmp_path / "outside"
    folder.mkdir()
    outside.write_bytes(b"whole")
    target = FolderTarget(folder, part_bytes=4)
    target.begin(THING)
    growing = next((folder / THING.key).parent.iterdir())
    growing.unlink()
    growing.symlink_to(outside)
    with pytest.raises(LinkError):
        target.begin(THING)
    assert outside.read_bytes() == b"whole"


def test_an_upload_that_ends_while_old_ones_are_looked_for_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = FolderTarget(tmp_path, part_bytes=4)
    target.begin(THING)
    (tmp_path / THING.key).with_name(".gone.mp4.0123456789abcdef.part").symlink_to("nowhere")
    found = Path.rglob

    def ends_meanwhile(folder: Path, pattern: str) -> list[Path]:
        paths = list(found(folder, pattern))
        target.abort(THING.key, paths[0].name.split(".")[-2])
        return paths

    monkeypatch.setattr(Path, "rglob", ends_meanwhile)
    assert target.abandoned("recordings/gate/", 3600.0) == []


def test_a_path_that_no_system_takes_says_so() -> None:
    with pytest.raises(LinkError, match="folder"):
        FolderTarget(Path("a\0b"), part_bytes=4, create=True).check()


def test_the_home_of_nobody_ends_no_daemon(tmp_path: Path) -> None:
    config = EdgeConfig(state_dir=str(tmp_path), objects=FolderSettings(path="~no-such-user/objects"))
    make = target_maker(config, RequestDesk())
    assert make
    with pytest.raises(LinkError, match=r"objects\.path"):
        make()
