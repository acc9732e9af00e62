"""Room that is held ready for alarms, given up when the disk is full, and held again."""

import os
from pathlib import Path

from contract.messages import Event, Prediction
from edge.outbox.ballast import Ballast
from edge.outbox.settings import OutboxSettings
from tests.support.outboxes import alarm, open_outbox, prediction
from tests.support.small_disk import small_disk

_MIB = 1 << 20
LIMITS = OutboxSettings(linger_ms=0, wait_s=0.5)


def test_it_is_real_room_and_is_given_up_once(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", _MIB)
    assert not ballast.release()
    ballast.take(4 * _MIB - 1)
    assert ballast.held_bytes == 0, "too little is left beside it"
    ballast.take(4 * _MIB)
    ballast.take(4 * _MIB)
    assert ballast.held_bytes == _MIB
    assert ballast.release()
    assert not ballast.release()
    assert (ballast.released, ballast.held_bytes) == (1, 0)


def test_one_that_a_kill_left_half_is_made_whole(tmp_path: Path) -> None:
    (tmp_path / "ballast").write_bytes(b"half")
    ballast = Ballast(tmp_path / "ballast", _MIB)
    ballast.take(100 * _MIB)
    assert ballast.held_bytes == _MIB


def test_a_disk_that_refuses_it_leaves_nothing_behind(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "none" / "ballast", _MIB)
    ballast.take(100 * _MIB)
    assert ballast.held_bytes == 0


async def test_alarms_are_written_although_others_filled_the_disk(tmp_path: Path) -> None:
    """Point 5: the reserve keeps alarms writable, and the process stays up."""
    with small_disk(tmp_path / "disk", 16 * _MIB) as disk:
        ballast = Ballast(disk.folder / "ballast", 2 * _MIB)
        async with open_outbox(disk.folder, limits=LIMITS) as outbox:
            outbox.give_up_when_full(ballast.release)
            await outbox.append(prediction())
            ballast.take(disk_free(disk.folder))
            if not ballast.held_bytes:
                raise AssertionError("the disk has room for it")
            disk.fill(0)
            for index in range(200):
                await outbox.append(alarm() if index % 2 else prediction(index))
            assert ballast.released <= 1
            disk.free()
            kinds = [type(record.body) for _, record in await outbox.history(limit=1000)]
            assert kinds.count(Event) == 100
            assert kinds.count(Prediction) == 101
            ballast.take(disk_free(disk.folder))
            assert ballast.held_bytes == 2 * _MIB


def disk_free(folder: Path) -> int:
    """What it has left."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
