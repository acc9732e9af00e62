"""A recording whose note a card has spoilt: told, sent, kept within the disk and erased all the same."""

import dataclasses
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from contract.messages import AnyBody, Loss, Record
from edge.__main__ import edge_cli
from edge.core.clock import Stamp
from edge.core.errors import RecordInvalidError, StoreError
from edge.core.health import State
from edge.core.stash import Worth
from edge.daemon.filming import SessionRecorders
from edge.outbox.rows import why_invalid
from edge.recording.aside import FOLDER, AsideFolder, SetAside
from edge.recording.inscription import read_inscription
from edge.recording.ledger import tell
from edge.recording.orphans import orphans
from edge.recording.previews.shelf import SheetShelf
from edge.recording.salvage import salvage
from edge.recording.sidecar import read_sidecar
from tests.support.damaged_files import Damage, changed, dangling, folder, saying
from tests.support.orphan_stage import OrphanStage, session_note
from tests.support.sinks import MemorySink

DAMAGES: dict[str, Damage] = {
    "missing": Path.unlink,
    "empty": changed(lambda _: b""),
    "cut": changed(lambda note: note[: len(note) // 2]),
    "zeros": changed(lambda note: bytes(len(note))),
    "noise": changed(lambda note: bytes(byte ^ 0xA5 for byte in note)),
    "types": saying(start_ms="soon"),
    "another": saying(recording_id="rec-2"),
    "folder": folder,
    "dangling": dangling,
}


def _aside(box: OrphanStage) -> list[str]:
    return sorted(holding.id for holding in box.aside.holdings())


def _cameras(box: OrphanStage, folder: Path) -> SessionRecorders:
    sheets = SheetShelf(folder / "previews")
    return SessionRecorders({}, box.spool, sheets=sheets, device="box", forget=box.forget, strays=box.service)


def _lost(sink: MemorySink) -> list[str | None]:
    return [loss.recording_id for loss in sink.losses() if loss.what == "recording" and loss.count]


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_one_with_a_spoilt_note_is_told_from_its_video_and_may_give_way(
    tmp_path: Path, damage: Damage, torn: bool
) -> None:
    box = OrphanStage(tmp_path)
    note = box.recorded("rec-1", torn=torn)
    damage(note)
    await box.service.run_once()
    await box.service.run_once()
    (told,) = box.sink.recordings()
    assert (told.recording_id, told.participant, told.session_id) == ("rec-1", "p1", "söß/\u2028 s-1")
    assert told.size_bytes == (note.parent / "rec-1.mp4").stat().st_size
    assert (told.frames, told.salvaged) == (15 if torn else 20, True)
    assert [(loss.what, loss.count) for loss in box.sink.losses()] == [("recording", 0)], "that it was made anew"
    assert "rec-1" in box.sink.losses()[0].reason
    assert box.offered == ["rec-1"]
    found = read_sidecar(note)
    assert found and found.step == "recorded" and found.order == 7
    assert box.orphanage.rebuilt_total == 1


@pytest.mark.parametrize("torn", [False, True])
async def test_at_the_start_who_salvages_a_camera_tells_of_it_too(tmp_path: Path, torn: bool) -> None:
    box = OrphanStage(tmp_path)
    box.recorded("rec-1", torn=torn).write_bytes(b"")
    await box.orphanage.rebuild_all()
    (left,) = (entry.sidecar for entry in box.spool.entries("front"))
    assert left.step == "writing"
    await box.service.run_once()
    assert box.sink.bodies == [], "its camera is configured, and tells"
    assert salvage(box.spool, left).sidecar.frames == (15 if torn else 20)


@pytest.mark.parametrize(("phase", "step"), [("uploaded", "uploaded"), ("lost", "lost"), ("closed", "recorded")])
async def test_one_that_was_told_before_is_not_told_again(tmp_path: Path, phase: str, step: str) -> None:
    box = OrphanStage(tmp_path)
    note = box.recorded("rec-1", torn=False)
    sidecar = replace(session_note("rec-1"), sha256="0" * 64)
    body = sidecar.body("box")
    await box.sink.append(body)
    if phase == "uploaded":
        await box.sink.append(type(body)(**{**{f: getattr(body, f) for f in body.__struct_fields__}, "phase": phase}))
    elif phase == "lost":
        await box.sink.append(Loss(what="recording", reason="the disk ran short", count=1, recording_id="rec-1"))
    before = len(box.sink.recordings()), _lost(box.sink)
    note.write_bytes(bytes(9))
    await box.service.run_once()
    assert (len(box.sink.recordings()), _lost(box.sink)) == before
    found = read_sidecar(note)
    assert found and found.step == step
    assert box.sink.losses()[-1].count == 0, "but that its note was made anew"


async def test_what_grows_now_is_nobodys_orphan_whatever_its_note_says(tmp_path: Path) -> None:
    box = OrphanStage(tmp_path)
    sidecar = session_note("rec-1")
    part = box.spool.begin(sidecar)
    part.write_bytes(b"a fragment")
    part.with_name("rec-1.json").write_bytes(b"")
    assert list(orphans(box.spool)) == []
    box.spool.close(replace(sidecar, frames=1))
    assert list(orphans(box.spool)) == []


async def test_a_video_that_tells_nothing_is_lost_with_a_record_and_set_aside_within_the_disk(tmp_path: Path) -> None:
    box = OrphanStage(tmp_path)
    box.recorded("rec-1", torn=False).write_bytes(b"{")
    (box.home / "rec-1.mp4").write_bytes(bytes(5000))
    (box.home / "Our holidays.mp4").write_bytes(b"sea")
    (box.home / "rec-9.json").write_bytes(b"")
    assert await box.service._try(box.service.run_once)
    assert await box.service._try(box.service.look)
    assert _aside(box) == [
        "front-Our holidays.mp4.damaged",
        "front-rec-1.json.damaged",
        "front-rec-1.mp4.damaged",
        "front-rec-9.json.damaged",
    ]
    assert _lost(box.sink) == ["rec-1", "rec-9"]
    assert box.forgotten == ["rec-1", "rec-9"], "and are not sent"
    assert [loss.count for loss in box.sink.losses() if loss.what == "file"] == [0], "that a file is none of ours"
    part = next(part for part in box.health.parts() if part.part == "stranded")
    assert part.state is State.DEGRADED
    assert "4 files" in part.detail and "5.0 kB" in part.detail
    assert box.aside.used_bytes() == 5004
    assert box.orphanage.set_aside_total == 3
    oldest = next(one for one in box.aside.holdings() if "rec-1.mp4" in one.id)
    assert oldest.worth is Worth.PLAIN_VIDEO
    await box.aside.evict(dataclasses.replace(oldest, why="the disk ran short"))
    await box.aside.evict(dataclasses.replace(oldest, why="the disk ran short"))
    assert len(_aside(box)) == 3
    last = box.sink.losses()[-1]
    assert (last.what, last.count, last.size_bytes) == ("file", 1, 5000)


async def test_one_that_was_uploaded_is_set_aside_with_a_record_but_is_not_lost(tmp_path: Path) -> None:
    box = OrphanStage(tmp_path)
    note = box.recorded("rec-1", torn=False)
    body = replace(session_note("rec-1"), sha256="0" * 64).body("box")
    for phase in ("closed", "uploaded"):
        await box.sink.append(msgspec.structs.replace(body, phase=phase))
    note.write_bytes(b"{")
    (note.parent / "rec-1.mp4").write_bytes(bytes(9))
    await box.service.look()
    await box.service.look()
    assert _lost(box.sink) == []
    assert [(one.what, one.count) for one in box.sink.losses()] == [("file", 0)]
    assert len(_aside(box)) == 2


async def test_two_of_one_name_are_both_kept(tmp_path: Path) -> None:
    aside = SetAside(tmp_path / FOLDER, MemorySink())
    for content in (b"one", b"two"):
        (tmp_path / "front").mkdir(exist_ok=True)
        (tmp_path / "front" / "x.mp4").write_bytes(content)
        aside.take(tmp_path / "front" / "x.mp4")
    assert sorted(path.read_bytes() for path in (tmp_path / FOLDER).iterdir()) == [b"one", b"two"]


async def test_a_store_that_refuses_is_asked_again(tmp_path: Path) -> None:
    box = OrphanStage(tmp_path)
    box.recorded("rec-1", torn=True).write_bytes(b"")
    (box.home / "rec-2.mp4").write_bytes(b"nothing")
    box.sink.refusing = True
    for _ in range(2):
        assert not await box.service._try(box.service.look)
    assert _aside(box) == []
    box.sink.refusing = False
    assert await box.service._try(box.service.look)
    assert [one.recording_id for one in box.sink.recordings()] == ["rec-1"]
    assert _lost(box.sink) == ["rec-2"]


async def test_a_kill_between_the_loss_and_the_move_tells_of_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = OrphanStage(tmp_path)
    box.recorded("rec-1", torn=False).write_bytes(b"{")
    (box.home / "rec-1.mp4").write_bytes(bytes(9))
    with monkeypatch.context() as patch:
        patch.setattr(SetAside, "take", _killed)
        with pytest.raises(KeyboardInterrupt):
            await box.service.look()
    after = OrphanStage(tmp_path, box.sink)
    await after.service.run_once()
    assert _lost(box.sink) == ["rec-1"]
    assert len(_aside(after)) == 2


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


async def test_an_erasure_takes_what_its_note_no_longer_names(tmp_path: Path) -> None:
    """By the participant, of whom the video itself tells; and what nobody can place, for it may be theirs."""
    box = OrphanStage(tmp_path)
    box.recorded("rec-1", torn=False).write_bytes(b"{")
    box.recorded("rec-2", torn=True).unlink()
    (box.home / "rec-3.mp4").write_bytes(b"who is it?")
    assert await _cameras(box, tmp_path).erase("p1", ["s-1"]) == 3
    assert [path for path in box.spool.folder.rglob("*") if path.is_file()] == []


async def test_an_erasure_that_cannot_place_everything_is_not_over(tmp_path: Path) -> None:
    box = OrphanStage(tmp_path)
    box.recorded("rec-1", torn=False).write_bytes(b"{")
    box.sink.refusing = True
    with pytest.raises(StoreError):
        await _cameras(box, tmp_path).erase("p1", ["s-1"])


async def test_others_stay_at_an_erasure(tmp_path: Path) -> None:
    box = OrphanStage(tmp_path)
    note = box.recorded("rec-1", torn=False)
    note.write_bytes(b"{")
    assert await _cameras(box, tmp_path).erase("p2", ["s-2"]) == 0
    assert (note.parent / "rec-1.mp4").exists()
    assert read_sidecar(note)


def test_a_video_tells_of_no_other_place_than_it_lies_in(tmp_path: Path) -> None:
    box = OrphanStage(tmp_path)
    note = box.recorded("rec-1", torn=False)
    moved = (note.parent / "rec-1.mp4").rename(note.parent / "rec-7.mp4")
    assert read_inscription(moved) is None


def test_what_is_set_aside_can_be_looked_at_and_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    home = tmp_path / "recordings" / "front"
    home.mkdir(parents=True)
    (home / "x.mp4").write_bytes(bytes(2_000_000))
    AsideFolder(home.parent / FOLDER).take(home / "x.mp4")
    (tmp_path / "edge.toml").write_text(f'state_dir = "{tmp_path}"\n', encoding="utf-8")
    seen = _ran("--config", str(tmp_path / "edge.toml"))
    assert "front-x.mp4.damaged  2.0 MB  " in seen and "1 files set aside, 2.0 MB." in seen
    assert "Deleted 1 files." in _ran("--config", str(tmp_path / "edge.toml"), "--remove")
    assert "0 files set aside, 0 bytes." in _ran("--config", str(tmp_path / "edge.toml"))


def _ran(*words: str) -> str:
    done = CliRunner().invoke(edge_cli, ["set-aside", *words])
    assert done.exit_code == 0, done.output
    return done.output


class _Strict(MemorySink):
    """Takes no record that the cloud would refuse, as the store."""

    async def append(self, body: AnyBody, at: Stamp | None = None) -> Record:
        """Keep `body`, or the loss of it."""
        if error := why_invalid(body):
            await super().append(Loss(what="records", reason=error, count=1))
            raise RecordInvalidError(error)
        return await super().append(body, at)


@pytest.mark.parametrize("camera", ["front", "attic"])
async def test_a_note_that_says_what_cannot_be_is_no_better_than_none(tmp_path: Path, camera: str) -> None:
    """Else its file would lie there for ever, neither told nor within the disk."""
    box = OrphanStage(tmp_path, _Strict())
    note = box.recorded("rec-1", torn=True)
    saying(width_px=-1)(note)
    if camera == "attic":
        (tmp_path / "spool" / "front").rename(tmp_path / "spool" / "attic")
        note = tmp_path / "spool" / "attic" / "rec-1.json"
        saying(camera="attic")(note)
        await box.service.run_once()
    else:
        (left,) = (entry.sidecar for entry in box.spool.entries("front"))
        with pytest.raises(RecordInvalidError):
            await tell(box.service._teller, box.spool, salvage(box.spool, left))
        await box.service.run_once()
    told = [one.recording_id for one in box.sink.recordings()]
    assert (told, _aside(box) == []) == ((["rec-1"], True) if camera == "front" else ([], False)), "moved, it tells not"
    assert await box.service._try(box.service.look)
    assert len(box.sink.bodies) <= 4, "and that is the end of it"


async def test_a_video_whose_own_note_cannot_be_told_is_set_aside(tmp_path: Path) -> None:
    """Made before 1970, by a clock that was never set."""
    box = OrphanStage(tmp_path, _Strict())
    box.recorded("rec-1", torn=True, start_ms=-60_000).write_bytes(b"")
    for _ in range(3):
        assert await box.service._try(box.service.look)
    assert len(_aside(box)) == 2
    assert _lost(box.sink) == ["rec-1"]
    assert box.sink.recordings() == []
    assert [one.what for one in box.sink.losses()].count("records") == 1
