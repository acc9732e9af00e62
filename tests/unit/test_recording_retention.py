"""The spool's budget: the order of eviction, what is told of it, what never goes."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from edge.core.health import State
from edge.core.stash import Worth
from edge.recording.sidecar import Sidecar
from tests.support.spool_disk import MIB, SpoolDisk


async def test_within_the_budget_nothing_goes(tmp_path: Path) -> None:
    disk = SpoolDisk(tmp_path)
    for name in "abc":
        disk.add(name)
    await disk.retention.sweep()
    assert disk.names() == {"a", "b", "c"}
    assert disk.health.of("disk") is State.OK
    assert disk.retention.used_bytes == 3 * MIB
    assert [part.detail for part in disk.health.parts() if part.part == "disk"] == ["recordings take 3.1 MB"]


async def test_uploaded_goes_first_then_without_an_event_then_the_oldest_and_losses_are_told(tmp_path: Path) -> None:
    disk = SpoolDisk(tmp_path, max_bytes=MIB)
    disk.add("event-old")
    disk.add("quiet", reason="continuous")
    disk.add("segment-with-event", reason="continuous", event_id="ev")
    disk.add("uploaded", step="uploaded")
    disk.add("event-new")
    await disk.retention.sweep()
    assert disk.names() == {"event-new"}
    assert [loss.recording_id for loss in disk.sink.losses()] == ["quiet", "event-old", "segment-with-event"]
    assert disk.forgotten == ["quiet", "event-old", "segment-with-event"]
    assert {loss.size_bytes for loss in disk.sink.losses()} == {MIB}
    assert disk.health.of("disk") is State.DEGRADED
    disk.clock.advance(601)
    await disk.retention.sweep()
    assert disk.health.of("disk") is State.OK


async def test_what_the_uploader_or_the_store_calls_uploaded_is_no_loss(tmp_path: Path) -> None:
    disk = SpoolDisk(tmp_path, max_bytes=MIB)
    disk.add("marked")
    disk.add("known")
    disk.add("rest")
    await disk.stash.mark_uploaded("marked")
    await disk.stash.mark_uploaded("never-heard-of")
    sidecar = disk.spool.find("known")
    assert sidecar
    await disk.sink.append(replace(sidecar.body("gate-1"), phase="uploaded"))
    await disk.retention.sweep()
    assert disk.names() == {"rest"}
    assert disk.sink.losses() == []


async def test_what_grows_or_is_not_told_yet_never_goes_and_recording_waits(tmp_path: Path) -> None:
    disk = SpoolDisk(tmp_path, max_bytes=MIB)
    disk.add("growing", step="writing")
    disk.add("untold", step="closed")
    await disk.retention.sweep()
    assert disk.names() == {"growing", "untold"}
    assert not disk.retention.has_room()
    assert disk.health.of("disk") is State.DEGRADED
    sidecar = disk.spool.find("untold")
    assert sidecar
    disk.spool.advance(sidecar, "uploaded")
    await disk.retention.sweep()
    assert disk.retention.has_room()
    assert disk.health.of("disk") is State.OK


async def test_the_reserve_of_the_disk_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SpoolDisk(tmp_path, reserve_bytes=10 * MIB)
    disk.add("a")
    monkeypatch.setattr(disk.spool, "free_bytes", lambda: 10 * MIB + MIB // 2 - MIB * len(disk.names()))
    await disk.retention.sweep()
    assert disk.names() == set()
    assert len(disk.sink.losses()) == 1
    assert disk.retention.has_room()


async def test_a_thousand_notes_are_not_read_again(tmp_path: Path) -> None:
    """The cost of a sweep is bounded: what did not change is not looked at."""
    disk = SpoolDisk(tmp_path, max_bytes=2**40)
    (tmp_path / "front").mkdir()
    plain = Sidecar(
        recording_id="rec", camera="front", reason="event", codec="h264", start_ms=1, width_px=2, height_px=2
    )
    for index in range(1000):
        note = replace(plain, recording_id=f"rec-{index}", step="recorded")
        (tmp_path / "front" / f"rec-{index}.json").write_bytes(msgspec.json.encode(note))
        (tmp_path / "front" / f"rec-{index}.mp4").write_bytes(b"x")
    for _ in range(3):
        await disk.retention.sweep()
    looked = disk.stash._index
    assert (looked.read, disk.retention.used_bytes) == (1000, 1000)
    await disk.stash.mark_uploaded("rec-17")
    disk.add("growing", step="writing")
    await disk.retention.sweep()
    assert looked.read == 1002
    disk.spool.part_path(replace(plain, recording_id="growing")).write_bytes(bytes(7))
    await disk.retention.sweep()
    assert disk.retention.used_bytes == 1007, "what grows is measured each time"
    assert sum(one.worth is Worth.UPLOADED for one in disk.stash.holdings()) == 1
    assert looked.read == 1002


def test_a_file_that_is_not_a_sidecar_is_left_alone(tmp_path: Path) -> None:
    disk = SpoolDisk(tmp_path)
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "notes.json").write_text("{}")
    assert list(disk.spool.entries()) == []
    assert [path.name for path in (tmp_path / "front").iterdir()] == ["notes.json"]
