"""A disk that takes nothing any more, not even a deletion: the recorder stays, says so, and records once it can."""

import errno
from pathlib import Path

from edge.core.health import State
from edge.recording.jobs import Forget, JobQueue, Sweep
from edge.recording.settings import RecordingSettings
from edge.recording.sidecar import Sidecar
from edge.recording.spool import Spool
from tests.support.pictures import frames
from tests.support.recording_rig import RecordingRig


class _ReadOnlyDisk(Spool):
    """As a card that the kernel mounted read-only after an error."""

    readable_only = True

    def begin(self, sidecar: Sidecar) -> Path:
        self._refuse()
        return super().begin(sidecar)

    def discard(self, sidecar: Sidecar) -> None:
        self._refuse()
        super().discard(sidecar)

    def _refuse(self) -> None:
        if self.readable_only:
            raise OSError(errno.EROFS, "Read-only file system")


async def test_a_disk_that_is_mounted_read_only_ends_no_thread(tmp_path: Path) -> None:
    disk = _ReadOnlyDisk(tmp_path)
    rig = RecordingRig(tmp_path, RecordingSettings(mode="off"), spool=disk)
    async with rig.running():
        rig.service.start_manual()
        rig.offer(frames(20, start_ns=rig.clock.mono_ns(), fps=100.0))
        await rig.until(lambda: rig.health.of("recording.front") is State.DEGRADED)
        rig.service.stop_manual()
        await rig.until(lambda: rig.health.of("recording.front") is State.OK)
        disk.readable_only = False
        rig.service.start_manual()
        rig.offer(frames(20, start_ns=rig.clock.mono_ns(), fps=100.0))
        rig.service.stop_manual()
        await rig.until(lambda: bool(rig.closed))


def test_a_thread_that_hangs_is_not_asked_to_sweep_again_and_again() -> None:
    queue = JobQueue(1000)
    for _ in range(100):
        queue.put(Sweep())
    queue.put(Forget())
    queue.put(Sweep())
    queue.close()
    assert list(iter(queue.take, None)) == [Sweep(), Forget(), Sweep()]
