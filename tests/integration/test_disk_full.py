"""Others fill the disk under the whole of it: store, spool, retention and ballast, as the daemon ties them together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from contract.messages import Event, Loss
from edge.core.clock import SystemClock
from edge.core.health import Health, State
from edge.daemon.room import BALLAST, wait_for_room
from edge.outbox.ballast import Ballast
from edge.outbox.settings import OutboxSettings
from edge.outbox.store import Outbox
from edge.recording.retention.service import RetentionService
from edge.recording.retention.settings import RetentionSettings
from edge.recording.retention.spool import SpoolStash
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from tests.support.outboxes import alarm, open_outbox, recording, telemetry
from tests.support.small_disk import small_disk

_MIB = 1 << 20
SETTINGS = RetentionSettings(reserve_bytes=3 * _MIB, ballast_bytes=2 * _MIB)
LIMITS = OutboxSettings(linger_ms=0, wait_s=1.0)


class Rooms:
    """What shares the disk."""

    def __init__(self, state: Path, outbox: Outbox, health: Health) -> None:
        self.outbox = outbox
        self.health = health
        self.spool = Spool(state / "recordings")
        self.ballast = Ballast(state / BALLAST, SETTINGS.ballast_bytes)
        outbox.give_up_when_full(self.ballast.release)
        stash = SpoolStash(self.spool, sink=outbox, known=outbox.uploads.phases, on_evicted=outbox.uploads.forget)
        self.retention = RetentionService(
            [stash],
            settings=SETTINGS,
            free_bytes=self.spool.free_bytes,
            clock=SystemClock(),
            health=health,
            ballast=self.ballast,
        )
        self.retention.reconcile = stash.reconcile

    async def record(self, name: str, *, reason: str) -> None:
        """A whole recording of a mebibyte that waits for its upload."""
        body = recording(name, bytes(_MIB), reason=reason)
        sidecar = Sidecar(
            recording_id=name,
            camera="front",
            reason="event" if reason == "event" else "continuous",
            codec="h264",
            start_ms=body.start_ms,
            width_px=2,
            height_px=2,
            size_bytes=_MIB,
            order=int(name[-1]) + 1,
        )
        self.spool.begin(sidecar).write_bytes(bytes(_MIB))
        await self.outbox.append(body)
        path = self.spool.path(self.spool.close(sidecar))
        await self.outbox.uploads.add(name, path)
        self.spool.advance(sidecar, "recorded")

    def left(self) -> list[str]:
        """What of it is there still."""
        return sorted(entry.sidecar.recording_id for entry in self.spool.entries())


@asynccontextmanager
async def _rooms(state: Path) -> AsyncIterator[Rooms]:
    health = Health(SystemClock())
    async with open_outbox(state, limits=LIMITS, health=health) as outbox:
        yield Rooms(state, outbox, health)


async def test_a_full_disk_is_normal_operation(tmp_path: Path) -> None:
    """Point 5: alarms stay writable, evictions are told once each and with their rule, all goes on afterwards."""
    with small_disk(tmp_path / "disk", 24 * _MIB) as disk:
        async with _rooms(disk.folder) as rooms:
            for index in range(4):
                await rooms.record(f"plain-{index}", reason="continuous")
                await rooms.record(f"event-{index}", reason="event")
            await rooms.retention.sweep()
            assert rooms.ballast.held_bytes == 2 * _MIB
            assert len(rooms.left()) == 8
            disk.fill(0)
            alarms = asyncio.create_task(_raise_alarms(rooms.outbox, 300))
            await rooms.retention.sweep()
            await rooms.retention.sweep()
            await alarms
            assert {f"event-{index}" for index in range(4)} <= set(rooms.left()), "video without an event goes first"
            assert len(rooms.left()) < 8
            assert rooms.retention.has_room()
            before = rooms.left()
            disk.free()
            await rooms.retention.sweep()
            assert rooms.left() == before, "nothing more goes than has to"
            assert rooms.ballast.held_bytes == 2 * _MIB
            losses, seen = await _told(rooms.outbox)
            assert seen == 300
            assert sorted(losses) == sorted(
                {f"{kind}-{n}" for kind in ("plain", "event") for n in range(4)} - {*before}
            )
            assert rooms.health.of("store") is State.OK
            view = rooms.retention.view()
            assert [one.reason for one in view.evictions] == ["the disk ran short"]
            assert await rooms.outbox.uploads.pending() == len(before)
        async with _rooms(disk.folder) as again:
            await again.retention.sweep()
            assert (again.left(), (await _told(again.outbox))[0]) == (before, losses), "told once"


async def test_a_disk_that_is_full_at_the_start_gives_up_the_ballast_first(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 24 * _MIB) as disk:
        async with _rooms(disk.folder) as rooms:
            await rooms.record("plain-0", reason="continuous")
            await rooms.retention.sweep()
        disk.fill(0)
        await asyncio.wait_for(wait_for_room(disk.folder, SystemClock()), 30)
        async with _rooms(disk.folder) as rooms:
            assert rooms.ballast.held_bytes == 0
            await rooms.outbox.append(alarm())
            assert (await _told(rooms.outbox))[1] == 1


async def _raise_alarms(outbox: Outbox, count: int) -> None:
    for index in range(count):
        await outbox.append(alarm())
        if index % 10 == 0:
            await outbox.append(telemetry())


async def _told(outbox: Outbox) -> tuple[list[str], int]:
    """The recordings whose loss is told, and how many alarms there are."""
    bodies = [record.body for _, record in await outbox.history(limit=10_000)]
    losses = [body for body in bodies if isinstance(body, Loss)]
    assert all("the disk ran short" in loss.reason for loss in losses)
    return [str(loss.recording_id) for loss in losses], sum(isinstance(body, Event) for body in bodies)
