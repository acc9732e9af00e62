"""The spool's budget: the order of eviction, what is told of it, what never goes."""

import asyncio
import errno
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from msgspec.structs import replace

from contract.messages import Loss
from edge.core.errors import StoreError
from edge.core.health import Health, State
from edge.core.hub import Hub
from edge.core.stash import Worth
from edge.recording.retention.service import RetentionService
from edge.recording.retention.settings import ClassBudget, RetentionSettings
from edge.recording.retention.spool import SpoolStash
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
    await disk.stash.mark_uploaded("known")  # it ends nobody who sends
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


async def test_what_the_disk_does_not_let_go_of_keeps_no_other_from_going(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _Disk(tmp_path, max_bytes=_MIB)
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


async def test_the_loss_names_the_rule_also_after_a_kill(tmp_path: Path) -> None:
    """Point 5: the cloud's ledger names what was dropped and why."""
    disk = _Disk(tmp_path, event=ClassBudget(max_bytes=_MIB))
    for name in ("old", "new"):
        disk.add(name)
    disk.sink.refusing = True
    with pytest.raises(StoreError):
        await disk.retention.sweep()
    again = _Disk(tmp_path)
    await again.retention.sweep()
    assert again.names() == {"new"}
    assert [loss.reason for loss in again.sink.losses()] == [
        f"event may take {_MIB} bytes: deleted before the upload",
    ]


async def test_a_loss_that_the_note_does_not_know_of_is_not_told_again(tmp_path: Path) -> None:
    """The disk was too full to note that it is given up; then the process was killed."""
    disk = _Disk(tmp_path)
    disk.add("given-up")
    disk.add("kept")
    await disk.sink.append(Loss(what="recording", reason="the disk ran short", count=1, recording_id="given-up"))
    await disk.retention.sweep()
    assert disk.names() == {"kept"}
    assert len(disk.sink.losses()) == 1
    assert disk.forgotten == ["given-up"]


async def test_after_a_repair_of_the_store_what_waits_for_its_upload_is_offered_again(tmp_path: Path) -> None:
    """Point 6: an upload whose row was in a broken page goes on; what nobody knows of is told anew."""
    disk = _Disk(tmp_path)
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
    disk = _Disk(tmp_path, max_bytes=_MIB)
    disk.retention._ballast = ballast = _Ballast(disk.sink)
    disk.add("old")
    disk.add("new")
    await disk.retention.sweep()
    assert disk.names() == {"new"}
    assert (ballast.released, ballast.held_bytes) == (1, _MIB)
    assert len(disk.sink.losses()) == 1, "told once"


class _Ballast:
    """As long as it is held, the store takes nothing."""

    def __init__(self, sink: MemorySink) -> None:
        self._sink = sink
        self.held_bytes = _MIB
        self.released = 0
        sink.refusing = True

    def release(self) -> bool:
        had, self.held_bytes = bool(self.held_bytes), 0
        self.released += had
        self._sink.refusing = False
        return had

    def take(self, free_bytes: int) -> None:
        self.held_bytes = _MIB


async def test_the_view_tells_what_lies_there_how_long_it_lasts_and_what_went(tmp_path: Path) -> None:
    """`3 days 4 h at this rate`: ten mebibytes an hour into seventy-six are seven and a half hours."""
    disk = _Disk(tmp_path, max_bytes=76 * _MIB, continuous=ClassBudget(max_bytes=2 * _MIB, max_days=30))
    assert disk.retention.view().used_bytes == 0
    await disk.retention.sweep()
    for index in range(20):
        disk.clock.advance(360)
        disk.add(f"rec-{index:02}", reason="continuous" if index % 2 else "event")
        await disk.retention.sweep()
    view = disk.retention.view()
    assert (view.used_bytes, view.room, view.lost) == (12 * _MIB, True, 8)
    assert abs(view.bytes_per_hour - 10 * _MIB) < 0.02 * 10 * _MIB
    assert view.horizon_s is not None
    assert abs(view.horizon_s - 65 / 10 * 3600) < 0.02 * 65 / 10 * 3600, "64 MiB are left, and the first that goes"
    assert view.kept_s is not None
    assert abs(view.kept_s - 7.6 * 3600) < 0.02 * 7.6 * 3600
    by_kind = {one.kind: one for one in view.classes}
    assert (by_kind["event"].count, by_kind["event"].unsent_bytes) == (10, 10 * _MIB)
    assert (by_kind["continuous"].count, by_kind["continuous"].max_days) == (2, 30)
    kept_s = by_kind["continuous"].kept_s
    assert kept_s is not None
    assert abs(kept_s - 0.4 * 3600) < 0.02 * 0.4 * 3600
    assert [(one.count, one.lost, one.size_bytes) for one in view.evictions] == [(8, 8, 8 * _MIB)]
    assert [(one.name, one.used_bytes, one.holdings) for one in view.stashes] == [("recordings", 12 * _MIB, 12)]


async def test_the_view_has_the_times_of_the_list_also_while_the_clock_is_not_trusted(tmp_path: Path) -> None:
    """What may go for its days is another matter: that needs a clock that is trusted."""
    disk = _Disk(tmp_path)
    disk.add("rec-0")
    (entry,) = disk.spool.entries()
    disk.spool.note(replace(entry.sidecar, trusted=False))
    await disk.retention.sweep()
    (event,) = [one for one in disk.retention.view().classes if one.kind == "event"]
    assert event.oldest_ms == entry.sidecar.start_ms


async def test_what_happens_is_published_at_once_and_else_once_a_minute(tmp_path: Path) -> None:
    disk = _Disk(tmp_path, max_bytes=_MIB)
    hub = disk.retention._hub = Hub()
    published: list[int] = []
    running = asyncio.create_task(_count(hub, published))
    await asyncio.sleep(0)
    disk.retention._tell()
    disk.retention._tell()
    disk.clock.advance(61)
    disk.retention._tell()
    for name in ("a", "b"):
        disk.add(name)
    await disk.retention.sweep()
    disk.retention._tell()
    await asyncio.sleep(0)
    assert published == [0, 0, 1]
    running.cancel()
    await asyncio.wait([running])


async def _count(hub: Hub, published: list[int]) -> None:
    async for message in hub.watch():
        assert message.topic == "storage"
        published.append(message.data["lost"])


async def test_a_thousand_notes_are_not_read_again(tmp_path: Path) -> None:
    """The cost of a sweep is bounded: what did not change is not looked at."""
    disk = _Disk(tmp_path, max_bytes=2**40)
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
    disk = _Disk(tmp_path)
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "notes.json").write_text("{}")
    assert list(disk.spool.entries()) == []
    assert [path.name for path in (tmp_path / "front").iterdir()] == ["notes.json"]
