"""The spool's budget: the order of eviction, what is told of it, what never goes."""

import errno
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from edge.core.errors import StoreError
from edge.core.health import Health, State
from edge.recording.retention import RetentionService
from edge.recording.retention_settings import RetentionSettings
from edge.recording.retention_spool import SpoolStash
from edge.recording.sidecar import Sidecar, Step
from edge.recording.spool import Spool
from tests.support.clock import FakeClock
from tests.support.sinks import MemorySink

_MIB = 2**20
Reason = Literal["continuous", "event", "manual"]


class _Disk:
    """A spool with made-up recordings of one mebibyte each."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = FakeClock()
        self.health = Health(self.clock)
        self.sink = MemorySink()
        self.spool = Spool(folder)
        self.forgotten: list[str] = []
        self.stash = SpoolStash(self.spool, sink=self.sink, known=self.sink.known, on_evicted=self._forget)
        self.retention = RetentionService(
            [self.stash],
            settings=RetentionSettings(**({"max_bytes": 3 * _MIB, "reserve_bytes": 0} | settings)),
            free_bytes=self._free_bytes,
            clock=self.clock,
            health=self.health,
        )
        self.retention.reconcile = self.stash.reconcile

    def _free_bytes(self) -> int:
        return self.spool.free_bytes()

    async def _forget(self, recording_id: str) -> None:
        self.forgotten.append(recording_id)

    def add(self, name: str, step: Step = "recorded", reason: Reason = "event", event_id: str | None = None) -> None:
        start_ms = 1_780_000_000_000 + len(list(self.spool.entries())) * 1000
        sidecar = Sidecar(
            recording_id=name,
            camera="front",
            reason=reason,
            codec="h264",
            start_ms=start_ms,
            width_px=2,
            height_px=2,
            size_bytes=_MIB,
            event_id=event_id,
        )
        part = self.spool.begin(sidecar)
        part.write_bytes(bytes(_MIB))
        if step != "writing":
            part.rename(self.spool.path(sidecar))
            self.spool.note(replace(sidecar, step=step, sha256="0" * 64))

    def names(self) -> set[str]:
        return {entry.sidecar.recording_id for entry in self.spool.entries()}


async def test_within_the_budget_nothing_goes(tmp_path: Path) -> None:
    disk = _Disk(tmp_path)
    for name in "abc":
        disk.add(name)
    await disk.retention.sweep()
    assert disk.names() == {"a", "b", "c"}
    assert disk.health.of("disk") is State.OK
    assert disk.retention.used_bytes == 3 * _MIB


async def test_uploaded_goes_first_then_without_an_event_then_the_oldest_and_losses_are_told(tmp_path: Path) -> None:
    disk = _Disk(tmp_path, max_bytes=_MIB)
    disk.add("event-old")
    disk.add("quiet", reason="continuous")
    disk.add("segment-with-event", reason="continuous", event_id="ev")
    disk.add("uploaded", step="uploaded")
    disk.add("event-new")
    await disk.retention.sweep()
    assert disk.names() == {"event-new"}
    assert [loss.recording_id for loss in disk.sink.losses()] == ["quiet", "event-old", "segment-with-event"]
    assert disk.forgotten == ["quiet", "event-old", "segment-with-event"]
    assert {loss.size_bytes for loss in disk.sink.losses()} == {_MIB}
    assert disk.health.of("disk") is State.DEGRADED
    disk.clock.advance(601)
    await disk.retention.sweep()
    assert disk.health.of("disk") is State.OK


async def test_what_the_uploader_or_the_store_calls_uploaded_is_no_loss(tmp_path: Path) -> None:
    disk = _Disk(tmp_path, max_bytes=_MIB)
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


async def test_a_disk_too_full_to_note_what_is_uploaded_is_freed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _Disk(tmp_path, max_bytes=_MIB)
    disk.add("known")
    disk.add("rest")
    sidecar = disk.spool.find("known")
    assert sidecar
    await disk.sink.append(replace(sidecar.body("gate-1"), phase="uploaded"))

    def full(*_: object) -> Sidecar:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk.spool, "advance", full)
    await disk.retention.sweep()
    assert disk.names() == {"rest"}
    assert disk.sink.losses() == []


async def test_what_grows_or_is_not_told_yet_never_goes_and_recording_waits(tmp_path: Path) -> None:
    disk = _Disk(tmp_path, max_bytes=_MIB)
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
    disk = _Disk(tmp_path, reserve_bytes=10 * _MIB)
    disk.add("a")
    monkeypatch.setattr(disk.spool, "free_bytes", lambda: 10 * _MIB + _MIB // 2 - _MIB * len(disk.names()))
    await disk.retention.sweep()
    assert disk.names() == set()
    assert len(disk.sink.losses()) == 1
    assert disk.retention.has_room()


async def test_a_store_that_refuses_keeps_the_file_until_the_loss_can_be_told(tmp_path: Path) -> None:
    disk = _Disk(tmp_path, max_bytes=_MIB)
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
    disk = _Disk(tmp_path, max_bytes=_MIB)
    disk.add("old", step="lost")
    await disk.retention.sweep()
    disk.add("old", step="lost")
    await disk.retention.sweep()
    assert len(disk.sink.losses()) == 1
    assert disk.names() == set()


def test_a_file_that_is_not_a_sidecar_is_left_alone(tmp_path: Path) -> None:
    disk = _Disk(tmp_path)
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "notes.json").write_text("{}")
    assert list(disk.spool.entries()) == []
    assert [path.name for path in (tmp_path / "front").iterdir()] == ["notes.json"]
