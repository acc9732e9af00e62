"""A disk that is full at the start: what may go goes, and then the appliance waits for room instead of giving up."""

from pathlib import Path

from edge.daemon.room import NEEDED_BYTES, wait_for_room
from edge.recording.sidecar import Sidecar, Step
from edge.recording.spool import Spool
from tests.support.clock import START_MS, FakeClock


class _Disk:
    """A disk with so many bytes for recordings, all of them taken; somebody frees one mebibyte after `freed_at` s."""

    def __init__(self, folder: Path, clock: FakeClock, *, freed_at: float) -> None:
        self.spool = Spool(folder / "recordings")
        self._clock = clock
        self._freed_at_ns = clock.mono_ns() + int(freed_at * 1e9)
        self.size_bytes = 0

    def keep(self, name: str, step: Step, at: int) -> None:
        """Put a recording of half of what is needed on the disk."""
        sidecar = Sidecar(
            recording_id=name,
            camera="front",
            reason="event",
            codec="h264",
            start_ms=START_MS + at,
            width_px=64,
            height_px=48,
            step=step,
        )
        self.spool.begin(sidecar)
        self.spool.path(sidecar).write_bytes(bytes(NEEDED_BYTES // 2))
        self.size_bytes += NEEDED_BYTES // 2

    def free(self, _: Path) -> int:
        """Bytes that are left."""
        freed = NEEDED_BYTES if self._clock.mono_ns() >= self._freed_at_ns else 0
        return self.size_bytes - sum(entry.size_bytes for entry in self.spool.entries()) + freed

    @property
    def kept(self) -> set[str]:
        """What lies there."""
        return {entry.sidecar.recording_id for entry in self.spool.entries()}


async def test_of_what_was_uploaded_the_oldest_goes_and_no_more_than_needed(tmp_path: Path) -> None:
    clock = FakeClock()
    disk = _Disk(tmp_path, clock, freed_at=1e6)
    steps: list[Step] = ["recorded", "uploaded", "closed", "uploaded", "uploaded"]
    for at, step in enumerate(steps):
        disk.keep(f"rec-{at}", step, at)
    before = clock.mono_ns()
    await wait_for_room(tmp_path, clock, disk.free)
    assert disk.kept == {"rec-0", "rec-2", "rec-4"}
    assert clock.mono_ns() == before


async def test_where_nothing_may_go_the_appliance_waits(tmp_path: Path) -> None:
    clock = FakeClock()
    disk = _Disk(tmp_path, clock, freed_at=7)
    disk.keep("rec-1", "recorded", 1)
    before = clock.mono_ns()
    await wait_for_room(tmp_path, clock, disk.free)
    assert disk.kept == {"rec-1"}
    assert 7e9 <= clock.mono_ns() - before < 10e9
