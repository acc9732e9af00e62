"""The spool's budget where the disk or the store refuses, after kills, and after a repair."""

import errno
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from contract.messages import Loss
from edge.core.errors import StoreError
from edge.core.sizes import said_bytes
from edge.recording.retention.settings import ClassBudget
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from tests.support.sinks import MemorySink
from tests.support.spool_disk import MIB, SpoolDisk


async def test_a_note_whose_video_went_before_a_kill_goes_at_the_next_start(tmp_path: Path) -> None:
    """Else one would stay for each such kill, and be shown without a video."""
    disk = SpoolDisk(tmp_path)
    for name in ("sent", "whole"):
        disk.add(name, step="uploaded")
    (tmp_path / "front" / "sent.mp4").unlink()
    await disk.stash.reconcile()
    assert disk.names() == {"whole"}
    assert disk.sink.losses() == []


async def test_a_disk_too_full_to_note_what_is_uploaded_is_freed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SpoolDisk(tmp_path, max_bytes=MIB)
    disk.add("known")
    disk.add("rest")
    sidecar = disk.spool.find("known")
    assert sidecar
    await disk.sink.append(replace(sidecar.body("gate-1"), phase="uploaded"))

    def full(*_: object) -> Sidecar:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk.spool, "advance", full)
    await disk.stash.mark_uploaded("known")  # it ends nobody who sends
    await disk.retention.sweep()
    assert disk.names() == {"rest"}
    assert disk.sink.losses() == []


async def test_what_the_disk_does_not_let_go_of_keeps_no_other_from_going(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SpoolDisk(tmp_path, max_bytes=MIB)
    for name in ("stuck", "b", "c"):
        disk.add(name, step="uploaded")
    discard = Spool.discard

    def refusing(spool: Spool, sidecar: Sidecar) -> None:
        if sidecar.recording_id == "stuck":
            raise OSError(errno.EIO, "Input/output error")
        discard(spool, sidecar)

    monkeypatch.setattr(Spool, "discard", refusing)
    with pytest.raises(OSError, match="Input/output"):
        await disk.retention.sweep()
    assert disk.names() == {"stuck", "c"}
    assert not disk.retention.has_room()
    monkeypatch.undo()
    await disk.retention.sweep()
    assert disk.names() == {"c"}
    assert disk.retention.has_room()


async def test_a_store_that_refuses_keeps_the_file_until_the_loss_can_be_told(tmp_path: Path) -> None:
    disk = SpoolDisk(tmp_path, max_bytes=MIB)
    disk.add("old")
    disk.add("new")
    disk.sink.refusing = True
    with pytest.raises(StoreError):
        await disk.retention.sweep()
    assert disk.names() == {"old", "new"}
    disk.sink.refusing = False
    await disk.retention.sweep()
    assert disk.names() == {"new"}
    assert [loss.recording_id for loss in disk.sink.losses()] == ["old"]


async def test_killed_between_the_loss_and_the_deletion_the_loss_is_told_once(tmp_path: Path) -> None:
    disk = SpoolDisk(tmp_path, max_bytes=MIB)
    disk.add("old", step="lost")
    await disk.retention.sweep()
    disk.add("old", step="lost")
    await disk.retention.sweep()
    assert len(disk.sink.losses()) == 1
    assert disk.names() == set()


async def test_the_loss_names_the_rule_also_after_a_kill(tmp_path: Path) -> None:
    """Point 5: the cloud's ledger names what was dropped and why."""
    disk = SpoolDisk(tmp_path, event=ClassBudget(max_bytes=MIB))
    for name in ("old", "new"):
        disk.add(name)
    disk.sink.refusing = True
    with pytest.raises(StoreError):
        await disk.retention.sweep()
    again = SpoolDisk(tmp_path)
    await again.retention.sweep()
    assert again.names() == {"new"}
    assert [loss.reason for loss in again.sink.losses()] == [
        f"event may take {said_bytes(MIB)}: deleted before the upload",
    ]


async def test_a_loss_that_the_note_does_not_know_of_is_not_told_again(tmp_path: Path) -> None:
    """The disk was too full to note that it is given up; then the process was killed."""
    disk = SpoolDisk(tmp_path)
    disk.add("given-up")
    disk.add("kept")
    await disk.sink.append(Loss(what="recording", reason="the disk ran short", count=1, recording_id="given-up"))
    await disk.retention.sweep()
    assert disk.names() == {"kept"}
    assert len(disk.sink.losses()) == 1
    assert disk.forgotten == ["given-up"]


async def test_after_a_repair_of_the_store_what_waits_for_its_upload_is_offered_again(tmp_path: Path) -> None:
    """Point 6: an upload whose row was in a broken page goes on; what nobody knows of is told anew."""
    disk = SpoolDisk(tmp_path)
    for name in ("sent", "waiting", "unheard-of"):
        disk.add(name)
    for name, phase in (("sent", "uploaded"), ("waiting", "closed")):
        sidecar = disk.spool.find(name)
        assert sidecar
        await disk.sink.append(msgspec.structs.replace(sidecar.body("gate-1"), phase=phase))
    offered: list[tuple[str, Path]] = []

    async def offer(recording_id: str, path: Path) -> None:
        offered.append((recording_id, path))

    disk.stash.offer_again = offer
    await disk.retention.sweep()
    await disk.retention.sweep()
    assert offered == [("waiting", tmp_path / "front" / "waiting.mp4")]
    steps = {entry.sidecar.recording_id: entry.sidecar.step for entry in disk.spool.entries()}
    assert steps == {"sent": "uploaded", "waiting": "recorded", "unheard-of": "closed"}


async def test_the_ballast_is_given_up_for_an_eviction_and_taken_again(tmp_path: Path) -> None:
    disk = SpoolDisk(tmp_path, max_bytes=MIB)
    disk.retention._ballast = ballast = _Ballast(disk.sink)
    disk.add("old")
    disk.add("new")
    await disk.retention.sweep()
    assert disk.names() == {"new"}
    assert (ballast.released, ballast.held_bytes) == (1, MIB)
    assert len(disk.sink.losses()) == 1, "told once"


class _Ballast:
    """As long as it is held, the store takes nothing."""

    def __init__(self, sink: MemorySink) -> None:
        self._sink = sink
        self.held_bytes = MIB
        self.released = 0
        sink.refusing = True

    def release(self) -> bool:
        had, self.held_bytes = bool(self.held_bytes), 0
        self.released += had
        self._sink.refusing = False
        return had

    def take(self, free_bytes: int) -> None:
        self.held_bytes = MIB
